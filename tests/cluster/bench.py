#!/usr/bin/env python3
"""The cluster's benchmark, in a tiny size: everything that it measures is measured, beside everything
that it is compared with, and it says what is missing. What the figures are is nobody's business here.

bench.py PROGRAM [unittest arguments...]      PEER_LOAD and HOP of the environment: what else it needs
"""
import glob
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness

PROGRAM = sys.argv.pop(1)
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEASURE = os.path.join(SOURCE, "bench/cluster/measure.py")
MESSAGES = 6400
ROUTING = ("routed", "paced", "round_trip")
WINDOWS = ("window_64", "window_1", "window_64_far", "window_1_far")


def run(*words, **more):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **more)


class Bench(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="imroute-")
        self.addCleanup(directory.cleanup)
        self.addCleanup(lambda: self.assertEqual(os.listdir(directory.name), []))
        self.directory = directory.name
        os.environ["TMPDIR"] = directory.name  # of what is started from here

    def check_load(self, figure, where):
        self.assertGreater(figure["messages"], 0, where)
        self.assertEqual(figure["payload_bytes"], 128, where)
        self.assertGreaterEqual(figure["window"], figure["batch"], where)
        self.assertGreater(figure["messages_per_second"], 0, where)
        self.assertGreater(figure["server_cpu_s_per_million"], 0, where)
        latency = [figure["latency_us"][key] for key in ("p50", "p99", "p999", "max")]
        self.assertEqual(latency, sorted(latency), where)
        self.assertGreater(latency[0], 0, where)

    def check_idle(self, figure, connections):
        self.assertEqual(figure["connections"], connections)
        for key in ("node_bytes_before", "node_bytes_a_connection"):
            self.assertGreater(figure[key], 0, key)
        self.assertGreaterEqual(figure["router_bytes_a_session"], 0)

    def test_all_in_turns(self):
        with tempfile.TemporaryDirectory(prefix="imroute-") as out:
            done = run(sys.executable, MEASURE, PROGRAM, os.environ["PEER_LOAD"], os.environ["HOP"],
                       "--repetitions", "1", "--messages", str(MESSAGES), "--rate", "6400",
                       "--connections", "200", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(os.path.join(out, "cluster.json"), encoding="utf-8") as file:
                document = json.load(file)
            with open(os.path.join(out, "cluster.md"), encoding="utf-8") as file:
                page = file.read()
            self.assertEqual(done.stdout.strip(), page.strip())
        self.assertGreater(document["machine"]["processors"], 0)
        self.assertEqual(len(document["repetitions"]), 1)
        for repetition in document["repetitions"]:
            for who in ("imroute", "nats", "hop"):
                self.assertEqual(sorted(repetition[who]), sorted(ROUTING))
                for what in ROUTING:
                    self.check_load(repetition[who][what], f"{who} {what}")
                self.assertEqual(repetition[who]["routed"]["messages"], MESSAGES)
                self.assertEqual(repetition[who]["paced"]["rate"], 6400)
            stored = {"sqlite": repetition["sqlite"],
                      **{name: repetition[name]["imroute"]
                         for name in ("redis_everysec", "redis_always")}}
            for name, figures in stored.items():
                self.assertEqual(figures["mailbox"], name.split("_")[0])
                for window in WINDOWS:
                    self.check_load(figures[window], f"{name} {window}")
            for name in ("redis_everysec", "redis_always"):
                for rate in repetition[name]["redis_alone"].values():
                    self.assertGreater(rate, 0)
            self.check_idle(repetition["idle"], 200)
        for words in ("CPU of the NATS pair over ours", "over the floor's", "what it does alone",
                      "window 64 over window 1", "idle session"):
            self.assertIn(words, page)

    def test_for_people(self):
        done = run(PROGRAM, "bench", "cluster", "--only", "round_trip,idle", "--messages", "500",
                   "--connections", "100")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^round_trip +10 ")
        self.assertRegex(done.stdout, r"(?m)^100 idle sessions: [0-9,]+ bytes each in the node")

    def test_too_few_descriptors(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        done = run(PROGRAM, "bench", "cluster", "--only", "idle", "--connections", "15000",
                   preexec_fn=few)
        self.assertEqual(done.returncode, 3)
        self.assertIn("100 are allowed", done.stderr)
        self.assertIn("`ulimit -n 15064`", done.stderr)

    def test_interrupted(self):
        bench = subprocess.Popen([PROGRAM, "bench", "cluster", "--only", "paced", "--rate", "10"],
                                 stdout=subprocess.DEVNULL)
        try:
            while not glob.glob(os.path.join(self.directory, "*", "node-1.log")):
                self.assertIsNone(bench.poll())
                time.sleep(0.01)
            bench.send_signal(signal.SIGINT)
            self.assertEqual(bench.wait(harness.LIMIT), 130)
        finally:
            bench.kill()
            bench.wait()

    def test_mistakes(self):
        for words, said in ((("cluster", "--only", "speed"), "routed"),
                            (("node",), "cluster"),
                            (("cluster", "--messages", "none"), "--messages")):
            done = run(PROGRAM, "bench", *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(said, done.stderr)

    def test_a_server_that_is_not_installed_is_named(self):
        done = run(sys.executable, MEASURE, PROGRAM, os.environ["PEER_LOAD"], os.environ["HOP"],
                   "--repetitions", "1", "--messages", "640", "--only", "stored",
                   env={**os.environ, "PATH": "/nowhere"})
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("apt-get install redis-server", done.stderr)


unittest.main()
