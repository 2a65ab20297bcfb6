#!/usr/bin/env python3
"""The same scenario and seed give the same trace hash: run again, in every build, from the effective
scenario, and as written down in trace_hashes.txt. Another seed gives another hash.

trace_hashes.py [--rewrite] [--jobs N] LABEL=PROGRAM...

Every file of scenarios/ is run at its own seed with its `ci` overrides; of a file with a matrix, each
strategy of it. The first PROGRAM is the one that is asked everything; the others are compared with it.
--rewrite refreshes trace_hashes.txt: review the diff and give the reason in the commit.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GOLDEN = os.path.join(HERE, "trace_hashes.txt")


class Case:
    """One run: a scenario file, or one strategy of a file with a matrix."""

    def __init__(self, path, document, strategy, folder):
        self.name = os.path.basename(path).removesuffix(".json")
        self.sets = []
        self.path = path
        self.seed = document.get("seed", 1)
        if "matrix" in document:  # `run` takes no matrix: the same file without it
            self.path = os.path.join(folder, os.path.basename(path))
            with open(self.path, "w", encoding="utf-8") as file:
                ci = {k: v for k, v in document.get("ci", {}).items() if not k.startswith("/matrix")}
                json.dump({**{k: v for k, v in document.items() if k != "matrix"}, "ci": ci}, file)
        if strategy is not None:
            value = {k: v for k, v in strategy.items() if k != "label"}
            parts = [value["kind"], value.get("mode"), value.get("placement", {}).get("kind")]
            default = ":".join(p for p in parts if p) + ("@" + value["bus"] if "bus" in value else "")
            self.name += "/" + strategy.get("label", default).replace(" ", "-")
            self.sets = ["--set", "/strategy=" + json.dumps(value)]


def run(program, path, *options):
    done = subprocess.run([program, "run", path, "--json", *options], capture_output=True, text=True)
    try:
        return json.loads(done.stdout), done
    except json.JSONDecodeError:
        return None, done


def parting(first, second):
    """Where the traces of two runs, each (program, path, options), part."""
    with tempfile.TemporaryDirectory() as out:
        sides = [os.path.join(out, side) for side in "AB"]
        for side, (program, path, options) in zip(sides, (first, second)):
            run(program, path, *options, "--trace", "--out", side)
        done = subprocess.run([first[0], "diff-trace", *sides], capture_output=True, text=True)
        return "".join("\n           " + line for line in (done.stdout + done.stderr).splitlines())


def judge(case, programs, golden):
    """(hash, problems)"""
    problems = []
    label, program = next(iter(programs.items()))
    with tempfile.TemporaryDirectory() as out:
        result, done = run(program, case.path, "--ci", *case.sets, "--out", out)
        if result is None:
            return None, [f"exit {done.returncode}: {done.stderr.strip()[-500:]}"]
        want = result["trace_hash"]
        if result["verdict"] != "pass" or done.returncode != 0:
            first = (result["violations"] or [{}])[0]
            problems.append(f"verdict {result['verdict']}: {first.get('property')}: {first.get('witness')}")

        def expect(what, equal, path, *options, by=program):
            other, ran = run(by, path, *options)
            got = other["trace_hash"] if other else f"exit {ran.returncode} {ran.stderr.strip()[-300:]}"
            if (got == want) != equal or other is None:
                problems.append(f"{what}: {got}, {'not' if equal else 'as'} {want}")
                if equal and other is not None:
                    problems[-1] += parting((program, case.path, ["--ci", *case.sets]), (by, path, options))

        expect("run again", True, case.path, "--ci", *case.sets)
        expect("another seed", False, case.path, "--ci", *case.sets, "--seed", str(case.seed + 1))
        expect("effective.json", True, os.path.join(out, "effective.json"))
        for other_label, other in list(programs.items())[1:]:
            expect(other_label, True, case.path, "--ci", *case.sets, by=other)
    if golden is not None and golden.get(case.name) != want:
        problems.append(f"trace_hashes.txt says {golden.get(case.name, 'nothing')}, not {want}")
    return want, problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rewrite", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    programs = dict(item.split("=", 1) for item in options.programs)
    golden = {}
    if os.path.exists(GOLDEN):
        with open(GOLDEN, encoding="utf-8") as file:
            golden = dict(line.split()[:2] for line in file if line.strip() and line[0] != "#")

    hashes, failed = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for path in sorted(glob.glob(os.path.join(ROOT, "scenarios/*.json"))):
            if os.path.basename(path) == "schema.json":
                continue
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
            strategies = document.get("matrix", {}).get("strategies") or [None]
            cases += [Case(path, document, strategy, folder) for strategy in strategies]
        cases = [case for case in cases if options.only in case.name]
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            judged = pool.map(lambda c: judge(c, programs, None if options.rewrite else golden), cases)
            for case, (value, problems) in zip(cases, judged):
                hashes[case.name] = value
                failed += bool(problems)
                print(f"{'FAILED' if problems else 'ok    '} {value} {case.name}", flush=True)
                for problem in problems:
                    print(f"         {problem}", flush=True)
    for name in sorted(set(golden) - set(hashes)):
        if not options.rewrite and not options.only:
            failed += 1
            print(f"FAILED {name} stands in trace_hashes.txt and not in scenarios/")
    if options.rewrite and None not in hashes.values():
        with open(GOLDEN, "w", encoding="utf-8") as file:
            file.write("# Trace hash of each scenario at its own seed, with its `ci` overrides.\n"
                       "# Refreshed by ./dev hashes --rewrite; a change needs a reason in its commit.\n")
            file.writelines(f"{name} {value}\n" for name, value in sorted(hashes.items()))
    if not cases:
        print("no scenario to run")
        failed = 1
    print(f"builds compared: {', '.join(programs)}")
    print(f"{max(0, len(cases) - failed)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
