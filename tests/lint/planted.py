#!/usr/bin/env python3
"""Planted bugs (core/base/planted_bugs.h) are in the test build only: the production library and
program hold neither their symbols nor their words, each bug of the table is planted somewhere, and
no header asks for them, so that files which do not ask are the same in both programs.

planted.py ROOT FILE...
"""
import os
import re
import subprocess
import sys

import tree

TABLE = "core/base/planted_bugs.h"
ROW = re.compile(r'X\((\w+), "([^"]*)", \\\s*"([^"]*)", \\\s*"([^"]*)",\s*(?:\\\s*)?"((?:[^"\\]|\\.)*)"\)')
SITE = re.compile(r"\bIM_PLANTED\((\w+)\)")
HEADER = "core/base/planted.h"


def main(root, files):
    with open(os.path.join(root, TABLE), encoding="utf-8") as table:
        bugs = {row[0]: row for row in ROW.findall(table.read())}
    violations, sites = [], set()
    for path in tree.sources(root, folders=["core", "store", "sim"]):
        for number, text in tree.lines(root, path):
            if path.endswith(".h") and text.startswith(f'#include "{HEADER}"'):
                violations.append(f"{path}:{number}: a header may not ask about planted bugs, only a .cc")
            for name in SITE.findall(text):
                sites.add(name)
                if name not in bugs and path != HEADER:
                    violations.append(f"{path}:{number}: IM_PLANTED({name}) is not in {TABLE}")
    violations += [f"{TABLE}: {name} is planted nowhere" for name in sorted(set(bugs) - sites)]
    for path in files:
        with open(path, "rb") as file:
            content = file.read()
        for name, _, what, source, _ in bugs.values():
            words = [b"\0" + name.encode() + b"\0", what.encode(), source.encode()]
            violations += [f"{path}: contains the words of the planted bug {name}: {word!r}"
                           for word in words if word in content]
        names = subprocess.run(["nm", "-C", path], check=True, capture_output=True, text=True).stdout
        violations += [f"{path}: contains a symbol of the planted bugs: {line}"
                       for line in names.splitlines() if re.search(r"\bimroute::\w*[Pp]lanted", line)]
    tree.finish("planted", violations, len(bugs))


main(sys.argv[1], sys.argv[2:])
