"""What the lints share: which files belong to the project, and how a lint reports.

A lint is a script `NAME.py ROOT ...` that prints one `file:line: message` per violation and exits 1
when there was one. ROOT is an argument so that selftest.py can run each lint on a planted mistake.
"""
import os
import re
import subprocess
import sys

FOLDERS = ["core", "store", "sim", "cluster", "harness", "config", "settings", "cli", "bench", "tests"]


def sources(root, suffixes=(".h", ".cc"), folders=FOLDERS):
    """Paths relative to `root`, sorted."""
    found = []
    for folder in folders:
        for directory, subfolders, names in os.walk(os.path.join(root, folder)):
            subfolders[:] = [s for s in subfolders if not s.startswith((".", "__"))]
            found += [os.path.relpath(os.path.join(directory, n), root)
                      for n in names if n.endswith(suffixes)]
    return sorted(found)


def lines(root, path):
    """(number, text) of each line, from 1."""
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return list(enumerate(file.read().splitlines(), 1))


def symbols(flags, path):
    """(kind, name) of each symbol that nm prints for an object or archive."""
    out = subprocess.run(["nm", *flags, path], check=True, capture_output=True, text=True).stdout
    for line in out.splitlines():
        match = re.match(r"^(?:[0-9a-f]{8,})?\s+([A-Za-z]) (.*)$", line)
        if match:
            yield match.group(1), match.group(2)


def finish(name, violations, examined):
    """Prints and exits. A lint that examined nothing guards nothing, so that fails too."""
    for violation in violations:
        print(violation)
    if examined == 0:
        print(f"{name}: found nothing to examine")
        sys.exit(1)
    print(f"{name}: {examined} examined, {len(violations)} violations")
    sys.exit(1 if violations else 0)
