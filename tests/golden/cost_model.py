#!/usr/bin/env python3
"""The calibrated scenarios at full size cost what docs/cost-model.md says: frames per delivery of each
strategy within 3 % of its formula, 2 % for groups, with one seed on ten nodes.

cost_model.py PROGRAM JOBS [FILE...]
"""
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NODES = "/matrix/axes/~1topology~1nodes=[10]"


def cells(program, jobs, path):
    done = subprocess.run([program, "compare", path, "--seeds", "1", "--jobs", jobs, "--set", NODES, "--json"],
                          cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"FAILED {path}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
        return []
    return json.loads(done.stdout)["cells"]


def main(program, jobs, files):
    passed = failed = 0
    for path in files or sorted(glob.glob(os.path.join(ROOT, "scenarios/cost-*.json"))):
        name = os.path.basename(path).removesuffix(".json")
        allowed = 0.02 if name == "cost-group" else 0.03
        found = cells(program, jobs, path)
        failed += not found
        for cell in found:
            formula = cell["model_frames_per_delivery"]
            measured = cell["metrics"]["frames/per_delivery"]["mean"]
            off = measured / formula - 1
            good = abs(off) <= allowed
            passed += good
            failed += not good
            print(f"{'ok    ' if good else 'FAILED'} {name} {cell['strategy']}: {measured:.3f} frames per delivery, "
                  f"{formula:.3f} by the formula ({off:+.2%}, allowed {allowed:.0%})", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main(os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:])
