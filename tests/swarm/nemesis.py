#!/usr/bin/env python3
"""Every routing strategy under every login balancer, over many seeds of the nemesis scenario: nothing
lost, nothing shown twice, in order, to the right users, and converged; and the faults did happen.

nemesis.py PROGRAM SEEDS JOBS [FROM]

Prints a line a cell, the effective faults by kind, and for a failing seed the command that shows it.
"""
import collections
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCENARIO = "scenarios/nemesis.json"
BALANCERS = ["consistent_hash", "least_active", "random", "round_robin"]
# Kinds that must have been effective at least once in the whole swarm, else it proves too little.
MUST_HAPPEN = ["crash", "pause", "partition", "relocate"]
ZERO = ["lost", "visible_duplicates", "order_violations", "misdelivered"]


def cells():
    strategies = [(f"{kind}@{bus}", {"kind": kind, "bus": bus})
                  for kind in ("broadcast", "cached_broadcast") for bus in ("mesh", "pubsub")]
    strategies += [("mesh_directory", {"kind": "mesh_directory"})]
    strategies += [(f"central:{mode}:{placement}",
                    {"kind": "central", "mode": mode, "placement": {"kind": placement}})
                   for mode in ("resolve", "forward")
                   for placement in ("table", "hash", "consistent_hash", "range")]
    for name, strategy in strategies:
        placed = strategy.get("placement", {}).get("kind", "table") != "table"
        # Where the placement decides the login the balancer is not asked: one cell.
        for balancer in BALANCERS[:1] if placed else BALANCERS:
            yield f"{name} x {'placement' if placed else balancer}", strategy, {"kind": balancer}


def run(program, strategy, balancer, seed):
    command = [program, "run", SCENARIO, "--seed", str(seed), "--set", "/strategy=" + json.dumps(strategy),
               "--set", "/balancer=" + json.dumps(balancer), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    shown = shlex.join(command[:-1]).replace(os.path.dirname(program) + "/", "build/release/")
    try:
        result = json.loads(done.stdout)
    except json.JSONDecodeError:
        return None, f"exit {done.returncode} {done.stderr.strip()[-400:]}\n    {shown}"
    wrong = [f"{key} {result['messages'][key]}" for key in ZERO if result["messages"][key] != 0]
    if result["verdict"] != "pass":
        first = (result["violations"] or [{}])[0]
        wrong.insert(0, f"{result['verdict']}: {first.get('property')}: {first.get('witness')}")
    return result, f"{'; '.join(wrong)}\n    {shown}" if wrong else None


def main(program, seeds, jobs, first):
    effective, drawn = collections.Counter(), collections.Counter()
    totals = collections.Counter()
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for name, strategy, balancer in cells():
            results = list(pool.map(lambda s: run(program, strategy, balancer, s),
                                    range(first, first + seeds)))
            problems = [problem for _, problem in results if problem]
            worst = 0
            for result, _ in results:
                if result is None:
                    continue
                for key in ("accepted", "delivered", "excused"):
                    totals[key] += result["messages"][key]
                worst = max(worst, result["recovery"]["converged_ms"])
                for fault in result["faults"]:
                    drawn[fault["kind"]] += 1
                    effective[fault["kind"]] += bool(fault["effective"])
            passed += len(results) - len(problems)
            failed += len(problems)
            print(f"{'FAILED' if problems else 'ok    '} {name}: {len(results)} seeds, "
                  f"converged within {worst:g} ms", flush=True)
            for problem in problems[:5]:
                print(f"    {problem}", flush=True)
    print("effective faults (of drawn): "
          + ", ".join(f"{kind} {effective[kind]} ({drawn[kind]})" for kind in sorted(drawn)))
    print(f"messages: {totals['accepted']} accepted, {totals['delivered']} delivered, "
          f"{totals['excused']} excused")
    for kind in MUST_HAPPEN:
        if effective[kind] == 0:
            failed += 1
            print(f"FAILED no {kind} had an effect in the whole swarm")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main(os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]),
     int(sys.argv[4]) if len(sys.argv) > 4 else 1)
