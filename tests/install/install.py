#!/usr/bin/env python3
"""What `cmake --install` lays down is whole: another project builds against it and routes, and the
program runs from there.

install.py CMAKE BUILD COMPILER
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

CMAKE, BUILD, COMPILER = sys.argv[1:4]
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="imroute-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.prefix = os.path.join(cls.directory.name, "installed")
        run(CMAKE, "--install", BUILD, "--prefix", cls.prefix)

    def installed(self):
        return {os.path.relpath(os.path.join(directory, name), self.prefix)
                for directory, _, names in os.walk(self.prefix) for name in names}

    def test_another_project_builds_against_it_and_routes(self):
        build = os.path.join(self.directory.name, "consumer")
        run(CMAKE, "-G", "Ninja", "-S", os.path.join(HERE, "consumer"), "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_CXX_COMPILER={COMPILER}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
        run(CMAKE, "--build", build)
        self.assertEqual(run(os.path.join(build, "consumer")),
                         "route: push to node 3\nnode asks: the registry\n")
        # It stood on the installed headers, and on none of how this project compiles itself.
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
            (command,) = [entry["command"] for entry in json.load(file)]
        self.assertIn(os.path.join(self.prefix, "include", "imroute"), command)
        self.assertNotIn(f"-I{SOURCE} ", command)
        self.assertNotIn("-W", command)

    def test_every_public_header_of_the_core_and_nothing_of_the_tests(self):
        there = {name.removeprefix("include/imroute/") for name in self.installed()
                 if name.startswith("include/")}
        core = {os.path.relpath(os.path.join(directory, name), SOURCE)
                for directory, _, names in os.walk(os.path.join(SOURCE, "core")) for name in names
                if name.endswith(".h") and not name.startswith("planted")}
        self.assertEqual(there, core)

    def test_package_names_no_place_of_the_build(self):
        for name in self.installed():
            if name.endswith(".cmake"):
                with open(os.path.join(self.prefix, name), encoding="utf-8") as file:
                    self.assertNotIn(SOURCE, file.read(), name)

    def test_systemd_accepts_the_units(self):
        units = sorted(name for name in self.installed() if name.endswith(".service"))
        self.assertEqual(units, ["lib/systemd/system/imroute-node@.service",
                                 "lib/systemd/system/imroute-router.service"])
        for unit in units:
            with open(os.path.join(self.prefix, unit), encoding="utf-8") as file:
                text = file.read()
            (program,) = re.findall(r"^ExecStart=(/\S+/bin/imroute) (?:node|router) ", text, re.MULTILINE)
            copy = os.path.join(self.directory.name, os.path.basename(unit))
            with open(copy, "w", encoding="utf-8") as file:
                file.write(text.replace(program, os.path.join(self.prefix, "bin/imroute")))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True,
                                  text=True, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), unit)

    def test_the_program_runs_from_there(self):
        program = os.path.join(self.prefix, "bin/imroute")
        quickstart = os.path.join(self.prefix, "share/imroute/scenarios/quickstart.json")
        self.assertIn("imroute", run(program, "--version"))
        run(program, "validate", quickstart)
        self.assertIn("share/imroute/scenarios/schema.json", self.installed())
        shells = {"bash": "bash-completion/completions/imroute", "zsh": "zsh/vendor-completions/_imroute",
                  "fish": "fish/vendor_completions.d/imroute.fish"}
        for shell, name in shells.items():
            with open(os.path.join(self.prefix, "share", name), encoding="utf-8") as file:
                self.assertEqual(file.read(), run(program, "completions", shell), shell)


unittest.main(argv=sys.argv[:1])
