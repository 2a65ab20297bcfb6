#!/usr/bin/env python3
"""A cluster whose nodes stand on a list: no leases, so a node that dies stays a member.

static.py PROGRAM [unittest arguments...]
"""
import re
import signal
import socket
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import harness

PROGRAM = sys.argv.pop(1)
NODES = 3


def free_places(count):
    """Addresses that nobody listens on; all are held until all are known."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return ["127.0.0.1:%d" % one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


class Listed(harness.Servers):
    def __init__(self, directory, strategy):
        self.program, self.data = PROGRAM, directory
        self.chats, self.servers = [], {}
        self.admin, self.places, self.router = {}, [], None
        places = free_places(2 * NODES + 2)
        self.listed = [{"node": i, "client": places[2 * i], "peer": places[2 * i + 1]} for i in range(NODES)]
        self.shared = {"stores": {"registry": "static"}, "sessions": {"lease": "3s"}, "strategy": strategy}
        self.router_place = {"client": places[-2], "peer": places[-1]}
        try:
            self.start_router()
            for node in self.listed:
                self.start_node(node)
        except BaseException:
            self.destroy()
            raise

    def start_router(self):
        self.start("router", {"data_dir": self.data, "nodes": self.listed, **self.router_place, **self.shared})

    def start_node(self, place):
        self.start("node", {**place, "routers": [self.router_place], **self.shared}, f"node-{place['node']}")

    def kill(self, name):
        self.servers[name].end(signal.SIGKILL)
        self.servers.pop(name).destroy()

    def figure(self, name, what):
        with urllib.request.urlopen(f"http://{self.admin[name]}/metrics", timeout=harness.LIMIT) as answer:
            return int(re.search(rf"^imroute_{what} (\d+)$", answer.read().decode(), re.M).group(1))

    def ready(self, name):
        try:
            with urllib.request.urlopen(f"http://{self.admin[name]}/readyz", timeout=harness.LIMIT) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return False


class Static(unittest.TestCase):
    def cluster(self, strategy):
        directory = tempfile.TemporaryDirectory(prefix="imroute-")
        self.addCleanup(directory.cleanup)
        cluster = Listed(directory.name, strategy)
        self.addCleanup(cluster.destroy)
        return cluster

    def two_on_different_nodes(self, cluster):
        alice = cluster.chat("alice")
        for i in range(40):
            bob = cluster.chat(f"bob{i}")
            if bob.node != alice.node:
                alice.say(f"/to bob{i}")
                bob.say("/to alice")
                return alice, bob, f"bob{i}"
            bob.say("/quit")
            self.assertEqual(bob.wait(), 0)
        self.fail("forty users on one node of three")

    def exchange(self, alice, bob, name, word):
        alice.say(f"{word} there")
        bob.wait_for(rf"^alice #\d+: {word} there")
        bob.say(f"{word} back")
        alice.wait_for(rf"^{name} #\d+: {word} back")

    def killed_and_restarted(self, strategy):
        cluster = self.cluster(strategy)
        alice, bob, name = self.two_on_different_nodes(cluster)
        self.exchange(alice, bob, name, "before")
        # Killed, it stays a member: logins that are sent there come back and go elsewhere.
        dead = bob.node
        before = bob.mark()
        cluster.kill(f"node-{dead}")
        for i in range(10):
            alice.say(f"meanwhile {i}")
        self.assertNotEqual(int(bob.wait_for(r"^\* online at node (\d+)$", before).group(1)), dead)
        bob.wait_for(r"^alice #\d+: meanwhile 9")
        self.exchange(alice, bob, name, "without it")
        # Back, it begins a life of its own and takes users again.
        cluster.start_node(cluster.listed[dead])
        self.exchange(alice, bob, name, "with it again")
        for i in range(40):
            carol = cluster.chat(f"carol{i}")
            if carol.node == dead:
                break
            carol.say("/quit")
            carol.wait()
        self.assertEqual(carol.node, dead)
        alice.say(f"/to carol{i}")
        alice.say("welcome back")
        carol.wait_for(r"^alice #1: welcome back")
        shown = [m.group(1) for m in bob.matching(r"^alice #\d+: meanwhile (\d)")]
        self.assertEqual(shown, [str(i) for i in range(10)])

    def test_a_node_is_killed_and_restarted(self):
        self.killed_and_restarted({"kind": "cached_broadcast", "bus": "mesh"})

    def test_a_node_that_owns_users_is_killed_and_restarted(self):
        self.killed_and_restarted({"kind": "central", "mode": "resolve", "placement": {"kind": "table"}})

    def test_the_holder_of_the_list_is_away_longer_than_a_lease(self):
        cluster = self.cluster({"kind": "cached_broadcast", "bus": "mesh"})
        alice, bob, name = self.two_on_different_nodes(cluster)
        self.exchange(alice, bob, name, "before")
        marks = {chat: chat.mark() for chat in (alice, bob)}
        cluster.kill("router")
        with socket.create_server(("127.0.0.1", 0)) as nobody:  # as long as a lease of 3 s, and more
            nobody.settimeout(4)
            with self.assertRaises(TimeoutError):
                nobody.accept()
        for node in cluster.listed:
            self.assertTrue(cluster.ready(f"node-{node['node']}"), node)
            # With leases it would be suspended, or fenced when the others are not.
            self.assertEqual(cluster.figure(f"node-{node['node']}", "suspended"), 0, node)
        cluster.start_router()
        for node in cluster.listed:  # it has its stores again
            cluster.servers["router"].wait_for(rf"store_user node={node['node']} ")
        self.exchange(alice, bob, name, "after")
        # Nobody was dropped. (Who was asked to move to a node that had its stores again sooner is served until it has.)
        for node in cluster.listed:
            self.assertEqual(cluster.figure(f"node-{node['node']}", "fences_total"), 0, node)
        for chat, mark in marks.items():
            dropped = [line for line in chat.lines[mark:] if line and "offline (" in line]
            self.assertEqual(dropped, [])

    def test_who_is_not_on_the_list_does_not_serve(self):
        cluster = self.cluster({"kind": "cached_broadcast", "bus": "mesh"})
        stranger = harness.Process(PROGRAM, "node", "--config", self.settings_of_stranger(cluster))
        self.addCleanup(stranger.destroy)
        cluster.servers["router"].wait_for(r'node_refused node=7 why="it is not in nodes"')
        stranger.wait_for("not_listed why=")
        self.assertEqual(stranger.matching(r"^ready "), [])
        # It goes on asking; neither says it again.
        again = harness.Process(PROGRAM, "node", "--config", self.settings_of_stranger(cluster))
        self.addCleanup(again.destroy)
        again.wait_for("not_listed why=")
        self.assertEqual(len(cluster.servers["router"].matching("node_refused")), 1)
        self.assertEqual(len(stranger.matching("not_listed")), 1)

    def settings_of_stranger(self, cluster):
        file = f"{cluster.data}/node-7.json"
        with open(file, "w", encoding="utf-8") as out:
            out.write(harness.json.dumps({"node": 7, "client": "127.0.0.1:0", "peer": "127.0.0.1:0",
                                          "routers": [cluster.router_place], **cluster.shared}))
        return file


unittest.main()
