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
        cluster = harness.Cluster(PROGRAM, directory.name, nodes=1)
        cls.addClassCleanup(cluster.destroy)
        cluster.wait_ready()
        cls.pages = {}
        for name, place in cluster.admin.items():
            with urllib.request.urlopen(f"http://{place}/metrics", timeout=harness.LIMIT) as page:
                cls.pages[name] = page.read().decode()

    def exported(self):
        """Name to type, of what router and node say together."""
        return {name: kind for page in self.pages.values()
                for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE)}

    def test_each_metric_says_once_what_it_is(self):
        self.assertEqual(sorted(self.pages), ["node-0", "router"])
        for server, page in self.pages.items():
            explained = re.findall(r"^# HELP (\w+) \S", page, re.MULTILINE)
            typed = re.findall(r"^# TYPE (\w+) (?:counter|gauge)$", page, re.MULTILINE)
            samples = set(re.findall(r"^(\w+)(?:\{[^}]*\})? [0-9.e+]+$", page, re.MULTILINE))
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


unittest.main()
