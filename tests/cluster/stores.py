#!/usr/bin/env python3
"""Real clusters whose stores outlive their processes: the router's file, and Redis with ZooKeeper,
started here and seen from outside.

stores.py PROGRAM [unittest arguments...]
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import harness

PROGRAM = sys.argv.pop(1)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Servers(unittest.TestCase):
    """Router and nodes, each started and killed by itself."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="imroute-")
        self.addCleanup(self.directory.cleanup)
        self.places = {"client": f"127.0.0.1:{free_port()}", "peer": f"127.0.0.1:{free_port()}"}

    def start(self, *arguments):
        process = harness.Process(PROGRAM, *arguments)
        self.addCleanup(process.destroy)
        return process

    def server(self, kind, name, **keys):
        path = os.path.join(self.directory.name, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(keys, file)
        process = self.start(kind, "--config", path)
        process.wait_for(r"^ready ")
        return process

    def router(self, **keys):
        data = os.path.join(self.directory.name, "data")
        return self.server("router", "router", data_dir=data, **self.places, **keys)

    def node(self, number, **keys):
        return self.server("node", f"node-{number}", node=number, client="127.0.0.1:0",
                           peer="127.0.0.1:0", routers=[self.places], **keys)

    def chat(self, user, *more_routers):
        routers = [word for place in (self.places["client"], *more_routers)
                   for word in ("--router", place)]
        chat = self.start("chat", "--user", user, *routers)
        chat.wait_for(r"^\* online")
        chat.say("/to nobody")
        chat.say("hello")  # see harness.Cluster.chat
        chat.wait_for(r"^  \[1\] accepted")
        return chat

    def talk(self, alice, bob, first, last):
        """Alice says numbers to bob, who sees each once and in order."""
        for i in range(first, last + 1):
            alice.say(f"number {i}")
        bob.wait_for(rf"^alice #\d+: number {last}\b")
        shown = [int(m.group(1)) for m in bob.matching(r"^alice #\d+: number (\d+)")]
        self.assertEqual(shown, list(range(1, last + 1)))

    def test_a_router_killed_and_started_again_has_kept_the_messages(self):
        router = self.router()
        node = self.node(0)
        alice, bob = self.chat("alice"), self.chat("bob")
        alice.say("/to bob")
        self.talk(alice, bob, 1, 5)
        router.end(signal.SIGKILL)
        alice.say("number 6")  # waits for the store to come back
        router = self.router()
        bob.wait_for(r"^alice #\d+: number 6\b")
        self.talk(alice, bob, 7, 9)
        self.assertEqual(bob.matching(r"lost its last messages"), [])
        # A device that comes after all of that still gets what waited for it.
        bob.say("/quit")
        self.assertEqual(bob.wait(), 0)
        alice.say("while away")
        alice.wait_for(r"\[11\] accepted")
        self.chat("bob").wait_for(r"^alice #\d+: while away  \(waited for you\)")
        self.assertEqual(node.end(signal.SIGTERM), 0)
        self.assertEqual(router.end(signal.SIGTERM), 0)

    def test_a_cluster_started_again_takes_new_messages_of_those_who_forgot(self):
        for life in (1, 2, 3):
            router, node = self.router(), self.node(0)
            alice, bob = self.chat("alice"), self.chat("bob")
            alice.say("/to bob")
            alice.say(f"in life {life}")
            bob.wait_for(rf"^alice #\d+: in life {life}\b")
            for process in (alice, bob, node, router):
                process.end(signal.SIGKILL)

    def test_a_drained_node_ends_and_its_users_go_on_elsewhere(self):
        self.router()
        nodes = [self.node(0), self.node(1)]
        alice, bob = self.chat("alice"), self.chat("bob")
        alice.say("/to bob")
        self.talk(alice, bob, 1, 3)
        before = bob.mark()
        holder = int(bob.wait_for(r"online at node (\d)").group(1))
        self.assertEqual(nodes[holder].end(signal.SIGTERM), 0)
        nodes[holder].wait_for(r" drained$")
        bob.wait_for(rf"online at node {1 - holder}", before)
        self.talk(alice, bob, 4, 9)

    def redis(self, *arguments):
        port, data = free_port(), tempfile.mkdtemp(dir=self.directory.name)
        if shutil.which("redis-server") is None:
            self.fail("redis-server is missing: install the package redis-server")
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", data, "--save",
             "", "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning", *arguments],
            stdout=subprocess.DEVNULL)
        self.addCleanup(lambda: (server.kill(), server.wait()))
        return port

    def zookeeper(self):
        port, data = free_port(), tempfile.mkdtemp(dir=self.directory.name)
        jars = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"
        if shutil.which("java") is None or not os.path.exists("/usr/share/java/zookeeper.jar"):
            self.fail("ZooKeeper is missing: install the packages openjdk-17-jre-headless, "
                      "libzookeeper-java and libslf4j-java")
        config = os.path.join(data, "zoo.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"tickTime=500\ninitLimit=10\nsyncLimit=5\ndataDir={data}/data\n"
                       f"clientPort={port}\nclientPortAddress=127.0.0.1\n"
                       "admin.enableServer=false\nminSessionTimeout=1000\n")
        server = subprocess.Popen(
            ["java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jars,
             "org.apache.zookeeper.server.ZooKeeperServerMain", config],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (server.kill(), server.wait()))
        return port

    def test_a_redis_cluster_is_refused_at_start(self):
        redis = self.redis("--cluster-enabled", "yes")
        stores = {"directory": "redis", "mailbox": "redis", "redis": {"address": f"127.0.0.1:{redis}"}}
        self.router()
        for kind, keys in (("router", {"data_dir": self.directory.name + "/other"}),
                           ("node", {"node": 0, "routers": [self.places]})):
            with self.subTest(kind):
                path = os.path.join(self.directory.name, "refused.json")
                with open(path, "w", encoding="utf-8") as file:
                    json.dump({"client": "127.0.0.1:0", "peer": "127.0.0.1:0", "stores": stores, **keys}, file)
                process = self.start(kind, "--config", path)
                self.assertEqual(process.wait(), 3, process.lines)
                said = process.wait_for("is not supported").string
                for word in (f"127.0.0.1:{redis}", "Redis Cluster", "use one primary"):
                    self.assertIn(word, said)

    def test_redis_and_zookeeper_hold_everything_and_routers_are_two(self):
        redis, zookeeper = self.redis(), self.zookeeper()
        stores = {"registry": "zookeeper", "directory": "redis", "mailbox": "redis",
                  "redis": {"address": f"127.0.0.1:{redis}"},
                  "zookeeper": {"servers": f"127.0.0.1:{zookeeper}"}}
        strategy = {"kind": "cached_broadcast", "bus": "pubsub"}
        shared = {"stores": stores, "strategy": strategy}
        first = self.router(**shared)
        other = {"client": f"127.0.0.1:{free_port()}", "peer": f"127.0.0.1:{free_port()}"}
        self.server("router", "router-1", router=1, data_dir=self.directory.name + "/data1",
                    **other, **shared)
        nodes = []
        for number in (0, 1):
            nodes.append(self.server(
                "node", f"node-{number}", node=number, client="127.0.0.1:0", peer="127.0.0.1:0",
                routers=[self.places, other], **shared))
        alice = self.chat("alice", other["client"])
        bob = self.chat("bob", other["client"])
        alice.say("/to bob")
        self.talk(alice, bob, 1, 5)
        # The first router is gone for good: the second places logins over the same stores.
        first.end(signal.SIGKILL)
        self.places = other
        carol = self.chat("carol")
        carol.say("/to bob")
        carol.say("by the other router")
        bob.wait_for(r"^carol #\d+: by the other router")
        # A node is gone, too.
        holder = int(bob.wait_for(r"online at node (\d)").group(1))
        nodes[holder].end(signal.SIGKILL)
        self.talk(alice, bob, 6, 12)
        keys = subprocess.run(["redis-cli", "-p", str(redis), "keys", "*"], capture_output=True,
                              text=True, check=True).stdout.split()
        self.assertTrue(any(key.startswith("imroute:session:") for key in keys), keys)
        self.assertTrue(any(key.startswith("imroute:log:") for key in keys), keys)


unittest.main()
