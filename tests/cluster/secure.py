#!/usr/bin/env python3
"""What a cluster refuses: servers and clients without the right certificates, strangers and their
bytes. Each refusal is seen in the counters, and who belongs there is served meanwhile.

secure.py PROGRAM [unittest arguments...]; MAKE_CERTIFICATES in the environment names that program.
"""
import http.server
import json
import os
import random
import re
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import harness

PROGRAM = sys.argv.pop(1)
STRANGERS = 10_000


class Secure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="imroute-")
        cls.addClassCleanup(cls.directory.cleanup)
        subprocess.run([os.environ["MAKE_CERTIFICATES"], cls.directory.name], check=True)

    def file(self, name):
        return os.path.join(self.directory.name, name)

    def read(self, name):
        with open(self.file(name), encoding="utf-8") as file:
            return file.read()

    def tls(self, name="server", authority=None):
        out = {"IMROUTE_TLS__CERTIFICATE": self.file(name + ".crt"),
               "IMROUTE_TLS__KEY": self.file(name + ".key")}
        if authority:
            out["IMROUTE_TLS__AUTHORITY"] = self.file(authority + ".crt")
        return out

    def cluster(self, environment, arguments=(), **options):
        data = tempfile.mkdtemp(dir=self.directory.name)
        cluster = harness.Cluster(PROGRAM, data, *arguments, environment=environment, **options)
        self.addCleanup(cluster.destroy)
        return cluster.wait_ready()

    def servers(self, router, both, nodes=1):
        data = tempfile.mkdtemp(dir=self.directory.name)
        cluster = harness.Servers(PROGRAM, data, {**router, **both}, both, nodes)
        self.addCleanup(cluster.destroy)
        return cluster

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
        limit = time.monotonic() + harness.LIMIT
        while self.count(cluster, server, name) < least:
            self.assertLess(time.monotonic(), limit, f"{name} stays below {least}")

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
        bob.wait_for(r"^alice #\d+: still")

    def test_up_makes_an_authority_of_its_own(self):
        cluster = self.cluster({}, nodes=2, arguments=("--tls",))
        shown = cluster.up.wait_for(r"--router (\S+) --tls-ca (\S+)$")
        self.assertEqual(shown.group(1), cluster.router)
        files = os.path.dirname(shown.group(2))
        self.assertEqual(sorted(os.listdir(files)), ["authority.crt", "server.crt", "server.key"])
        for name in os.listdir(files):
            self.assertEqual(os.stat(os.path.join(files, name)).st_mode & 0o777, 0o600, name)
        trusting = ("--tls-ca", shown.group(2))
        alice, bob = cluster.chat("alice", *trusting), cluster.chat("bob", *trusting)
        alice.say("/to bob")
        alice.say("privately")
        bob.wait_for(r"^alice #1: privately")
        # Plain words are refused, where clients speak and where servers do; so is who shows nothing.
        self.assertEqual(self.send(cluster, timeout="1s").returncode, 3)
        self.wait_count(cluster, "router", "client_bad_handshakes_total", 1)
        anyone = ssl.create_default_context(cafile=shown.group(2))
        host, port = cluster.places[1].split(":")
        with self.assertRaises(OSError), socket.create_connection((host, port)) as link:
            with anyone.wrap_socket(link, server_hostname=host) as wrapped:
                while wrapped.recv(100):
                    pass
        self.wait_count(cluster, "router", "peer_bad_handshakes_total", 1)
        for host in ("127.0.0.1", "localhost"):  # and a browser may call this machine by either
            with socket.create_connection(cluster.web["router"].split(":")) as link:
                anyone.wrap_socket(link, server_hostname=host).close()

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

    # ---- strangers
    def garbage_on(self, places, hello):
        """Each in its own connection; every one is closed by the server."""
        draw = random.Random(11)
        for place in places:
            for said in (draw.randbytes(3000), b"im\x01\x00" + draw.randbytes(60), b"\x00" * 4000,
                         b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", *hello):
                with socket.create_connection(place.split(":"), timeout=harness.LIMIT) as link:
                    try:
                        link.sendall(said)
                        while link.recv(4096):
                            pass
                    except ConnectionError:
                        pass

    def test_garbage_plain_and_encrypted_on_every_port(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        said = ssl.MemoryBIO()
        with self.assertRaises(ssl.SSLWantReadError):
            context.wrap_bio(ssl.MemoryBIO(), said).do_handshake()
        hello = said.read()  # as TLS begins
        for environment, arguments, counter in (
                ({}, (), "bad_frames_total"),
                (self.tls(authority="authority"), ("--tls-ca", self.file("authority.crt")),
                 "bad_handshakes_total")):
            with self.subTest(counter):
                cluster = self.cluster(environment, nodes=1)
                alice = cluster.chat("alice", *arguments)
                # Into TLS: a handshake cut short with rubbish; into plain: the handshake itself.
                self.garbage_on(cluster.places, [hello + b"\xff" * 500 if environment else hello])
                for server in ("router", "node-0"):
                    for side in ("client", "peer"):
                        self.assertGreaterEqual(
                            self.count(cluster, server, f"{side}_{counter}"), 4)
                alice.say("unhurt")
                alice.wait_for(r"\[2\] accepted")

    def test_ten_thousand_strangers_who_say_nothing(self):
        cluster = self.cluster({}, nodes=1)
        alice, bob = cluster.chat("alice"), cluster.chat("bob")
        alice.say("/to bob")
        place = cluster.clients["node-0"].split(":")
        strangers = []
        self.addCleanup(lambda: [link.close() for link in strangers])
        for i in range(STRANGERS):
            link = socket.create_connection(place, timeout=harness.LIMIT)
            if i % 2:
                link.sendall(b"im\x01\x01")  # as a greeting begins
            strangers.append(link)
            if i % 1000 == 999:
                alice.say(f"among {i + 1}")
                bob.wait_for(rf"^alice #\d+: among {i + 1}$")
        causes = [f'client_refused_total{{why="{why}"}}' for why in ("pushed_out", "late")]
        self.assertGreaterEqual(self.count(cluster, "node-0", causes[0]) +
                                self.count(cluster, "node-0", causes[1]), STRANGERS - 4096)
        limit = time.monotonic() + harness.LIMIT  # the last ones have their time first
        while sum(self.count(cluster, "node-0", cause) for cause in causes) < STRANGERS:
            self.assertLess(time.monotonic(), limit)
        cluster.chat("carol")  # there is room again
        self.assertEqual(self.count(cluster, "node-0", "client_links"), 3)

    def test_strangers_have_the_time_that_the_settings_give_them(self):
        late = 'client_refused_total{why="late"}'
        hasty, patient = (self.servers({}, {"limits": {"half_open_time": time}}) for time in ("50ms", "1h"))
        for at, server in ((0, "router"), (2, "node-0")):
            with self.subTest(server), socket.create_connection(patient.places[at].split(":")) as stays:
                # Where the settings are not heard, these take twice the time of the one that stays.
                for _ in range(2):
                    place = hasty.places[at].split(":")
                    with socket.create_connection(place, timeout=harness.LIMIT) as stranger:
                        self.assertEqual(stranger.recv(1), b"")
                self.assertEqual(self.count(hasty, server, late), 2)
                self.assertEqual(self.count(patient, server, late), 0)
                stays.setblocking(False)
                self.assertRaises(BlockingIOError, stays.recv, 1)

    # ---- who may log in, and as whom
    def keys(self, name, text="one " + "k" * 32):
        with open(self.file(name), "w", encoding="utf-8") as out:
            out.write(text + "\n")
        return self.file(name)

    def a_pass(self, user, keys, *arguments):
        done = subprocess.run([PROGRAM, "pass", "--user", user, "--key-file", keys, *arguments],
                              capture_output=True, text=True, check=True)
        handle, path = tempfile.mkstemp(dir=self.directory.name, prefix=user, suffix=".pass")
        with open(handle, "w", encoding="utf-8") as out:
            out.write(done.stdout)
        return ("--pass-file", path)

    def test_only_who_shows_a_pass_gets_in(self):
        passes, tokens = self.keys("passes"), self.keys("tokens", "t1 " + "s" * 40)
        cluster = self.servers({"auth": {"key_file": passes}}, {"tokens": {"key_file": tokens}}, 2)
        hers = self.a_pass("alice", passes)
        alice = cluster.chat("alice", *hers)
        bob = cluster.chat("bob", *self.a_pass("bob", passes))
        alice.say("/to bob")
        alice.say("it is me")
        bob.wait_for(r"^alice #1: it is me")
        alice.say("/online b")
        alice.wait_for(r"^\* online: bob$")

        other = self.keys("other", "one " + "z" * 32)
        for pass_arguments, why in (
                ((), "pass: missing"),
                (self.a_pass("bob", passes), "pass: wrong_signature"),  # of another user
                (self.a_pass("mallory", other), "pass: wrong_signature"),
                (self.a_pass("mallory", passes, "--valid", "0s"), "pass: expired")):
            with self.subTest(why):
                done = self.send(cluster, *pass_arguments)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(f"{cluster.router} refuses: {why}", done.stderr)
        self.assertEqual(self.count(cluster, "router", 'passes_refused_total{why="expired"}'), 1)
        self.assertEqual(
            self.count(cluster, "router", 'passes_refused_total{why="wrong_signature"}'), 2)

        # A key is exchanged while they chat; no secret was shown anywhere.
        for text in ("t1 " + "s" * 40 + "\nt2 " + "u" * 40, "t2 " + "u" * 40 + "\nt1 " + "s" * 40,
                     "t2 " + "u" * 40):
            self.keys("tokens", text)
            time.sleep(1.5)  # longer than a server takes to look at the file again
            done = self.send(cluster, *self.a_pass("mallory", passes))
            self.assertEqual(done.returncode, 0, done.stderr)
        shown = "\n".join(str(line) for s in cluster.servers.values() for line in s.lines)
        self.assertIn("key_file", shown)
        for secret in ("k" * 32, "s" * 40, "u" * 40, self.read(hers[1]).strip()):
            self.assertNotIn(secret, shown)

    def test_a_request_over_http_shows_its_secret(self):
        cluster = self.servers({"http": "127.0.0.1:0",
                                "auth": {"http_key_file": self.keys("web", "w1 " + "w" * 40)}}, {})
        place = cluster.servers["router"].wait_for(r"^ready .* web (\S+)").group(1)

        def code(authorization):
            request = urllib.request.Request(f"http://{place}/v1/nodes", headers={
                "Authorization": authorization} if authorization else {})
            try:
                with urllib.request.urlopen(request, timeout=harness.LIMIT) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                self.assertEqual(error.headers["WWW-Authenticate"], "Bearer")
                return error.code

        for wrong in (None, "w" * 40, "Bearer ", "Bearer " + "w" * 39, "Bearer " + "v" * 40,
                      "Basic " + "w" * 40):
            self.assertEqual(code(wrong), 401, wrong)
        self.assertEqual(code("Bearer " + "w" * 40), 200)
        self.assertEqual(code("bEARER " + "w" * 40), 200)
        self.assertEqual(self.count(cluster, "router", "http_refused_total"), 6)

        # Every operation of the document is behind it, and says so.
        secret = {"Authorization": "Bearer " + "w" * 40}
        request = urllib.request.Request(f"http://{place}/v1/openapi.json", headers=secret)
        with urllib.request.urlopen(request, timeout=harness.LIMIT) as answer:
            document = json.loads(answer.read())
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                with self.subTest(f"{method} {path}"):
                    self.assertIn("401", operation["responses"])
                    request = urllib.request.Request(
                        f"http://{place}" + path.replace("{", "").replace("}", ""), method=method.upper())
                    with self.assertRaises(urllib.error.HTTPError) as refused:
                        urllib.request.urlopen(request, timeout=harness.LIMIT)
                    self.assertEqual(refused.exception.code, 401)
                    self.assertEqual(refused.exception.headers["Content-Type"], "application/problem+json")

    def test_the_application_decides(self):
        asked, answer = [], {"code": 204}

        class Application(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                if answer["code"] is None:
                    hold.wait()
                self.send_response(answer["code"] or 500)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        hold = threading.Event()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.addCleanup(hold.set)
        url = f"http://127.0.0.1:{server.server_port}/who"
        cluster = self.servers({"auth": {"callback": url, "timeout": "500ms"}},
                               {"tokens": {"key_file": self.keys("tokens")}})
        with open(self.file("password"), "w", encoding="utf-8") as out:
            out.write("let me in\n")
        alice = cluster.chat("alice", "--pass-file", self.file("password"))
        self.assertEqual(asked[0], {"user": "alice", "proof": "let", "address": "127.0.0.1"})
        answer["code"] = 403
        done = self.send(cluster)
        self.assertEqual(done.returncode, 1)
        self.assertIn("refuses: not admitted", done.stderr)
        for code in (500, 302, None):  # broken, elsewhere, silent
            answer["code"] = code
            done = self.send(cluster, timeout="2s")
            self.assertEqual(done.returncode, 3)
            self.assertIn("who decides about logins does not answer", done.stderr)
        self.assertGreaterEqual(self.count(cluster, "router", "auth_unanswered_total"), 3)
        alice.say("still here")
        alice.wait_for(r"\[2\] accepted")

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


def enough_descriptors():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < STRANGERS + 500:
        print(f"secure.py: needs {STRANGERS + 500} descriptors and may have {most}: "
              f"ulimit -n {STRANGERS + 500}", file=sys.stderr)
        sys.exit(3)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


enough_descriptors()
unittest.main()
