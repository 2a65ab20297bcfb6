#!/usr/bin/env python3
"""What the Debian packages hold and need: a server's package that runs as it is unpacked, with
configuration that is the administrator's, and a developer's with headers and library.

package.py FOLDER; ends with "N passed, M failed"
"""
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

FOLDER = sys.argv[1]
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Package(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="imroute-")
        self.addCleanup(directory.cleanup)
        self.root = directory.name

    def unpacked(self, name):
        (package,) = glob.glob(os.path.join(FOLDER, f"{name}_*.deb"))
        run("dpkg-deb", "--extract", package, self.root)
        run("dpkg-deb", "--control", package, os.path.join(self.root, "DEBIAN"))
        files = {os.path.relpath(os.path.join(at, file), self.root)
                 for at, _, names in os.walk(self.root) for file in names}
        return package, {file for file in files if not file.startswith("DEBIAN/")}

    def read(self, *path):
        with open(os.path.join(self.root, *path), encoding="utf-8") as file:
            return file.read()

    def test_the_program_runs_as_it_is_unpacked(self):
        package, files = self.unpacked("imroute")
        program = os.path.join(self.root, "usr/bin/imroute")
        run(program, "validate", os.path.join(self.root, "usr/share/imroute/scenarios/quickstart.json"))
        depends = run("dpkg-deb", "--field", package, "Depends")
        for library in ("libc6", "libstdc++6", "libhiredis", "libsqlite3-0", "libssl3", "libzookeeper-mt2",
                        "systemd-standalone-sysusers"):
            self.assertIn(library, depends)
        for file in ("usr/lib/sysusers.d/imroute.conf", "usr/share/man/man1/imroute.1.gz",
                     "usr/share/doc/imroute/copyright", "usr/share/doc/imroute/changelog.gz",
                     "usr/share/bash-completion/completions/imroute"):
            self.assertIn(file, files)
        self.assertFalse([file for file in files if file.endswith((".h", ".a", ".cmake"))])

    def test_the_units_run_it_with_files_that_are_the_administrators(self):
        _, files = self.unpacked("imroute")
        conffiles = self.read("DEBIAN", "conffiles").split()
        self.assertEqual(["/" + file for file in sorted(files) if file.startswith("etc/")], conffiles)
        for unit, kind, file in (("imroute-router.service", "router", "router.json"),
                                 ("imroute-node@.service", "node", "node-%i.json")):
            text = self.read("usr/lib/systemd/system", unit)
            self.assertIn(f"ExecStart=/usr/bin/imroute {kind} --config /etc/imroute/{file}\n", text)
            self.assertIn("/etc/imroute/" + file.replace("%i", "0"), conffiles)
        for file in conffiles:
            for key, place in json.loads(self.read(file[1:])).items():
                if key in ("client", "peer", "admin"):
                    self.assertTrue(place.startswith("127.0.0.1:"), f"{file}: not everybody's as it comes")
        for script in ("postinst", "prerm", "postrm"):
            run("sh", "-n", os.path.join(self.root, "DEBIAN", script))
            self.assertTrue(os.access(os.path.join(self.root, "DEBIAN", script), os.X_OK))

    def test_the_core_for_others(self):
        _, files = self.unpacked("libimroute-core-dev")
        there = {file.removeprefix("usr/include/imroute/") for file in files if file.endswith(".h")}
        core = {os.path.relpath(os.path.join(at, name), SOURCE)
                for at, _, names in os.walk(os.path.join(SOURCE, "core")) for name in names
                if name.endswith(".h") and not name.startswith("planted")}
        self.assertEqual(there, core)
        for ending in ("/libimroute_core.a", "/cmake/imroute/imrouteConfig.cmake"):
            self.assertTrue([file for file in files if file.endswith(ending)], ending)


result = unittest.main(argv=sys.argv[:1], exit=False).result
bad = len(result.failures) + len(result.errors)
print(f"{result.testsRun - bad} passed, {bad} failed")
sys.exit(1 if bad else 0)
