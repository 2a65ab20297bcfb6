#!/usr/bin/env python3
"""A real cluster of real processes on loopback, seen by users at `imroute chat`.

chat.py PROGRAM [unittest arguments...]
"""
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

import harness

PROGRAM = sys.argv.pop(1)


DELIVERED = r"^  \[([-, \d]+)\] delivered to (\w+)$"


def wait_delivered(chat, *tags):
    """Waits until it has been said of each of these messages."""
    while True:
        lines = chat.matching(DELIVERED)
        told = [int(tag) for line in lines for part in line.group(1).split(", ")
                for tag in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)]
        if len(told) != len(set(told)):
            raise AssertionError(f"said twice: {told}")
        if set(tags) <= set(told):
            return
        chat.wait_for(DELIVERED, count=len(lines) + 1)


class Chat(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="imroute-")
        self.addCleanup(self.directory.cleanup)

    def cluster(self, *arguments, **options):
        data = tempfile.mkdtemp(dir=self.directory.name)
        cluster = harness.Cluster(PROGRAM, data, *arguments, **options)
        self.addCleanup(cluster.destroy)
        return cluster.wait_ready()

    def two_on_different_nodes(self, cluster):
        alice = cluster.chat("alice")
        for i in range(40):
            name = f"bob{i}"
            bob = cluster.chat(name)
            if bob.node != alice.node:
                alice.say(f"/to {name}")
                bob.say("/to alice")
                return alice, bob, name
            bob.say("/quit")
            self.assertEqual(bob.wait(), 0)
        self.fail("forty users on one node of four")

    def test_both_ways_offline_and_a_node_killed(self):
        cluster = self.cluster()
        alice, bob, name = self.two_on_different_nodes(cluster)
        alice.say("one")
        alice.wait_for(r"\[2\] accepted as #1$")
        bob.wait_for(r"^alice #1: one$")
        bob.say("two")
        alice.wait_for(rf"^{name} #\d+: two$")
        bob.say("/online al")
        bob.wait_for(r"^\* online: alice$")

        # The receiver is away, and comes back as a new process.
        bob.say("/quit")
        self.assertEqual(bob.wait(), 0)
        alice.say("while away")
        alice.wait_for(r"\[3\] accepted as #\d+$")
        bob = cluster.chat(name)
        bob.wait_for(r"^alice #\d+: while away  \(waited for you\)$")

        # The receiver's node is killed in the middle of a conversation.
        victim = cluster.pids[f"node-{bob.node}"]
        before = bob.mark()
        for i in range(10):
            alice.say(f"before {i}")
        os.kill(victim, signal.SIGKILL)
        for i in range(10):
            alice.say(f"after {i}")
        cluster.up.wait_for(rf"^imroute: node-{bob.node} \(pid {victim}\) was killed by signal 9$")
        bob.wait_for(r"^\* offline", before)
        moved = bob.wait_for(r"^\* online at node (\d+)$", before).group(1)
        self.assertNotEqual(int(moved), bob.node)
        bob.wait_for(r"^alice #\d+: after 9")
        shown = [m.group(1) for m in bob.matching(r"^alice #\d+: (\w+ \d)")]
        self.assertEqual(shown, [f"before {i}" for i in range(10)] +
                         [f"after {i}" for i in range(10)])
        alice.wait_for(r"^  \[23\] accepted as #\d+$")
        wait_delivered(alice, *range(2, 24))

    def test_a_group(self):
        cluster = self.cluster()
        alice, bob, name = self.two_on_different_nodes(cluster)
        carol = cluster.chat("carol")
        alice.say(f"/group club create {name}")
        alice.wait_for(r"^  \[2\] accepted as #1$")
        bob.wait_for(r"^\* alice made club$")
        bob.say("/group club create carol")
        bob.wait_for(r"^  \[\d+\] refused: there is such a group already$")
        carol.say("/group club")
        carol.say("let me in")
        carol.wait_for(r"refused: no such group, or you do not belong to it$")
        carol.say("/group club join")
        alice.wait_for(r"^\* carol joined club$")
        bob.say("hello all")
        for chat in (alice, carol):
            chat.wait_for(rf"^{name} in club #3: hello all$")
        bob.say("/group club leave")
        carol.wait_for(rf"^\* {name} left club$")
        sent = subprocess.run([PROGRAM, "send", "--user", "carol", "--device", "1", "--group", "club",
                               "--router", cluster.router, "--timeout", "100s", "just us"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((sent.returncode, sent.stdout), (0, "accepted as #5\n"), sent.stderr)
        alice.wait_for(r"^carol in club #5: just us$")
        carol.wait_for(r"^carol in club #5: just us$")
        self.assertEqual(bob.matching(r"just us"), [])

    def test_ctrl_c_stops_all(self):
        cluster = self.cluster(nodes=2)
        alice = cluster.chat("alice")
        self.assertEqual(cluster.up.end(signal.SIGINT), 130)
        self.assertTrue(all(harness.gone(pid) for pid in cluster.pids.values()))
        alice.wait_for(r"^\* offline")
        self.assertEqual(alice.end(signal.SIGINT), 130)

    def test_the_servers_end_with_a_killed_up(self):
        cluster = self.cluster(nodes=2)
        cluster.up.end(signal.SIGKILL)
        while not all(harness.gone(pid) for pid in cluster.pids.values()):
            os.sched_yield()

    def test_every_strategy_brings_a_message(self):
        for strategy in ("broadcast@mesh", "cached_broadcast@mesh", "central:forward:table",
                         "central:resolve:consistent_hash", "mesh_directory"):
            with self.subTest(strategy):
                cluster = self.cluster("--strategy", strategy)
                alice, bob, name = self.two_on_different_nodes(cluster)
                for i in range(1, 4):
                    alice.say(f"by {strategy}")
                    bob.wait_for(rf"^alice #\d+: by {strategy}", count=i)
                    wait_delivered(alice, i + 1)
                    bob.say("seen")
                    alice.wait_for(rf"^{name} #\d+: seen", count=i)
                self.assertEqual(cluster.up.end(), 130)
                cluster.destroy()

    def ask(self, place, path, method="GET"):
        request = urllib.request.Request(f"http://{place}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=harness.LIMIT) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def test_an_operator_looks_and_drains(self):
        cluster = self.cluster(nodes=2)
        alice = cluster.chat("alice")
        admin = cluster.admin[f"node-{alice.node}"]
        self.assertEqual(self.ask(admin, "/healthz"), (200, "ok\n"))
        self.assertEqual(self.ask(admin, "/readyz"), (200, "ready\n"))
        self.assertEqual(self.ask(cluster.admin["router"], "/readyz"), (200, "ready\n"))
        code, text = self.ask(admin, "/metrics")
        self.assertEqual(code, 200)
        figures = dict(line.split(" ") for line in text.splitlines() if line[0] != "#")
        self.assertEqual(figures["imroute_sessions"], "1")
        self.assertEqual(figures["imroute_accepted_total"], "1")
        self.assertEqual(figures["imroute_client_links"], "1")
        self.assertEqual(self.ask(admin, "/nothing")[0], 404)
        self.assertEqual(self.ask(admin, "/drain")[0], 405)
        with socket.create_connection(admin.split(":")) as garbage:
            garbage.sendall(b"\x00\xff" * 100 + b"\r\n\r\n")
            self.assertIn(b"400 Bad Request", garbage.makefile("rb").read())
        before = alice.mark()
        self.assertEqual(self.ask(admin, "/drain", "POST")[0], 202)
        cluster.up.wait_for(rf"^imroute: node-{alice.node} .* ended with exit code 0$")
        alice.wait_for(rf"online at node {1 - alice.node}$", before)

    def test_strangers_on_every_port_hurt_nobody(self):
        cluster = self.cluster(nodes=2)
        alice, bob, name = self.two_on_different_nodes(cluster)
        draw = random.Random(7)
        frame = b"im\x01\x00" + bytes(draw.randbytes(60))
        silent = []
        self.addCleanup(lambda: [link.close() for link in silent])
        for place in cluster.places:
            for bytes_sent in (draw.randbytes(2000), frame, b"im\x01", b"im\x02" + frame[3:],
                               b"GET / HTTP/1.1\r\n\r\n"):
                link = socket.create_connection(place.split(":"))
                link.sendall(bytes_sent)
                silent.append(link)  # and says no more
            silent += [socket.create_connection(place.split(":")) for _ in range(50)]
        for i in range(1, 4):
            alice.say(f"still {i}")
            bob.wait_for(rf"^alice #\d+: still {i}")
        figures = self.ask(cluster.admin["node-0"], "/metrics")[1]
        for name, least in (("bad_frames", 2), ("version_refused", 1)):
            count = re.search(rf"^imroute_client_{name}_total (\d+)$", figures, re.M).group(1)
            self.assertGreaterEqual(int(count), least, name)
        self.assertEqual(self.ask(cluster.admin["node-1"], "/healthz")[0], 200)

    def test_send_from_a_script(self):
        cluster = self.cluster(nodes=1)
        bob = cluster.chat("bob")
        done = subprocess.run([PROGRAM, "send", "--user", "alice", "--to", "bob", "--router",
                               cluster.router, "--timeout", "100s", "good news"],
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "accepted as #1\n"), done.stderr)
        bob.wait_for(r"^alice #1: good news$")

    def test_lines_of_a_pipe_and_of_a_file_are_all_accepted(self):
        cluster = self.cluster(nodes=1)
        lines = "/to bob\n" + "".join(f"{i}\n" for i in range(1, 501))
        chat = [PROGRAM, "chat", "--router", cluster.router, "--user"]
        done = subprocess.run([*chat, "pipe"], input=lines, capture_output=True, text=True, timeout=harness.LIMIT,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(re.findall(r"^  \[\d+\] accepted", done.stdout, re.M)), 500)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
            file.write(lines)
            file.seek(0)
            done = subprocess.run([*chat, "file"], stdin=file, capture_output=True, text=True, timeout=harness.LIMIT,
                                  check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(re.findall(r"^  \[\d+\] accepted", done.stdout, re.M)), 500)
        done = subprocess.run([*chat, "pipe"], input="/group nowhere\nhello\n", capture_output=True, text=True,
                              timeout=harness.LIMIT, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)

    def test_accepted_then_delivered(self):
        cluster = self.cluster()
        alice, bob, name = self.two_on_different_nodes(cluster)
        for i in range(2, 7):
            alice.say(f"message {i}")
            wait_delivered(alice, i)
        # One receipt each, and none for receipts: they would have taken numbers.
        alice.wait_for(r"^  \[6\] accepted as #9$")
        lines = [line for line in alice.lines if line.startswith("  [6]")]
        self.assertEqual(lines, ["  [6] accepted as #9", f"  [6] delivered to {name}"])
        for i in range(7, 107):
            alice.say(f"message {i}")
        wait_delivered(alice, *range(2, 107))
        shown = [m.group(1) for m in bob.matching(r"^alice #\d+: message (\d+)$")]
        self.assertEqual(shown, [str(i) for i in range(2, 107)])
        for chat in (alice, bob):  # nobody is shown a receipt
            self.assertEqual([line for line in chat.lines if re.search(r"[\x06?]|: \d+/\d+", line)], [])

    def test_delivered_to_who_was_away(self):
        cluster = self.cluster()
        alice, bob, name = self.two_on_different_nodes(cluster)
        bob.say("/quit")
        self.assertEqual(bob.wait(), 0)
        for i in range(2, 5):
            alice.say(f"away {i}")
        alice.wait_for(r"^  \[4\] accepted as #3$")
        self.assertEqual(alice.matching(DELIVERED), [])
        bob = cluster.chat(name)
        wait_delivered(alice, 2, 3, 4)
        # Killed, it says nothing more; back, it says all.
        bob.popen.kill()
        bob.popen.wait()
        before = len(alice.matching(DELIVERED))
        for i in range(5, 8):
            alice.say(f"killed {i}")
        alice.wait_for(r"^  \[7\] accepted")
        self.assertEqual(len(alice.matching(DELIVERED)), before)
        bob = cluster.chat(name)
        wait_delivered(alice, *range(2, 8))
        # The sender is away when the receipt comes, and is told when it is back: the receipt waited too.
        bob.say("/quit")
        self.assertEqual(bob.wait(), 0)

        def send(timeout):
            return subprocess.Popen([PROGRAM, "send", "--user", "carol", "--to", name, "--wait", "delivered",
                                     "--router", cluster.router, "--timeout", timeout, "from carol"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = send("2s").communicate()
        self.assertEqual(out, "accepted as #1\n")
        self.assertEqual(err, f"imroute: not delivered within 2 s; it is stored, and waits until {name} is shown it by a "
                              "chat\n")
        waiting = send("100s")
        self.assertEqual(waiting.stdout.readline(), "accepted as #2\n")
        bob = cluster.chat(name)
        self.assertEqual(waiting.communicate()[0], f"delivered to {name}\n")
        self.assertEqual(waiting.returncode, 0)
        bob.wait_for(r"^carol #2: from carol")

    def test_nothing_that_arrives_steers_the_terminal(self):
        cluster = self.cluster(nodes=1)
        bob = cluster.chat("bob")
        subprocess.run([PROGRAM, "send", "--user", "mallory", "--to", "bob", "--router", cluster.router, "--timeout",
                        "100s", "a\x1b[2J\r\u009b31m\u202eb\nmallory #9: forged"], check=True, capture_output=True)
        bob.wait_for(r"^mallory #1: a\?\[2J\?\?31m\?b\?mallory #9: forged$")

    def test_nobody_there(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            up = harness.Process(PROGRAM, "up", "--nodes", "1", "--port", str(port), "--data",
                                 os.path.join(self.directory.name, "data"))
            self.addCleanup(up.destroy)
            self.assertEqual(up.wait(), 3)
            up.wait_for(rf"cannot listen on 127\.0\.0\.1:{port}: the port is taken")
        done = subprocess.run([PROGRAM, "send", "--user", "alice", "--to", "bob", "--router",
                               f"127.0.0.1:{port}", "--timeout", "200ms", "x"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"; 127.0.0.1:{port}: cannot be reached (refused)", done.stderr)

    def test_a_directory_in_use_is_left_alone(self):
        cluster = self.cluster("--tls", nodes=1)
        before = {}
        for name in ("tls/authority.crt", "router.log", "router.json"):
            with open(os.path.join(cluster.data, name), "rb") as file:
                before[name] = file.read()
        done = subprocess.run([PROGRAM, "up", "--nodes", "1", "--port", "0", "--tls", "--data", cluster.data],
                              capture_output=True, text=True, timeout=harness.LIMIT, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"another imroute up runs in {cluster.data}", done.stderr)
        for name, content in before.items():
            with open(os.path.join(cluster.data, name), "rb") as file:
                self.assertTrue(file.read().startswith(content), name)

    def test_mistakes_of_a_server_are_shown(self):
        done = subprocess.run([PROGRAM, "up", "--nodes", "1", "--port", "0", "--data", self.directory.name],
                              env={**os.environ, "IMROUTE_DRAIN_TIMEOUT": "soon"}, capture_output=True, text=True,
                              timeout=harness.LIMIT, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("IMROUTE_DRAIN_TIMEOUT", done.stderr)

    def test_why_nobody_is_let_in_is_said_once(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            nobody = f"127.0.0.1:{taken.getsockname()[1]}"
        data = tempfile.mkdtemp(dir=self.directory.name)
        cluster = harness.Servers(PROGRAM, data, {}, {}, 0)
        self.addCleanup(cluster.destroy)
        chat = harness.Process(PROGRAM, "chat", "--user", "alice", "--router", nobody, "--router", cluster.router)
        self.addCleanup(chat.destroy)
        reasons = [rf"^\* {nobody}: cannot be reached \(refused\)$", rf"^\* {cluster.router}: refused: no_node$"]
        for reason in reasons:
            chat.wait_for(reason)
        done = subprocess.run([PROGRAM, "send", "--user", "bob", "--to", "alice", "--router", nobody, "--router",
                               cluster.router, "--timeout", "3s", "x"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3)
        for reason in (f"; {nobody}: cannot be reached (refused)", f"; {cluster.router}: refused: no_node"):
            self.assertEqual(done.stderr.count(reason), 1, done.stderr)
        for reason in reasons:
            self.assertEqual(len(chat.matching(reason)), 1, chat.lines)


unittest.main()
