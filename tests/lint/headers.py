#!/usr/bin/env python3
"""Every header compiles alone, warns about nothing, and opens with a paragraph on what it is for.

headers.py ROOT COMPILER
"""
import concurrent.futures
import os
import subprocess
import sys

import tree


def compile_alone(root, compiler, path):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wconversion", "-Wshadow",
               "-Werror", f"-I{root}", "-include", os.path.join(root, path), "-x", "c++", "/dev/null"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return f"{path}:1: does not compile alone:\n{done.stderr.strip()[:2000]}"
    return None


def main(root, compiler):
    headers = tree.sources(root, (".h",))
    violations = []
    for path in headers:
        numbered = tree.lines(root, path)
        if not numbered or not numbered[0][1].startswith("//"):
            violations.append(f"{path}:1: no paragraph on what it is for")
        if not any(text.strip() == "#pragma once" for _, text in numbered):
            violations.append(f"{path}:1: no #pragma once")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda path: compile_alone(root, compiler, path), headers)
        violations += [message for message in results if message]
    tree.finish("headers", violations, len(headers))


main(sys.argv[1], sys.argv[2])
