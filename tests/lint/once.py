#!/usr/bin/env python3
"""There is one core: every core/*.cc is compiled once in a build, into one archive, which the simulator
and the real cluster both link; nothing else that is built defines one of its symbols.

once.py ROOT BUILD CORE.a USER.a...

Set apart is `imroute_planted` alone, which is the core with bugs in it: what is compiled with
IMROUTE_PLANTED. A unity build compiles files that include others; those count as compiled.
"""
import json
import os
import re
import shlex
import sys

import tree

UNITY = re.compile(r"^unity_\d+_\w+\.cxx$")


def compiled_by(command):
    """The files of the project that a command compiles."""
    path = os.path.join(command["directory"], command["file"])
    if not UNITY.match(os.path.basename(path)):
        return [path]
    with open(path, encoding="utf-8") as file:
        names = re.findall(r'^#include "(.*\.cc)"', file.read(), re.MULTILINE)
    return [os.path.join(os.path.dirname(path), name) for name in names]


def output_of(command):
    words = shlex.split(command["command"])
    return os.path.join(command["directory"], words[words.index("-o") + 1])


def archives(build):
    for directory, _, names in os.walk(build):
        yield from (os.path.join(directory, name) for name in sorted(names) if name.endswith(".a"))


def strong(path):
    """Symbols that the linker takes from one place only. Inline functions are weak, and in many."""
    return {name for kind, name in tree.symbols(["--defined-only"], path) if kind in "TDBR"}


def main(root, build, core, users):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = [c for c in json.load(file) if "-DIMROUTE_PLANTED" not in c["command"].split()]
    compiled = {}
    for command in commands:
        for path in compiled_by(command):
            path = os.path.relpath(os.path.realpath(path), os.path.realpath(root))
            compiled.setdefault(path, []).append(output_of(command))
    violations, own = [], set()
    for path in tree.sources(root, suffixes=".cc", folders=["core"]):
        objects = compiled.get(path, [])
        own.update(objects)
        if len(objects) != 1:
            violations.append(f"{path}: is compiled {len(objects)} times: {', '.join(objects)}")

    defined = strong(core)
    others = {path for outputs in compiled.values() for path in outputs if os.path.exists(path)} - own
    others.update(path for path in archives(build) if not os.path.samefile(path, core))
    for path in sorted(others):
        twice = sorted({name for _, name in tree.symbols(["--defined-only"], path)} & defined)
        violations += [f"{path}: defines again what is in {core}: {name}" for name in twice]
    for path in users:
        wanted = {name for _, name in tree.symbols(["-u"], path)}
        if not wanted & defined:
            violations.append(f"{path}: uses nothing of {core}")
    tree.finish("once", violations, len(defined) * len(others))


main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
