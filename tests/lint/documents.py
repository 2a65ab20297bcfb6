#!/usr/bin/env python3
"""Documents speak of code that exists: links lead somewhere, `path/file.ext` in backticks is there, and a
`function()` in backticks is a function of the project.

documents.py ROOT
"""
import glob
import os
import re
import sys

import tree

PATH = re.compile(r"`((?:core|sim|harness|config|cli|scenarios|bench|tests|docs|reports)/[\w./*-]*)`")
FUNCTION = re.compile(r"`(\w+)\(\)`")
LINK = re.compile(r"\]\(([^)#: ]+)(?:#[^)]*)?\)")


def main(root):
    code = "".join(text for path in tree.sources(root) for _, text in tree.lines(root, path))
    known = set(re.findall(r"(\w+)\(", code))
    documents = sorted(set(tree.sources(root, (".md",), tree.FOLDERS + ["docs", "scenarios", "reports"])))
    documents += [name for name in sorted(os.listdir(root)) if name.endswith(".md")]
    violations = []
    for path in documents:
        for number, text in tree.lines(root, path):
            for target in LINK.findall(text):
                if not os.path.exists(os.path.join(root, os.path.dirname(path), target)):
                    violations.append(f"{path}:{number}: leads nowhere: {target}")
            for target in PATH.findall(text):
                if not glob.glob(os.path.join(root, target)):
                    violations.append(f"{path}:{number}: does not exist: {target}")
            for name in FUNCTION.findall(text):
                if name not in known:
                    violations.append(f"{path}:{number}: no such function: {name}()")
    tree.finish("documents", violations, len(documents))


main(sys.argv[1])
