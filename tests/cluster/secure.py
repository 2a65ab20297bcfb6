#!/usr/bin/env python3
"""What a cluster refuses: servers and clients without the right certificates, strangers and their
bytes. Each refusal is seen in the counters, and who belongs there is served meanwhile.

secure.py PROGRAM [unittest arguments...]; MAKE_CERTIFICATES in the environment names that program.
"""
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import harness

PROGRAM = sys.argv.pop(1)


class Secure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="imroute-")
        cls.addClassCleanup(cls.directory.cleanup)
        subprocess.run([os.environ["MAKE_CERTIFICATES"], cls.directory.name], check=True)

    def file(self, name):
        return os.path.join(self.directory.name, name)

    def tls(self, name="server", authority=None):
        out = {"IMROUTE_TLS__CERTIFICATE": self.file(name + ".crt"),
               "IMROUTE_TLS__KEY": self.file(name + ".key")}
        if authority:
            out["IMROUTE_TLS__AUTHORITY"] = self.file(authority + ".crt")
        return out

    def cluster(self, environment, **options):
        data = tempfile.mkdtemp(dir=self.directory.name)
        cluster = harness.Cluster(PROGRAM, data, environment=environment, **options)
        self.addCleanup(cluster.destroy)
        return cluster.wait_ready()

    def process(self, *arguments, environment=None):
        process = harness.Process(PROGRAM, *arguments, environment=environment)
        self.addCleanup(process.destroy)
        return process

    def count(self, cluster, server, name):
        place = cluster.admin[server]
        with urllib.request.urlopen(f"http://{place}/metrics", timeout=harness.LIMIT) as answer:
            text = answer.read().decode()
        found = re.search(rf"^imroute_{re.escape(name)} (\d+)$", text, re.M)
        self.assertIsNotNone(found, f"no imroute_{name} in\n{text}")
        return int(found.group(1))

    def wait_count(self, cluster, server, name, least):
        limit = harness.time.monotonic() + harness.LIMIT
        while self.count(cluster, server, name) < least:
            self.assertLess(harness.time.monotonic(), limit, f"{name} stays below {least}")

    def send(self, cluster, *arguments, timeout="10s"):
        return subprocess.run(
            [PROGRAM, "send", "--user", "mallory", "--to", "alice", "--router", cluster.router,
             "--timeout", timeout, *arguments, "hello"], capture_output=True, text=True, check=False)

    def test_all_links_encrypted_and_strangers_refused(self):
        cluster = self.cluster(self.tls(authority="authority"), nodes=2)
        authority = ("--tls-ca", self.file("authority.crt"))
        alice = cluster.chat("alice", *authority)
        bob = cluster.chat("bob", *authority)
        alice.say("/to bob")
        alice.say("privately")
        bob.wait_for(r"^alice #1: privately")
        alice.say("/online b")
        alice.wait_for(r"^\* online: bob$")

        # Who trusts another authority, and who speaks plainly.
        done = self.send(cluster, "--tls-ca", self.file("stranger.crt"), timeout="1s")
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"{cluster.router}: self-signed certificate in certificate chain",
                      done.stderr)
        self.assertEqual(self.send(cluster, timeout="1s").returncode, 3)
        self.wait_count(cluster, "router", "client_bad_handshakes_total", 2)

        # Nobody gets among the servers without a certificate of the authority.
        anyone = ssl.create_default_context(cafile=self.file("authority.crt"))
        other = ssl.create_default_context(cafile=self.file("authority.crt"))
        other.load_cert_chain(self.file("other.crt"), self.file("other.key"))
        peer = cluster.places[1].split(":")
        for context in (anyone, other):
            with self.assertRaises(OSError):
                with socket.create_connection(peer) as link:
                    with context.wrap_socket(link, server_hostname=peer[0]) as wrapped:
                        while wrapped.recv(100):
                            pass
        with socket.create_connection(peer) as link:
            link.sendall(b"im\x01\x00" * 20)
            link.settimeout(harness.LIMIT)
            while link.recv(100):
                pass
        self.wait_count(cluster, "router", "peer_bad_handshakes_total", 3)

        alice.say("still")
        bob.wait_for(r"^alice #2: still")

    def test_a_node_that_belongs_elsewhere_does_not_get_in(self):
        environment = self.tls(authority="authority")
        cluster = self.cluster(environment, nodes=1)
        config = self.file("intruder.json")
        with open(config, "w", encoding="utf-8") as out:
            out.write('{"node": 7, "client": "127.0.0.1:0", "peer": "127.0.0.1:0", "routers": '
                      f'[{{"client": "{cluster.router}", "peer": "{cluster.places[1]}"}}]}}')
        intruder = self.process("node", "--config", config, environment={
            **self.tls("other", "authority")})
        intruder.wait_for(r"peer_trouble peer=router:0 why=")
        self.wait_count(cluster, "router", "peer_bad_handshakes_total", 1)
        self.assertEqual(self.count(cluster, "router", "peer_links"), 1)
        self.assertFalse(intruder.matching(r"^ready"))

    def test_certificates_that_cannot_be_used_are_named(self):
        config = self.file("router.json")
        with open(config, "w", encoding="utf-8") as out:
            out.write('{"client": "127.0.0.1:0", "peer": "127.0.0.1:0", "data_dir": "%s"}' %
                      tempfile.mkdtemp(dir=self.directory.name))
        late, server, other = (self.file(n) for n in ("late.crt", "server.crt", "other.key"))
        for environment, code, text in (
                (self.tls("late"), 3, f"tls.certificate {late}: has expired: make a new one"),
                (self.tls("nowhere"), 3, "nowhere.crt: cannot be read"),
                ({**self.tls(), "IMROUTE_TLS__KEY": other}, 3,
                 f"tls.key {other}: is not the key of tls.certificate {server}"),
                ({"IMROUTE_TLS__CERTIFICATE": server}, 2, "certificate and key go together"),
                ({"IMROUTE_TLS__AUTHORITY": server}, 2, "each must show a certificate")):
            with self.subTest(text):
                router = self.process("router", "--config", config, environment=environment)
                self.assertEqual(router.wait(), code)
                router.wait_for(re.escape(text))


unittest.main()
