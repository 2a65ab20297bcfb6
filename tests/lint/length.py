#!/usr/bin/env python3
"""No file over 600 lines, no function over 80 (the aim is 500 and 70). Longer ones that exist stand in
length_ratchet.txt with their length; they may shrink, not grow, and leave the list when short enough.

length.py ROOT
"""
import os
import re
import sys

import tree

FILE_LINES, FUNCTION_LINES = 600, 80
# Formatted code: a body opens at the end of a line and closes on a line of its own, equally indented.
NOT_A_FUNCTION = re.compile(r"^\s*(namespace|class|struct|enum|union|extern|if|for|while|switch|else|do)\b")


def functions(numbered):
    """(first line number, name, length). Headings over several lines are joined."""
    heading, start = "", 0
    open_at = None
    for number, text in numbered:
        if open_at is not None:
            if text.startswith(open_at[1] + "}"):
                yield open_at[0], open_at[2], number - open_at[0] + 1
                open_at = None
                heading = ""
            continue
        stripped = text.strip()
        if not stripped or stripped.startswith(("//", "#")):
            heading = ""
            continue
        if not heading:
            start = number
            indent = text[:len(text) - len(text.lstrip())]
        heading += " " + stripped
        if stripped.endswith("{"):
            if "(" in heading and not NOT_A_FUNCTION.match(heading.strip()):
                name = re.search(r"([\w:~]+)\s*\(", heading)
                open_at = (start, indent, name.group(1) if name else "?")
            else:
                heading = ""
        elif stripped.endswith((";", "}", ":")):
            heading = ""


def main(root):
    ratchet = {}
    listed = os.path.join(root, "tests/lint/length_ratchet.txt")
    if os.path.exists(listed):
        with open(listed, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    key, limit = line.rsplit(None, 1)
                    ratchet[key] = int(limit)
    violations, examined = [], 0

    def judge(key, where, length, limit):
        if length <= limit:
            if key in ratchet:
                violations.append(f"{where}: {key} is short enough now: take it off the ratchet")
        elif length > ratchet.get(key, limit):
            violations.append(f"{where}: {key} has {length} lines, at most {ratchet.get(key, limit)}")
        ratchet.pop(key, None)

    for path in tree.sources(root):
        examined += 1
        numbered = tree.lines(root, path)
        judge(path, f"{path}:1", len(numbered), FILE_LINES)
        longest = {}
        for start, name, length in functions(numbered):
            key = f"{path}:{name}"
            if length > longest.get(key, (0, 0))[0]:
                longest[key] = (length, start)
        for key, (length, start) in longest.items():
            judge(key, f"{path}:{start}", length, FUNCTION_LINES)
    violations += [f"tests/lint/length_ratchet.txt:1: {key} does not exist" for key in ratchet]
    tree.finish("length", violations, examined)


main(sys.argv[1])
