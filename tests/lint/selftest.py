#!/usr/bin/env python3
"""A lint that cannot go red guards nothing. Each case plants one mistake in a small tree that is
otherwise clean and expects its lint to refuse it, naming the place; the clean tree must pass them all.

selftest.py ROOT COMPILER
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT, COMPILER = sys.argv[1:3]
LINTS = os.path.join(ROOT, "tests/lint")

CLEAN = {
    "core/base/clean.h": "// A clean header, for the lints to pass.\n#pragma once\n\n#include <cstdint>\n\n"
                         "namespace imroute {\n\nuint64_t twice(uint64_t x);\n\n}  // namespace imroute\n",
    "core/base/clean.cc": '#include "core/base/clean.h"\n\nnamespace imroute {\n\n'
                          "uint64_t twice(uint64_t x) { return 2 * x; }\n\n}  // namespace imroute\n"
                          "// IM_PLANTED(thrice_off)\n",
    "core/base/planted_bugs.h": "// The table.\n#pragma once\n\n"
                                "// clang-format off\n#define IM_PLANTED_BUGS(X) \\\n"
                                '  X(thrice_off, "no-loss", \\\n    "Three is two.", \\\n    "a slip", "")\n'
                                "// clang-format on\n",
    "sim/clean.cc": '#include "core/base/clean.h"\n'
                    "unsigned long four() { return imroute::twice(2); }\n",
    "README.md": "# Clean\n\n```sh\nimroute --version\n```\n",
}
LONG_FUNCTION = "int longest(int x) {\n" + "  x += 1;\n" * 100 + "  return x;\n}\n"
LONG_MEMBER = ("namespace imroute {\nstruct S {\n  int longest(int x,\n              int y) {\n"
               + "    x += y;\n" * 100 + "    return x;\n  }\n};\n}  // namespace imroute\n")

# (lint, file, content, what the message must contain)
PLANTED = [
    ("layers", "core/base/x.h", '#include "sim/clean.h"\n', "core/ may not include sim/"),
    ("layers", "core/base/x.h", '#include "core/model/frame.h"\n', "core/base may not include core/model"),
    ("layers", "core/node/x.cc", '#include "core/client/client.h"\n', "core/node may not include core/client"),
    ("layers", "core/extra/x.cc", '#include "core/base/clean.h"\n', "has no place in the order"),
    ("layers", "core/base/x.cc", "#include <chrono>\n", "may not include <chrono>"),
    ("layers", "core/base/x.cc", "#include <thread>\n", "may not include <thread>"),
    ("layers", "core/base/x.cc", "#include <unistd.h>\n", "may not include <unistd.h>"),
    ("layers", "sim/x.cc", '#include "cluster/node.h"\n', "sim/ may not include cluster/"),
    ("layers", "cluster/x.cc", '#include "harness/result/result.h"\n', "cluster/ may not include harness/"),
    ("layers", "sim/x.cc", "#include <nlohmann/json.hpp>\n", "may not include <nlohmann/json.hpp>"),
    ("layers", "config/x.cc", '#include "harness/result/result.h"\n', "config/ may not include harness/"),
    ("layers", "sim/x.cc", '#include "clean.h"\n', "not root-relative"),
    ("bans", "core/base/x.cc", "double d = 0;\n", "core/base/x.cc:1"),
    ("bans", "sim/x.cc", "std::unordered_map<int, int> m;\n", "sim/x.cc:1"),
    ("bans", "harness/x.cc", "std::uniform_int_distribution<int> d;\n", "harness/x.cc:1"),
    ("bans", "sim/x.cc", "auto t = std::chrono::steady_clock::now();\n", "time is an argument"),
    ("bans", "cluster/x.cc", "int n = std::sprintf(buffer, text);\n", "no end of its buffer"),
    ("bans", "tests/unit/x_test.cc", "TEST(A, B) { GTEST_SKIP(); }\n", "asserts something"),
    ("bans", "tests/unit/x_test.cc", "std::this_thread::sleep_for(x);\n", "waits for a fixed time"),
    ("bans", "core/base/x.cc", "// TO" "DO: later\n", "unfinished"),
    ("bans", "docs/x.md", "see /ho" "me/someone/notes\n", "a path of one machine"),
    ("bans", "core/utils/x.h", "// Things.\n", "named after its subject"),
    ("length", "sim/x.cc", "int a;\n" * 601, "at most 600"),
    ("length", "sim/x.cc", LONG_FUNCTION, "sim/x.cc:longest has 103 lines"),
    ("length", "sim/x.cc", LONG_MEMBER, "sim/x.cc:longest has 104 lines"),
    ("length", "tests/lint/length_ratchet.txt", "sim/gone.cc 700\n", "does not exist"),
    ("length", "tests/lint/length_ratchet.txt", "sim/clean.cc 700\n", "take it off the ratchet"),
    ("format", "sim/x.cc", "int   a ;\n", "sim/x.cc:1"),
    ("headers", "sim/x.h", "// Forgets an include.\n#pragma once\nstd::string f();\n", "does not compile alone"),
    ("headers", "sim/x.h", "// Warns.\n#pragma once\ninline int f(long x) { return x; }\n", "compile alone"),
    ("headers", "sim/x.h", "#pragma once\nint f();\n", "no paragraph"),
    ("headers", "sim/x.h", "// Guards nothing.\nint f();\n", "no #pragma once"),
    ("symbols", "core/base/x.cc", "#include <chrono>\nlong f() { return std::chrono::steady_clock::now()"
     ".time_since_epoch().count(); }\n", "reaches outside: std::chrono"),
    ("symbols", "core/base/x.cc", "#include <cstdlib>\nint f() { return rand(); }\n", "outside: rand"),
    ("symbols", "core/base/x.cc", "#include <cstdlib>\nchar* f() { return getenv(\"A\"); }\n", "getenv"),
    ("symbols", "core/base/x.cc", "#include <random>\nunsigned f() { return std::random_device{}(); }\n",
     "random_device"),
    ("symbols", "core/base/x.cc", "#include <time.h>\nint f(timespec* t) { return clock_gettime(0, t); }\n",
     "clock_gettime"),
    ("symbols", "core/base/x.cc", "#include <cstdio>\nvoid f() { std::puts(\"a\"); }\n", "outside: puts"),
    ("symbols", "core/base/x.cc", "#include <iostream>\nvoid f() { std::cout << 1; }\n", "ostream"),
    ("symbols", "core/base/x.cc", "#include <fstream>\nvoid f() { std::ifstream(\"a\").get(); }\n", "stream"),
    ("symbols", "core/base/x.cc", "#include <thread>\nvoid f() { std::thread([] {}).join(); }\n", "thread"),
    ("symbols", "core/base/x.cc", "namespace imroute { unsigned long twice(unsigned long x) { return x; } }\n",
     "is defined 2 times"),
    ("once", "sim/x.cc", '#include "core/base/clean.cc"\n', "defines again what is in"),
    ("once", "sim/x.cc", "namespace imroute { __attribute__((weak)) unsigned long twice(unsigned long x) "
     "{ return x; } }\n", "defines again what is in"),
    ("once", "sim/unity_0_cxx.cxx", '#include "../core/base/clean.cc"\n', "core/base/clean.cc: is compiled 2 times"),
    ("once", "sim/clean.cc", "int four() { return 4; }\n", "uses nothing of"),
    ("planted", "core/base/x.cc", 'const char* text = "Three is two.";\n', "contains the words of the planted"),
    ("planted", "core/base/x.cc", 'const char* text = "\\0thrice_off";\n', "planted bug thrice_off"),
    ("planted", "core/base/x.cc", "namespace imroute { int chosen_planted = 0; }\n", "contains a symbol"),
    ("planted", "core/base/x.cc", "// IM_PLANTED(gone)\n", "core/base/x.cc:1: IM_PLANTED(gone) is not in"),
    ("planted", "core/base/x.h", '#include "core/base/planted.h"\n', "core/base/x.h:1: a header may not ask"),
    ("planted", "core/base/clean.cc", "\n", "thrice_off is planted nowhere"),
    ("readme", "README.md", "```sh\nimroute fly --to moon\n```\n", "README.md:2"),
    ("readme", "README.md", "```sh\n./dev fly\n```\n", "README.md:2"),
    ("documents", "README.md", "[gone](docs/gone.md)\n", "leads nowhere: docs/gone.md"),
    ("documents", "docs/x.md", "see `core/base/gone.h`\n", "does not exist: core/base/gone.h"),
    ("documents", "docs/x.md", "see `core/base/*.h` and\n`thrice()`\n", "docs/x.md:2: no such function: thrice()"),
]


def archive(tree, folder):
    """Compiles a folder as a build would, and notes how."""
    sources = []
    for directory, _, names in os.walk(os.path.join(tree, folder)):
        sources += [os.path.join(directory, n) for n in sorted(names) if n.endswith((".cc", ".cxx"))]
    noted = os.path.join(tree, "compile_commands.json")
    commands = []
    if os.path.exists(noted):
        with open(noted, encoding="utf-8") as file:
            commands = json.load(file)
    for source in sources:
        line = [COMPILER, "-std=c++20", "-O1", f"-I{tree}", "-c", source, "-o", source + ".o"]
        subprocess.run(line, check=True)
        commands.append({"directory": tree, "file": source, "command": " ".join(line)})
    with open(noted, "w", encoding="utf-8") as file:
        json.dump(commands, file)
    library = os.path.join(tree, f"lib{folder}.a")
    subprocess.run(["ar", "rcs", library, *(source + ".o" for source in sources)], check=True)
    return library


def command(lint, tree):
    script = [sys.executable, os.path.join(LINTS, lint + ".py")]
    if lint in ("symbols", "planted", "once"):
        core = archive(tree, "core")
        if lint == "once":
            return script + [tree, tree, core, archive(tree, "sim")]
        return script + ([core] if lint == "symbols" else [tree, core])
    if lint == "headers":
        return script + [tree, COMPILER]
    if lint == "readme":  # a program that knows --version and nothing else
        return script + [tree, os.path.join(tree, "imroute")]
    return script + [tree]


def plant(tree, files):
    for path, content in files.items():
        full = os.path.join(tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(content)
    shutil.copy(os.path.join(ROOT, ".clang-format"), tree)
    shutil.copy(os.path.join(ROOT, "dev"), tree)
    program = os.path.join(tree, "imroute")
    with open(program, "w", encoding="utf-8") as file:
        file.write('#!/bin/sh\n[ "$1" = --version ]\n')
    os.chmod(program, 0o755)


def run(lint, files):
    with tempfile.TemporaryDirectory() as tree:
        plant(tree, files)
        return subprocess.run(command(lint, tree), capture_output=True, text=True)


def main():
    wrong = []
    for lint in sorted({case[0] for case in PLANTED}):
        done = run(lint, CLEAN)
        if done.returncode != 0:
            wrong.append(f"{lint} refuses a clean tree:\n{done.stdout}{done.stderr}")
    for lint, path, content, message in PLANTED:
        done = run(lint, {**CLEAN, path: content})
        if done.returncode != 1 or message not in done.stdout:
            wrong.append(f"{lint} did not refuse {path} with '{message}': exit {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
    print("\n".join(wrong))
    print(f"selftest: {len(PLANTED)} mistakes planted, {len(wrong)} not caught as they should be")
    sys.exit(1 if wrong else 0)


main()
