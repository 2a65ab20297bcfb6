#!/usr/bin/env python3
"""Every planted bug (core/base/planted_bugs.h) is caught by the oracle it names, within so many seeds
of the default swarm; and without a planted bug the test build does what the production build does.

planted.py PLANTED_PROGRAM PROGRAM SEEDS JOBS [--ranges N] [--table FILE] [--shrink] [BUG...]

For each bug N disjoint ranges of SEEDS seeds each are run until the named oracle is violated; the
line of a bug says the seeds that took, median and worst over the ranges. --shrink makes each small:
what comes out fails with the bug and holds without it, and nine of ten are as small as SMALL.
--table does that and writes the page docs/planted-bugs.md.
"""
import argparse
import concurrent.futures
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SWARM = "scenarios/swarm.json"
# What must not differ between the two builds while no bug is switched on.
SAME = [("scenarios/nemesis.json", seed) for seed in (1, 2, 3)] + [
    ("scenarios/crash-under-load.json", 7), ("scenarios/group-chat.json", 1),
    ("scenarios/multi-device-kick.json", 1)]
# Bugs that the mailbox heals: nothing is lost, and only the oracle of routing may see them.
HEALED = ["nack_ignored"]
SMALL = (5, 10, 50)  # faults, users, messages
FIRST = 1_000_000  # ranges begin here and there, far from the seeds that others use
APART = 100_000


class Outcome:
    """One run: what it violated, and how it failed otherwise (an assertion, a hang)."""

    def __init__(self, program, arguments):
        self.command = shlex.join(["imroute_planted", *arguments])
        self.result, self.problem = None, None
        try:
            done = subprocess.run([program, *arguments, "--json"], cwd=ROOT, capture_output=True,
                                  text=True, timeout=300)
            self.result = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            self.problem = "did not end within 300 s"
        except json.JSONDecodeError:
            self.problem = f"exit {done.returncode}: {done.stderr.strip()[-300:]}"

    def violated(self):
        if self.result is None:
            return []
        return [v["property"] for v in self.result["violations"] if v["excused"] is None]


def search(program, bug, first, seeds):
    """Seeds until the oracle saw the bug (None: it did not), what else was seen, the command."""
    needs = [word for setting in bug["needs"].split() for word in ("--set", setting)]
    others = {}
    for tried in range(seeds):
        arguments = ["run", SWARM, "--seed", str(first + tried), *needs]
        outcome = Outcome(program, [*arguments, "--plant", bug["name"]])
        violated = outcome.violated()
        # What the seed shows without the bug too says nothing about it.
        if bug["oracle"] in violated and bug["oracle"] not in Outcome(program, arguments).violated():
            lost = outcome.result["messages"]["lost"]
            if bug["name"] in HEALED and (lost or set(violated) != {bug["oracle"]}):
                return None, {f"{lost} lost, {violated}: the mailbox does not heal it": outcome.command}, None
            return tried + 1, others, outcome.command
        for other in set(violated) | ({outcome.problem} if outcome.problem else set()):
            others.setdefault(other, outcome.command)
    return None, others, None


def shrunk(program, bug, command):
    """(faults, users, messages) of the smallest scenario that fails the same way, and what is wrong
    with it: it must fail by itself, and hold without the bug."""
    words = shlex.split(command)[1:]
    words[0] = "shrink"
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "small.json")
        try:
            done = subprocess.run([program, *words, "--fingerprint", bug["oracle"], "--jobs", "1", "--json", "--out",
                                   out], cwd=ROOT, capture_output=True, text=True, timeout=600)
            after = json.loads(done.stdout)["after"]
        except subprocess.TimeoutExpired:
            return None, "shrink did not end within 600 s"
        except json.JSONDecodeError:
            return None, f"shrink ended with {done.returncode}: {done.stderr.strip()[-300:]}"
        sizes = after["faults"], after["users"], after["messages"]
        if bug["oracle"] not in Outcome(program, ["run", out, "--plant", bug["name"]]).violated():
            return sizes, "what shrink made does not fail"
        if bug["oracle"] in Outcome(program, ["run", out]).violated():
            return sizes, "what shrink made fails without the bug too"
    return sizes, None


