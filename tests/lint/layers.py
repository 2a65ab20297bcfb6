#!/usr/bin/env python3
"""Who may include whom: between top-level folders, inside core/, and which system headers core sees.

layers.py ROOT
"""
import re
import sys

import tree

# Folder -> project folders it may include (itself always), and packages (first part of <a/b.h>).
TOP = {
    "core": ([], []),
    "config": ([], ["nlohmann"]),
    "settings": (["core", "config"], []),
    "harness": (["core", "config", "settings"], ["nlohmann"]),  # docs/adr/0006
    "store": (["core"], []),  # docs/adr/0007
    "sim": (["core", "store", "harness"], []),
    "cluster": (["core", "store", "config", "settings"], None),
    "cli": (None, None),  # None: anything
    "bench": (None, None),
    "tests": (None, None),
}
# Inside core/, lower first; a folder sees itself and what stands before its group.
CORE = [["base"], ["model"], ["wire"], ["event"], ["balance"], ["placement"], ["route"], ["invoke"],
        ["session"], ["delivery"], ["node", "router", "client"]]
CORE_RANK = {folder: rank for rank, group in enumerate(CORE) for folder in group}
# The part of the standard library that can reach no clock, thread, file, locale or random device.
CORE_SYSTEM = set("""algorithm array bit cstddef cstdint cstring cstdlib compare concepts functional
    initializer_list iterator limits map memory new numeric optional ranges set span string string_view
    tuple type_traits utility variant vector""".split())
STANDARD = re.compile(r"^[a-z_0-9]+$")
POSIX = re.compile(r"^(sys/)?[a-z_0-9]+\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def problem(path, bracket, target):
    folder = path.split("/")[0]
    projects, packages = TOP[folder]
    if bracket == '"':
        if "/" not in target or target.split("/")[0] not in TOP:
            return f'"{target}" is not root-relative'
        other = target.split("/")[0]
        if other != folder and projects is not None and other not in projects:
            return f"{folder}/ may not include {other}/ ({target})"
        if folder == other == "core":
            mine, theirs = path.split("/")[1], target.split("/")[1]
            if mine not in CORE_RANK or theirs not in CORE_RANK:
                return f"core/{mine if mine not in CORE_RANK else theirs} has no place in the order"
            if mine != theirs and CORE_RANK[theirs] >= CORE_RANK[mine]:
                return f"core/{mine} may not include core/{theirs} (it does not stand below)"
        return None
    if folder == "core":
        return None if target in CORE_SYSTEM else f"core/ may not include <{target}>"
    if STANDARD.match(target) or POSIX.match(target) or packages is None:
        return None
    if target.split("/")[0] in packages:
        return None
    return f"{folder}/ may not include <{target}>"


def main(root):
    violations, examined = [], 0
    for path in tree.sources(root):
        examined += 1
        for number, text in tree.lines(root, path):
            match = INCLUDE.match(text)
            if match:
                message = problem(path, match.group(1), match.group(2))
                if message:
                    violations.append(f"{path}:{number}: {message}")
    tree.finish("layers", violations, examined)


main(sys.argv[1])
