#!/usr/bin/env python3
"""Every source file is as clang-format-19 leaves it.

format.py ROOT [--fix]
"""
import subprocess
import sys

import tree


def main(root, fix):
    files = tree.sources(root)
    violations = []
    if files:
        mode = ["-i"] if fix else ["--dry-run", "-Werror", "--ferror-limit=1"]
        done = subprocess.run(["clang-format-19", *mode, *files], cwd=root, capture_output=True,
                              text=True)
        violations = [line for line in done.stderr.splitlines() if "error:" in line]
        if done.returncode != 0 and not violations:
            violations = [done.stderr.strip()]
    tree.finish("format", violations, len(files))


main(sys.argv[1], "--fix" in sys.argv)
