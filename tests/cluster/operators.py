#!/usr/bin/env python3
"""What operators look at: every metric of the Grafana dashboard is one that a running router or node
exports, and each of those says what it is.

operators.py PROGRAM [unittest arguments...]
"""
import json
import os
import re
import sys
import tempfile
import time
import unittest
import urllib.request

import harness

PROGRAM = sys.argv.pop(1)
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DASHBOARD = os.path.join(SOURCE, "deploy/grafana/imroute.json")


class Operators(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="imroute-")
        cls.addClassCleanup(directory.cleanup)
        cluster = harness.Cluster(PROGRAM, directory.name, nodes=2)
        cls.addClassCleanup(cluster.destroy)
        cluster.wait_ready()
        cls.messages = cls.talk(cluster)
        ends = time.monotonic() + harness.LIMIT
        while True:  # a route ends when its answer is back, a moment after the message is shown
            cls.pages = {name: cls.read(place) for name, place in cluster.admin.items()}
            if cls.routes_ended() >= cls.routes or time.monotonic() > ends:
                break

    @staticmethod
    def read(place):
        with urllib.request.urlopen(f"http://{place}/metrics", timeout=harness.LIMIT) as page:
            return page.read().decode()

    @classmethod
    def routes_ended(cls):
        return sum(int(n) for page in cls.pages.values()
                   for n in re.findall(r"^imroute_route_seconds_count (\d+)$", page, re.MULTILINE))

    routes = 2  # the message and its receipt; what else is sent is for nobody

    @staticmethod
    def talk(cluster):
        """A message from a node to the other, and its receipt; returns how many were appended."""
        chats = [cluster.chat("user-0")]
        while chats[-1].node == chats[0].node:
            chats.append(cluster.chat(f"user-{len(chats)}"))
        start, told = chats[-1].mark(), chats[0].mark()
        chats[0].say(f"/to user-{len(chats) - 1}")
        chats[0].say("over there")
        chats[-1].wait_for("over there", start)
        chats[0].wait_for("delivered to", told)
        return len(chats) + 2

    def exported(self):
        """Name to type, of what router and nodes say together; of a histogram its parts."""
        types = {}
        for page in self.pages.values():
            for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE):
                parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
                types.update({name + part: "counter" if part else kind for part in parts})
        return types

    def histogram(self, page, name):
        buckets = re.findall(rf'^{name}_bucket{{le="([0-9.]+|\+Inf)"}} (\d+)$', page, re.MULTILINE)
        total, = re.findall(rf"^{name}_sum ([0-9.]+)$", page, re.MULTILINE)
        count, = re.findall(rf"^{name}_count (\d+)$", page, re.MULTILINE)
        return ([float(most) for most, _ in buckets], [int(n) for _, n in buckets], float(total),
                int(count))

    def test_histograms_hold_what_happened(self):
        counts = {}
        for server, page in self.pages.items():
            for name in re.findall(r"^# TYPE (\w+) histogram$", page, re.MULTILINE):
                borders, within, total, count = self.histogram(page, name)
                self.assertEqual(borders, sorted(set(borders)), name)
                self.assertEqual(within, sorted(within), name)
                self.assertEqual((borders[-1], within[-1]), (float("inf"), count), name)
                least = sum(b * n for b, n in zip(
                    [0, *borders[:-1]], [a - b for a, b in zip(within, [0, *within[:-1]])]))
                self.assertGreaterEqual(total, least, f"{name} of {server}")
                counts[name] = counts.get(name, 0) + count
        self.assertEqual(counts["imroute_mailbox_append_seconds"], self.messages)
        self.assertEqual(counts["imroute_route_seconds"], self.routes)
        self.assertGreater(counts["imroute_directory_seconds"], 0)

    def test_each_metric_says_once_what_it_is(self):
        self.assertEqual(sorted(self.pages), ["node-0", "node-1", "router"])
        for server, page in self.pages.items():
            explained = re.findall(r"^# HELP (\w+) \S", page, re.MULTILINE)
            typed = re.findall(r"^# TYPE (\w+) (?:counter|gauge|histogram)$", page, re.MULTILINE)
            samples = set(re.findall(r"^(\w+)(?:\{[^}]*\})? [0-9.e+]+$", page, re.MULTILINE))
            for name in re.findall(r"^# TYPE (\w+) histogram$", page, re.MULTILINE):
                samples -= {name + part for part in ("_bucket", "_sum", "_count")}
            self.assertEqual(len(set(typed)), len(typed), server)
            self.assertEqual(explained, typed, server)
            self.assertEqual(samples - set(typed), set(), server)

    def test_the_dashboard_asks_for_nothing_else(self):
        with open(DASHBOARD, encoding="utf-8") as file:
            dashboard = json.load(file)
        panels = [p for p in dashboard["panels"] if p["type"] != "row"]
        self.assertGreater(len(panels), 10)
        exported = self.exported()
        for panel in panels:
            for target in panel["targets"]:
                names = re.findall(r"\bimroute_\w+", target["expr"])
                self.assertTrue(names, target["expr"])
                for name in names:
                    where = f"{name}, of \"{panel['title']}\""
                    self.assertTrue(name in exported, f"nobody exports {where}")
                    counted = f"rate({name}{{" in target["expr"]
                    self.assertEqual(exported[name], "counter" if counted else "gauge", where)
        asked = json.dumps(dashboard["templating"])
        self.assertLessEqual(set(re.findall(r"\bimroute_\w+", asked)), set(exported))

    def test_a_node_that_is_fenced_says_so(self):
        """As two nodes of one number are, by each other."""
        with tempfile.TemporaryDirectory(prefix="imroute-") as directory:
            cluster = harness.Servers(PROGRAM, directory, {}, {}, 1)
            self.addCleanup(cluster.destroy)
            second = harness.Process(PROGRAM, "node", "--config", os.path.join(directory, "node-0.json"))
            self.addCleanup(second.destroy)
            cluster.servers["node-0"].wait_for(r' W node:0 fenced why="?(the registry|its lease|the others) .* times=1$')


unittest.main()