def write_page(path, rows, ranges, seeds):
    """docs/planted-bugs.md"""
    medians = [row["median"] for row in rows if row["median"] is not None]
    lines = [
        "# Planted bugs", "",
        "What the oracles are tested against: bugs of the kinds that real systems of this field had, compiled into",
        "`imroute_planted` only (`core/base/planted.h`) and switched on by name with `--plant`. Each names the oracle",
        "that must see it. *Seeds* is how many of the default swarm (`" + SWARM + "`) that took, as median and worst of",
        f"{ranges} disjoint ranges of up to {seeds:,} seeds; a seed that violates the same oracle without the bug does not",
        "count. *Shrunk* is the smallest scenario that fails the same way: faults / users / messages.", "",
        f"{len(rows)} bugs, median of the medians {statistics.median(medians):g} seeds, "
        f"worst of all {max(row['worst'] or 0 for row in rows)}."
        if medians else f"{len(rows)} bugs.", "",
        "| bug | what it does | seen in | oracle | seeds | shrunk |", "|---|---|---|---|---|---|"]
    for row in rows:
        took = "not caught" if row["median"] is None else f"{row['median']:g} / {row['worst']}"
        if row["missed"] and row["median"] is not None:
            took += f", missed in {row['missed']} ranges"
        small = "" if row.get("shrunk") is None else " / ".join(str(n) for n in row["shrunk"])
        what = row["help"]
        if row["needs"]:
            what += " Needs `" + "`, `".join(row["needs"].split()) + "`."
        lines.append(f"| `{row['name']}` | {what} | {row['source']} | {row['oracle']} | {took} | {small} |")
    lines += ["", "Again: `tests/swarm/planted.py build/release/imroute_planted build/release/imroute "
              f"{seeds} 2 --ranges {ranges} --table docs/planted-bugs.md`.", ""]
    with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def same_without(planted, plain):
    """Differences between the builds with every bug switched off."""
    wrong = []
    for scenario, seed in SAME:
        arguments = ["run", scenario, "--seed", str(seed)]
        a, b = Outcome(planted, arguments), Outcome(plain, arguments)
        if a.result is None or b.result is None or a.result["trace_hash"] != b.result["trace_hash"]:
            wrong.append(f"{scenario} seed {seed}: {a.problem or a.result['trace_hash']} with the bugs "
                         f"compiled in, {b.problem or b.result['trace_hash']} without")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("planted"), parser.add_argument("plain")
    parser.add_argument("seeds", type=int), parser.add_argument("jobs", type=int)
    parser.add_argument("bugs", nargs="*")
    parser.add_argument("--ranges", type=int, default=1)
    parser.add_argument("--table")
    parser.add_argument("--shrink", action="store_true")
    options = parser.parse_args()
    planted, plain = os.path.abspath(options.planted), os.path.abspath(options.plain)
    listed = subprocess.run([planted, "list", "bugs", "--json"], check=True, capture_output=True, text=True)
    bugs = [bug for bug in json.loads(listed.stdout) if not options.bugs or bug["name"] in options.bugs]
    passed = failed = 0
    for problem in same_without(planted, plain):
        print(f"FAILED off by default: {problem}")
        failed += 1
    passed += len(SAME) - failed
    print(f"off by default: {passed} of {len(SAME)} runs have the trace hash of the production build", flush=True)

    rows, big = [], []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        work = [(bug, [pool.submit(search, planted, bug, FIRST + k * APART, options.seeds)
                       for k in range(options.ranges)]) for bug in bugs]
        for bug, ranges in work:
            found = [r.result() for r in ranges]
            took = [tried for tried, _, _ in found if tried is not None]
            missed = len(found) - len(took)
            row = dict(bug, missed=missed, median=statistics.median(took) if took else None,
                       worst=max(took) if took else None)
            if (options.table or options.shrink) and took:
                row["shrunk"], problem = shrunk(planted, bug, next(command for _, _, command in found if command))
                if problem:
                    failed += 1
                    print(f"FAILED {bug['name']}: {problem}", flush=True)
                elif any(have > most for have, most in zip(row["shrunk"], SMALL)):
                    big.append(bug["name"])
            rows.append(row)
            others = {}
            for _, seen, _ in found:
                others.update(seen)
            seen = ", ".join(sorted(others))
            if missed:
                failed += 1
                print(f"FAILED {bug['name']}: {bug['oracle']} saw nothing in {missed} of {len(found)} ranges of "
                      f"{options.seeds} seeds" + (f"; others did: {seen}" if seen else ""), flush=True)
                for other, command in sorted(others.items()):
                    print(f"    {other}: {command}")
            else:
                passed += 1
                print(f"ok     {bug['name']}: {bug['oracle']} after {row['median']:g} seeds (worst {row['worst']})"
                      + (f", before it: {seen}" if seen else ""), flush=True)
    medians = [row["median"] for row in rows if row["median"] is not None]
    if medians:
        print(f"median of medians: {statistics.median(medians):g} seeds; worst {max(r['worst'] or 0 for r in rows)}")
    tried = sum(row.get("shrunk") is not None for row in rows)
    if tried:
        small = tried - len(big)
        print(f"shrunk: {small} of {tried} have at most {SMALL[0]} faults, {SMALL[1]} users and {SMALL[2]} messages"
              + (f"; not {', '.join(big)}" if big else ""))
        if small < 0.9 * tried:
            failed += 1
            print("FAILED shrink: fewer than nine of ten are small")
    if options.table:
        write_page(options.table, rows, options.ranges, options.seeds)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
