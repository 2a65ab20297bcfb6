#!/usr/bin/env python3
"""Every command in a ```sh block of README.md and CONTRIBUTING.md works.

readme.py ROOT [PROGRAM]

Commands run in order, in one copy of the tree's scenarios, so that a later one may read what an earlier
one wrote. `imroute` (also build/release/imroute) is PROGRAM; scenario files are cut to their `ci` size.
`./dev COMMAND` must be known to ./dev help; it is not run, being the ring around this very test.
A block that shows how to do something elsewhere is marked ```console instead.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

import tree

CI_COMMANDS = {"run", "compare", "explore"}


def commands(numbered):
    inside, pending, start = False, "", 0
    for number, text in numbered:
        if text.startswith("```"):
            inside = text.strip() == "```sh"
        elif inside and text.strip() and not text.strip().startswith("#"):
            start = start or number
            pending += text.split(" #")[0].strip()
            if pending.endswith("\\"):
                pending = pending[:-1]
                continue
            yield start, pending
            pending, start = "", 0


def run_program(program, words, folder):
    if len(words) > 1 and words[1] in CI_COMMANDS:
        words = words + ["--ci"]
    environment = dict(os.environ, PATH=os.path.dirname(program) + ":" + os.environ.get("PATH", ""))
    return subprocess.run(" ".join(["imroute", *words[1:]]), shell=True, cwd=folder, env=environment,
                          capture_output=True, text=True)


def main(root, program):
    violations, examined = [], 0
    with open(os.path.join(root, "dev"), encoding="utf-8") as file:
        known = set(re.findall(r"^\./dev (\w+)", file.read(), re.MULTILINE))
    with tempfile.TemporaryDirectory() as folder:
        if os.path.isdir(os.path.join(root, "scenarios")):
            shutil.copytree(os.path.join(root, "scenarios"), os.path.join(folder, "scenarios"))
        for path in ("README.md", "CONTRIBUTING.md"):
            if not os.path.exists(os.path.join(root, path)):
                continue
            numbered = tree.lines(root, path)
            for number, line in commands(numbered):
                examined += 1
                words = line.split()
                if words[0] == "./dev":
                    if len(words) < 2 or words[1] not in known:
                        violations.append(f"{path}:{number}: ./dev does not know: {line}")
                elif os.path.basename(words[0]) == "imroute":
                    if program is None:
                        continue
                    done = run_program(program, words, folder)
                    if done.returncode != 0:
                        violations.append(f"{path}:{number}: exit {done.returncode}: {line}\n"
                                          f"{(done.stdout + done.stderr)[-800:]}")
                elif words[0] not in ("git", "cd", "cmake", "ninja", "ctest"):
                    violations.append(f"{path}:{number}: cannot tell whether this works: {line}")
    tree.finish("readme", violations, examined)


main(sys.argv[1], os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None)
