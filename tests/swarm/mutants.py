#!/usr/bin/env python3
"""Random mutants of core/ (an operator, a constant, a statement left out), one at a time: what do the
step tests and so many seeds of the swarm not notice? Survivors are to be judged by a person: a hole
in the tests, or a change without an effect.

mutants.py WORK_DIR COUNT SEEDS [--from N] [--seed S] [--only TEXT]

WORK_DIR gets a copy of the tree and its build (-O1), made once; each mutant compiles one file again.
The mutants of a seed S are always the same, in the same order; --from goes on behind an earlier run.
Prints a line a mutant and appends it to WORK_DIR/mutants.jsonl.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ["CMakeLists.txt", "cmake", "core", "config", "harness", "store", "sim", "cli", "scenarios", "tests", "reports"]
SWARM = "scenarios/swarm.json"
# What is not the behaviour: text about it, counters and traces of it, assertions.
NOT_BEHAVIOUR = re.compile(r"^\s*(#|//|case |default:|\}|static_assert|using |namespace )|IM_ASSERT|IM_PLANTED|"
                           r"\btrace\w*\(|counters?_[.]|\+\+counters_|digest|constexpr auto")
OPERATORS = [(" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "), (" == ", " != "),
             (" != ", " == "), (" && ", " || "), (" || ", " && "), (" + ", " - "), (" - ", " + "), ("(!", "("),
             (" += ", " -= "), ("true", "false"), ("false", "true"), ("std::min(", "std::max("),
             ("std::max(", "std::min(")]
NUMBER = re.compile(r"(?<![\w.'])(\d+)(?![\w.'])")
STATEMENT = re.compile(r"^\s+(?!return|break|continue|const |auto |if|for|while|else|switch|using)"
                       r"[\w\[\].>()*&-]+(\.|->|\(| = | [+|&-]= ).*;$")
DECLARATION = re.compile(r"^\s+[\w:<>,* &]+ [\w]+( = .*|\(.*\)|\{.*\})?;$")


def mutants_of_line(line):
    """(what, changed line) for every way to change this line."""
    code = line.split("//")[0].rstrip()
    if not code.strip() or NOT_BEHAVIOUR.search(code):
        return
    for old, new in OPERATORS:
        at = code.find(old)
        while at != -1:
            yield f"{old.strip()} -> {new.strip()}", code[:at] + new + code[at + len(old):]
            at = code.find(old, at + len(old))
    for match in NUMBER.finditer(code):
        changed = str(int(match.group(1)) + 1)
        yield f"{match.group(1)} -> {changed}", code[:match.start(1)] + changed + code[match.end(1):]
    if STATEMENT.match(code) and not DECLARATION.match(code) and code.count("(") == code.count(")"):
        yield "left out", re.match(r"\s*", code).group() + ";"


def all_mutants(tree):
    found = []
    for folder, subfolders, names in os.walk(os.path.join(tree, "core")):
        subfolders.sort()
        for name in sorted(n for n in names if n.endswith(".cc") and n != "planted.cc"):
            path = os.path.relpath(os.path.join(folder, name), tree)
            with open(os.path.join(tree, path), encoding="utf-8") as file:
                lines = file.read().split("\n")
            for number, line in enumerate(lines, 1):
                found += [(path, number, what, line, changed) for what, changed in mutants_of_line(line)]
    return found


def run(words, folder, seconds):
    """Exit code; None: it did not end."""
    try:
        return subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        return None


def prepare(work):
    tree, build = os.path.join(work, "tree"), os.path.join(work, "build")
    if not os.path.exists(tree):
        os.makedirs(tree)
        for name in FOLDERS:
            source = os.path.join(ROOT, name)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(tree, name))
            elif os.path.exists(source):
                shutil.copy(source, os.path.join(tree, name))
        with open(os.path.join(tree, "CMakeLists.txt"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(tree, "CMakeLists.txt"), "w", encoding="utf-8") as file:
            file.write(text.replace(" -Werror", ""))  # a warning notices no mutant in another's code
    subprocess.run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                    "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DIMROUTE_TESTS=ON", "-DIMROUTE_BENCH=OFF"],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build, "-j1", "imroute", "step_tests"], check=True, stdout=subprocess.DEVNULL)
    return tree, build


def judge(tree, build, seeds):
    """Who noticed: "compiler", "step tests", "seed N", or None."""
    if run(["ninja", "-C", build, "-j1", "imroute", "step_tests"], tree, 900) != 0:
        return "compiler"
    if run([os.path.join(build, "tests/step_tests"), "--gtest_fail_fast"], tree, 300) != 0:
        return "step tests"
    for seed in seeds:
        if run([os.path.join(build, "imroute"), "run", SWARM, "--seed", str(seed)], tree, 60) != 0:
            return f"seed {seed}"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work"), parser.add_argument("count", type=int), parser.add_argument("seeds", type=int)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="files whose path contains this")
    options = parser.parse_args()
    work = os.path.abspath(options.work)
    os.makedirs(work, exist_ok=True)
    tree, build = prepare(work)
    # Seeds that fail without a mutant tell nothing about one.
    good = [s for s in range(1, 4 * options.seeds)
            if run([os.path.join(build, "imroute"), "run", SWARM, "--seed", str(s)], tree, 60) == 0][:options.seeds]
    mutants = [m for m in all_mutants(tree) if options.only in m[0]]
    random.Random(options.seed).shuffle(mutants)
    print(f"{len(mutants)} possible mutants, {len(good)} seeds each", flush=True)
    judged = survived = 0
    for number, (path, line, what, before, after) in enumerate(mutants):
        if number < options.first:
            continue
        if judged >= options.count:
            break
        full = os.path.join(tree, path)
        with open(full, encoding="utf-8") as file:
            original = file.read()
        changed = original.split("\n")
        changed[line - 1] = after
        with open(full, "w", encoding="utf-8") as file:
            file.write("\n".join(changed))
        noticed = judge(tree, build, good)
        with open(full, "w", encoding="utf-8") as file:
            file.write(original)
        if noticed == "compiler":
            continue
        judged += 1
        survived += noticed is None
        print(f"{'SURVIVED' if noticed is None else 'noticed '} #{number} {path}:{line} {what}"
              + (f" ({noticed})" if noticed else f"\n    {before.strip()}\n    {after.strip()}"), flush=True)
        with open(os.path.join(work, "mutants.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps({"number": number, "place": f"{path}:{line}", "what": what, "noticed": noticed,
                                   "before": before.strip(), "after": after.strip()}) + "\n")
    print(f"{judged} mutants judged, {survived} survived")


main()
