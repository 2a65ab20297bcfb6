#!/usr/bin/env python3
"""Runs every libFuzzer target for so many seconds, from the checked-in corpus; new finds go to
BUILD/fuzz-corpus, an input that breaks something to BUILD/fuzz-artifacts.

run.py BUILD SECONDS JOBS
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys


def fuzz(build, seconds, target):
    name = os.path.basename(target).removesuffix("_fuzz")
    kept = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", name)
    found = os.path.join(build, "fuzz-corpus", name)
    artifacts = os.path.join(build, "fuzz-artifacts", name)
    for folder in (found, artifacts):
        os.makedirs(folder, exist_ok=True)
    folders = [found] + ([kept] if os.path.isdir(kept) else [])
    done = subprocess.run([target, f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048",
                           "-max_len=65536", f"-artifact_prefix={artifacts}/", "-print_final_stats=1",
                           *folders], capture_output=True, text=True, errors="replace")
    runs = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    inputs = int(runs.group(1)) if runs else 0
    held = done.returncode == 0 and inputs > 0
    text = f"{'ok    ' if held else 'FAILED'} {name}: {inputs} inputs, {covered[-1] if covered else 0} edges"
    if not held:
        text += f"\n{done.stderr[-4000:]}\nrun again: {target} {artifacts}/*"
    return held, text


def main(build, seconds, jobs):
    targets = sorted(t for t in glob.glob(os.path.join(build, "tests/fuzz/*_fuzz"))
                     if os.access(t, os.X_OK))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for held, text in pool.map(lambda target: fuzz(build, seconds, target), targets):
            print(text, flush=True)
            failed += not held
    if not targets:
        print("no fuzz target was built")
        failed = 1
    print(f"{len(targets) - failed if targets else 0} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main(os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
