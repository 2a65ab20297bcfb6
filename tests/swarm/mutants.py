#!/usr/bin/env python3
"""Random mutants of core/ (an operator, a constant, a statement left out), one at a time: what do the
step, unit and contract tests, so many seeds of the swarm and the property tests not notice? Survivors
are to be judged by a person: a hole in the tests, or a change without an effect (docs/mutants.md).

mutants.py WORK_DIR COUNT SEEDS [--from N] [--seed S] [--only PLACE] [--jobs J]

WORK_DIR gets, for each job, a copy of the tree and its build (-O1), made once; each mutant compiles one
file again. The mutants of a seed S are always the same, in the same order; --from goes on behind an
earlier run, --only takes those whose "path:line " contains PLACE. Each run into the same WORK_DIR
brings its copies of the tests and scenarios up to date first.
Prints a line a mutant and appends it to WORK_DIR/mutants.jsonl.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import queue
import random
import re
import resource
import shutil
import subprocess
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SWARM = "scenarios/swarm.json"
# The quick ones first. Of the unit tests, what is about other code and takes long is left out.
QUICK, SLOW = ["step", "contract"], ["property", "unit"]
RINGS = QUICK + SLOW
NOT_ABOUT_CORE = ("--gtest_filter=-*Shrink*:Reduce.*:Minimise.*:Parts.*:Settings.*:Explore.*:Writer.*:WorkerPool.*:"
                  "DiffTrace.*:Program.*:ScenarioLoader.*:ScenarioLibrary.*:Swarm.*:Json.*")
MEMORY = 4 << 30
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
    """Whether it ended well. A mutant that never ends is stopped by its processor time, whatever else the
    machine does, and one that eats memory by its share of it."""
    def limits():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        return subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              timeout=20 * seconds, preexec_fn=limits).returncode == 0
    except subprocess.TimeoutExpired:
        return False  # asleep


class Copy:
    """A tree to change and its build."""

    def __init__(self, folder, jobs):
        self.tree, self.build = os.path.join(folder, "tree"), os.path.join(folder, "build")
        os.makedirs(self.tree, exist_ok=True)
        self.update()
        # Two copies are the same to ccache.
        environment = dict(os.environ, CCACHE_BASEDIR=folder, CCACHE_NOHASHDIR="1")
        linker = ["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold"] if shutil.which("mold") else []
        subprocess.run(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                        "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DIMROUTE_TESTS=ON", "-DIMROUTE_BENCH=OFF",
                        "-DIMROUTE_CLUSTER=OFF", "-DIMROUTE_TEST_FLAGS=-O0", *linker], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(self.ninja(jobs), check=True, stdout=subprocess.DEVNULL, env=environment)

    def ninja(self, jobs=1):
        return ["ninja", "-C", self.build, f"-j{jobs}", "imroute", *(f"{ring}_tests" for ring in RINGS)]

    def update(self):
        """What differs from the project; what does not keeps its time, so that it is not compiled again."""
        for name in project_files():
            target = os.path.join(self.tree, name)
            text = open(os.path.join(ROOT, name), "rb").read()
            if name == "CMakeLists.txt":
                text = text.replace(b" -Werror", b"")  # a warning notices no mutant in another's code
            if not os.path.exists(target) or open(target, "rb").read() != text:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                open(target, "wb").write(text)

    def judge(self, path, line, after, seeds):
        """Who noticed this change: "compiler", a ring of tests, "seed N", or None."""
        full = os.path.join(self.tree, path)
        with open(full, encoding="utf-8") as file:
            original = file.read()
        changed = original.split("\n")
        changed[line - 1] = after
        with open(full, "w", encoding="utf-8") as file:
            file.write("\n".join(changed))
        try:
            return self.noticed(seeds)
        finally:
            with open(full, "w", encoding="utf-8") as file:
                file.write(original)

    def noticed(self, seeds):
        if not run(self.ninja(), self.tree, 600):
            return "compiler"
        for ring in QUICK:
            if not self.ring(ring):
                return ring
        for seed in seeds:
            if not self.seed(seed):
                return f"seed {seed}"
        for ring in SLOW:
            if not self.ring(ring):
                return ring
        return None

    def ring(self, ring):
        return run(["env", "RC_PARAMS=seed=20", os.path.join(self.build, "tests", f"{ring}_tests"),
                    "--gtest_fail_fast", *([NOT_ABOUT_CORE] if ring == "unit" else [])],
                   self.tree, 10 if ring in QUICK else 60)

    def seed(self, seed):
        return run([os.path.join(self.build, "imroute"), "run", SWARM, "--seed", str(seed)], self.tree, 20)


def project_files():
    """What git keeps, and what is new and not ignored."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    return [name for name in listed.split("\0") if os.path.isfile(os.path.join(ROOT, name))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work"), parser.add_argument("count", type=int), parser.add_argument("seeds", type=int)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    work = os.path.abspath(options.work)
    copies = [Copy(os.path.join(work, str(job)), options.jobs) for job in range(options.jobs)]
    for ring in RINGS:
        if not copies[0].ring(ring):
            raise SystemExit(f"mutants: the {ring} tests fail without a mutant")
    # Seeds that fail without a mutant tell nothing about one.
    good = [seed for seed in range(1, 4 * options.seeds) if copies[0].seed(seed)][:options.seeds]
    mutants = all_mutants(ROOT)
    random.Random(options.seed).shuffle(mutants)
    print(f"{len(mutants)} possible mutants, {len(good)} seeds each", flush=True)
    chosen = [(number, *mutant) for number, mutant in enumerate(mutants)
              if number >= options.first and options.only in f"{mutant[0]}:{mutant[1]} "]
    free, counts, lock = queue.Queue(), collections.Counter(), threading.Lock()
    for copy in copies:
        free.put(copy)

    def one(mutant):
        number, path, line, what, before, after = mutant
        if sum(counts.values()) >= options.count:
            return
        copy = free.get()
        noticed = copy.judge(path, line, after, good)
        free.put(copy)
        with lock:
            if noticed == "compiler" or sum(counts.values()) >= options.count:
                return
            counts[re.sub(r" .*", "", noticed or "nobody")] += 1
            print(f"{'noticed ' if noticed else 'SURVIVED'} #{number} {path}:{line} {what}"
                  + (f" ({noticed})" if noticed else f"\n    {before.strip()}\n    {after.strip()}"), flush=True)
            with open(os.path.join(work, "mutants.jsonl"), "a", encoding="utf-8") as file:
                file.write(json.dumps({"number": number, "place": f"{path}:{line}", "what": what, "noticed": noticed,
                                       "before": before.strip(), "after": after.strip()}) + "\n")

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, chosen))
    print(f"{sum(counts.values())} mutants judged, {counts['nobody']} survived; noticed by "
          + ", ".join(f"{who} {count}" for who, count in counts.most_common() if who != "nobody"))


main()
