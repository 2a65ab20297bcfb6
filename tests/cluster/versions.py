#!/usr/bin/env python3
"""Servers and clients of different builds on one cluster: what they agree on, and what becomes of
one that speaks no version of ours.

versions.py PROGRAM [unittest arguments...]
"""
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

import harness
import storm
from storm_user import GREETING, HEADER, HELLO, Body, crc32c, message, numbers

PROGRAM = sys.argv.pop(1)
REFUSAL = 2


def hello(oldest, newest, features=0):
    """As a build says it that speaks those frame versions: in its oldest."""
    body = numbers(newest, features, oldest)
    head = HEADER.pack(b"im", oldest, 0, HELLO, 0, 0, len(body))
    return head + crc32c(head).to_bytes(4, "little") + body


def messages_of(data):
    while data:
        _, version, serializer, kind, _, _, size = HEADER.unpack_from(data)
        yield version, serializer, kind, Body(data[18:18 + size])
        data = data[18 + size:]


def figure_of(admin, name):
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=harness.LIMIT) as answer:
        text = answer.read().decode()
    return int(re.search(rf"^imroute_{name}_total (\d+)$", text, re.M).group(1))


class Versions(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="imroute-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def test_nodes_of_different_builds_lose_nothing(self):
        """Through every blow of the storm, handing over and asking between each pair of builds."""
        none = dict.fromkeys(("hints", "selective_ack", "unreachable", "handover", "pointers"), False)
        wires = [none, {}, {"hints": False, "selective_ack": False}]
        looked = []

        def look(servers):
            for i in range(storm.NODES):
                admin = servers.running[f"node-{i}"].wait_for(r"^ready .* admin (\S+)").group(1)
                for figure in ("client_bad_frames", "peer_bad_frames", "peer_version_refused"):
                    self.assertEqual(figure_of(admin, figure), 0, (i, figure))
                looked.append(figure_of(admin, "peer_frames_in"))
        self.assertTrue(storm.storm(PROGRAM, "cached_broadcast@mesh", users=60, messages=1500,
                                    wires=wires, look=look))
        self.assertTrue(all(looked) and len(looked) == storm.NODES, looked)

    def test_a_server_says_what_it_was_told_to_have(self):
        for wire, features in (({}, 31), ({"hints": False, "pointers": False}, 14)):
            servers = harness.Servers(PROGRAM, self.directory, {}, {"wire": wire}, nodes=1)
            self.addCleanup(servers.destroy)
            for place in servers.places[2:]:  # of the node: for clients, for servers
                with socket.create_connection(place.split(":"), timeout=harness.LIMIT) as link:
                    link.sendall(hello(1, 1))
                    version, _, kind, body = next(messages_of(link.recv(4096)))
                    self.assertEqual((version, kind), (1, HELLO))
                    self.assertEqual((body.number(), body.number(), body.number()), (1, features, 1))
            servers.destroy()

    def test_who_speaks_no_version_of_ours_is_refused_in_words(self):
        cluster = harness.Cluster(PROGRAM, self.directory, nodes=1).wait_ready()
        self.addCleanup(cluster.destroy)
        name = b"stranger"
        greeting = message(GREETING, numbers(0, 0, len(name)) + name + numbers(0, 0, 0), 1)
        for place in cluster.places:
            if place in cluster.admin.values() or place in cluster.web.values():
                continue
            for first in (hello(2, 5), hello(7, 7)):
                with socket.create_connection(place.split(":"), timeout=harness.LIMIT) as link:
                    link.sendall(first + greeting)
                    said = list(messages_of(link.makefile("rb").read()))
                self.assertEqual([(serializer, kind) for _, serializer, kind, _ in said],
                                 [(0, HELLO), (1, REFUSAL)])
                refusal = said[1][3]
                refusal.byte()
                self.assertIn(b"upgrade the side that speaks 1", refusal.text())
        for server, admin in cluster.admin.items():
            for side in ("client", "peer"):
                self.assertEqual(figure_of(admin, f"{side}_version_refused"), 2, (server, side))

    def test_a_client_says_in_words_that_its_server_is_of_another_version(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        place = "127.0.0.1:%d" % listener.getsockname()[1]

        def serve():
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                with link:
                    link.sendall(hello(2, 3))
                    while link.recv(4096):
                        pass
        threading.Thread(target=serve, daemon=True).start()
        words = (f"{place}: no frame version in common: one side speaks 1, the other 2 or later; "
                 "upgrade the side that speaks 1")
        sent = subprocess.run([PROGRAM, "send", "--user", "alice", "--to", "bob", "--router", place,
                               "--timeout", "1s", "x"], capture_output=True, text=True, check=False)
        self.assertEqual(sent.returncode, 3)
        self.assertIn(words, sent.stderr)
        chat = harness.Process(PROGRAM, "chat", "--user", "alice", "--router", place)
        self.addCleanup(chat.destroy)
        chat.wait_for(re.escape(words))


unittest.main()
