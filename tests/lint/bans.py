#!/usr/bin/env python3
"""Words that may not stand in the code: what breaks determinism (docs/adr/0003), what marks work as
unfinished, folders without a subject, tests that assert nothing, and paths of one machine.

bans.py ROOT

A line that must use a banned word says why, on the same line or the one before: `// allowed: reason`.
"""
import os
import re
import sys

import tree

SIM_VISIBLE = ("core/", "store/", "sim/", "harness/")
CODE = [  # (pattern, folders or None, reason)
    (r"std::hash\b", SIM_VISIBLE, "differs between libraries: core/base/hash.h"),
    (r"std::\w+_distribution\b", SIM_VISIBLE, "differs between libraries: core/base/rng.h"),
    (r"std::(shuffle|sample|random_shuffle)\b", SIM_VISIBLE, "differs between libraries"),
    (r"std::(mt19937|default_random_engine|random_device)\b", SIM_VISIBLE, "core/base/rng.h"),
    (r"std::nth_element\b", SIM_VISIBLE, "the order of the rest differs between libraries"),
    (r"\bunordered_(multi)?(map|set)\b", SIM_VISIBLE, "order differs: core/base/flat_map.h"),
    (r"std::priority_queue\b", SIM_VISIBLE, "ties differ between libraries"),
    (r"(system|steady|high_resolution)_clock", ("core/", "store/", "sim/"), "time is an argument"),
    (r"\b(float|double)\b", ("core/",), "integer arithmetic only"),
    (r"\b(thread_local|volatile)\b", ("core/",), "no global state"),
    (r"\b(throw|try|catch)\b", ("core/",), "the core reports reasons, it does not throw"),
    (r"\bv?sprintf\(", None, "knows no end of its buffer; tests/cluster/tsan.supp relies on it"),
    (r"\bGTEST_SKIP\b|\bDISABLED_|\bSUCCEED\(\)|EXPECT_TRUE\(true\)|ASSERT_TRUE\(true\)", None,
     "a test asserts something, always"),
    (r"\bsleep_for\b|\busleep\(", ("tests/",), "no test waits for a fixed time"),
]
TEXT = [  # also in comments, scripts and documents
    (r"\bTO" r"DO\b|\bFIX" r"ME\b|\bXX" r"X\b", "unfinished: finish it or leave it out"),
    (r"(?<![\w.$}\])*])/(root|home|work|Users)/\w", "a path of one machine"),
]
FOLDER = re.compile(r"(^|/)(utils?|common|helpers?|managers?|misc)(/|$)")
COMMENT = re.compile(r"//.*$")
STRING = re.compile(r'"(\\.|[^"\\])*"')


def documents(root):
    found = [n for n in os.listdir(root) if n.endswith((".md", ".txt")) or n == "dev"]
    for folder in tree.FOLDERS + ["docs", "scenarios", "python"]:
        found += tree.sources(root, (".h", ".cc", ".md", ".py", ".sh", ".txt", ".json"), [folder])
    return found


def main(root):
    violations, examined = [], 0
    for path in tree.sources(root):
        examined += 1
        if FOLDER.search(os.path.dirname(path)):
            violations.append(f"{path}:1: a folder is named after its subject")
        allowed = False
        for number, text in tree.lines(root, path):
            before, allowed = allowed, "// allowed: " in text
            if before or allowed:
                continue
            code = COMMENT.sub("", STRING.sub('""', text))
            for pattern, folders, reason in CODE:
                if (folders is None or path.startswith(folders)) and re.search(pattern, code):
                    violations.append(f"{path}:{number}: {pattern}: {reason}")
    for path in documents(root):
        for number, text in tree.lines(root, path):
            for pattern, reason in TEXT:
                if re.search(pattern, text):
                    violations.append(f"{path}:{number}: {reason}")
    tree.finish("bans", violations, examined)


main(sys.argv[1])
