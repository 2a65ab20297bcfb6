#!/usr/bin/env python3
"""Clients that come by WebSocket, in JSON and in binary messages, and what comes instead of one.

websocket.py PROGRAM [unittest arguments...]; MAKE_CERTIFICATES in the environment names that program.
"""
import base64
import hashlib
import http.client
import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest

import harness

PROGRAM = sys.argv.pop(1)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    pass


class Socket:
    """A WebSocket of RFC 6455, from the outside."""

    def __init__(self, place, context=None, origin=None, check=True):
        self.link = socket.create_connection(place.split(":"), timeout=harness.LIMIT)
        if context:
            self.link = context.wrap_socket(self.link, server_hostname=place.split(":")[0])
        key = base64.b64encode(os.urandom(16)).decode()
        self.link.sendall((f"GET /any HTTP/1.1\r\nHost: {place}\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
                           f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n" +
                           (f"Origin: {origin}\r\n" if origin else "") + "\r\n").encode())
        self.file = self.link.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        headers = http.client.parse_headers(self.file)
        if self.status == 101 and check:
            want = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert headers["Sec-WebSocket-Accept"] == base64.b64encode(want).decode()

    def frame(self, opcode, body, last=True, mask=True):
        key = os.urandom(4) if mask else b""
        size = len(body)
        head = bytes([(0x80 if last else 0) | opcode])
        bit = 0x80 if mask else 0
        if size < 126:
            head += bytes([bit | size])
        elif size < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", size)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", size)
        if mask:
            body = (int.from_bytes(body, "big") ^ int.from_bytes((key * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        return head + key + body

    def put(self, opcode, body, **how):
        self.link.sendall(self.frame(opcode, body, **how))

    def take(self):
        head = self.file.read(2)
        if len(head) < 2:
            raise Closed("without a close frame")
        size = head[1]
        assert size < 128, "a server does not mask"
        if size == 126:
            size, = struct.unpack(">H", self.file.read(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.file.read(8))
        body = self.file.read(size)
        if head[0] & 15 == CLOSE:
            raise Closed(struct.unpack(">H", body[:2])[0], body[2:].decode())
        return head[0] & 15, body

    def say(self, **message):
        self.put(TEXT, json.dumps(message).encode())

    def hear(self, *types):
        while True:
            opcode, body = self.take()
            assert opcode == TEXT
            message = json.loads(body)
            if message["type"] in types:
                return message

    def close(self):
        self.file.close()
        self.link.close()


class Browser:
    """A user in JSON."""

    def __init__(self, test, router, name, **how):
        self.name, self.got = name, 0
        door = Socket(router, **how)
        door.say(type="greeting", name=name)
        door.say(type="login", user=name, client_type="web", number=7)
        place = door.hear("place")
        login = door.hear("login_ok")
        test.assertEqual((login["number"], login["node"]), (7, place["node"]))
        self.user, self.node = login["user"], place["node"]
        door.close()
        self.socket = Socket(place["address"], **how)
        test.addCleanup(self.socket.close)
        self.socket.say(type="greeting", name=name, proof=place.get("token", ""))
        self.socket.say(type="bind", user=name, client_type="web", generation=login["generation"], forgotten=True)
        test.assertEqual(self.socket.hear("bound")["generation"], login["generation"])

    def send(self, number, **what):
        self.socket.say(type="send", id=number, base=number, **what)
        return self.socket.hear("accepted", "refused")

    def read(self, receipts=False):
        """The next message, or the next receipt."""
        while True:
            message = self.socket.hear("deliver")
            self.got += 1
            assert message["number"] == self.got
            self.socket.say(type="ack", number=self.got)
            if message.get("text", "").startswith("\x06") == receipts:
                return message


class WebSockets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="imroute-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.cluster = harness.Cluster(PROGRAM, os.path.join(cls.directory.name, "data"), nodes=2,
                                      environment={"IMROUTE_WEBSOCKET__ORIGINS": "https://chat.example"})
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.wait_ready()

    def socket(self, **how):
        out = Socket(self.cluster.router, **how)
        self.addCleanup(out.close)
        return out

    def test_a_browser_and_a_terminal_talk(self):
        bob = self.cluster.chat("bob")
        alice = Browser(self, self.cluster.router, "alice")
        self.assertEqual(alice.send(1, **{"with": "nobody"}, text="")["seq"], 1)
        answer = alice.send(1, **{"with": "bob"}, text="grüße ☃")
        self.assertEqual((answer["type"], answer["id"], answer["seq"]), ("accepted", 1, 1))
        bob.wait_for("^alice #1: grüße ☃$")
        receipt = alice.read(receipts=True)
        self.assertEqual((receipt["kind"], receipt["text"], receipt["seq"]), ("message", "\x061/1", 2))
        bob.say("/to alice")
        bob.say("back")
        message = alice.read()
        self.assertEqual((message["kind"], message["text"], message["seq"]), ("message", "back", 3))
        self.assertEqual(message["with"], message["sender"])
        # The terminal is told in the same way; by the id, as by the name.
        alice.send(2, **{"with": message["sender"]}, text=f"\x06{message['epoch']}/{message['seq']}")
        bob.wait_for(r"^  \[2\] delivered to alice$")
        alice.socket.say(type="ping", number=3)
        self.assertEqual(alice.socket.hear("pong")["number"], 3)
        # A repetition is known as one; a big one takes several reads; bytes of any kind.
        self.assertEqual(alice.send(1, **{"with": "bob"}, text="again")["seq"], 1)
        self.assertEqual(alice.send(3, **{"with": "bob"}, text="x" * 65536)["seq"], 5)
        bob.wait_for("^alice #5: x+$")
        carol = Browser(self, self.cluster.router, "carol")
        carol.send(1, **{"with": "alice"}, base64="AP8=")
        self.assertEqual(alice.read()["base64"], "AP8=")
        # Who somebody is, by the id that came with a message.
        door = self.socket()
        door.say(type="greeting", name="alice")
        door.say(type="users", id=message["sender"], number=3)
        self.assertEqual([user["name"] for user in door.hear("users")["users"]], ["bob"])

    def test_messages_in_pieces_and_pings_between(self):
        door = self.socket()
        hello = json.dumps({"type": "greeting", "name": "pieces"}).encode()
        ask = json.dumps({"type": "users", "prefix": "pieces", "number": 1}).encode()
        data = (door.frame(TEXT, hello[:5], last=False) + door.frame(PING, b"in between") +
                door.frame(0, b"", last=False) + door.frame(0, hello[5:]) + door.frame(PONG, b"unasked") +
                door.frame(TEXT, ask))
        for byte in data:
            door.link.sendall(bytes([byte]))
        self.assertEqual(door.take(), (PONG, b"in between"))
        self.assertEqual(door.hear("users"), {"type": "users", "number": 1, "known": True, "more": False,
                                              "users": [{"id": self.id_of("pieces"), "name": "pieces",
                                                         "online": False}]})
        door.put(CLOSE, struct.pack(">H", 1000))
        with self.assertRaises(Closed) as closed:
            door.take()
        self.assertEqual(closed.exception.args[0], 1000)
        self.assertEqual(door.file.read(), b"")

    def id_of(self, name):
        door = self.socket()
        door.say(type="greeting", name=name)
        door.say(type="users", prefix=name, number=2)
        return door.hear("users")["users"][0]["id"]

    def test_binary_messages_are_the_plain_protocol(self):
        """What a terminal sends, carried over a WebSocket: a relay puts it into binary messages, cut anywhere."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        place = "127.0.0.1:%d" % listener.getsockname()[1]
        chat = harness.Process(PROGRAM, "send", "--user", "dave", "--to", "bob", "--router", place, "--timeout",
                               "60s", "through a relay")
        self.addCleanup(chat.destroy)
        plain, _ = listener.accept()
        self.addCleanup(plain.close)
        door = self.socket()
        first = plain.recv(4096)
        cut = random.Random(3).randrange(1, len(first))
        door.put(BINARY, first[:cut], last=False)
        door.put(0, first[cut:])
        answer = b""
        while b"im\x01\x00\x02" not in answer:  # LOGIN_OK, after the place
            opcode, body = door.take()
            self.assertEqual(opcode, BINARY)
            answer += body
            if b"im\x01\x00\x02" not in answer:
                plain.setblocking(False)
                try:
                    more = plain.recv(4096)
                    door.put(BINARY, more)
                except BlockingIOError:
                    pass
                plain.setblocking(True)
        plain.sendall(answer)  # it goes on to the node by itself
        self.assertEqual(chat.wait(), 0)
        chat.wait_for("^accepted as #1$")

    def refused(self, data, code, why, first=b""):
        door = self.socket()
        if first:
            door.put(TEXT, first)
        door.link.sendall(data(door))
        with self.assertRaises(Closed) as closed:
            while True:
                door.take()
        self.assertEqual(closed.exception.args[0], code, closed.exception.args)
        self.assertIn(why, closed.exception.args[1])

    def test_what_is_no_websocket_message(self):
        hello = b'{"type": "greeting", "name": "x"}'
        for why, code, data in (
                ("masked", 1002, lambda door: door.frame(TEXT, hello, mask=False)),
                ("extension", 1002, lambda door: b"\xc1" + door.frame(TEXT, hello)[1:]),
                ("kind of frame", 1002, lambda door: door.frame(3, b"")),
                ("control frame", 1002, lambda door: door.frame(PING, b"x" * 126)),
                ("control frame", 1002, lambda door: door.frame(PING, b"", last=False)),
                ("rest of no message", 1002, lambda door: door.frame(0, b"")),
                ("within", 1002, lambda door: door.frame(TEXT, b"{", last=False) + door.frame(TEXT, b"}")),
                ("too large", 1009, lambda door: b"\x82\xff" + struct.pack(">Q", 2**63) + b"abcd"),
                ("too large", 1009, lambda door: door.frame(BINARY, b"x" * 9000)),
                ("greeting, login", 1007, lambda door: door.frame(TEXT, b"{}")),
                ("", 1007, lambda door: door.frame(TEXT, b"\xff")),
                ("", 1007, lambda door: door.frame(TEXT, b""))):
            with self.subTest(why):
                self.refused(data, code, why)
        for why, code, data in (
                ("text and binary", 1003, lambda door: door.frame(BINARY, b"im")),
                ("too large", 1009, lambda door: b"\x81\xff" + struct.pack(">Q", 2**19 + 1) + b"abcd"),
                ("unknown key", 1007, lambda door: door.frame(TEXT, b'{"type": "ack", "nmber": 1}')),
                ("expected greeting", 1007, lambda door: door.frame(TEXT, b'{"type": "push"}')),
                ("name of a user", 1007, lambda door: door.frame(TEXT, b'{"type": "login", "user": "a b"}'))):
            with self.subTest(why):
                self.refused(data, code, why, hello)

    def test_pages_of_other_sites_do_not_get_in(self):
        for origin, status in (("https://chat.example", 101), ("http://localhost:8000", 101),
                               (f"http://{self.cluster.router}", 101), ("https://evil.example", 403),
                               ("http://chat.example", 403), ("null", 403)):
            self.assertEqual(self.socket(origin=origin).status, status, origin)

    def test_a_browser_that_only_looks(self):
        link = http.client.HTTPConnection(self.cluster.router, timeout=harness.LIMIT)
        link.request("GET", "/")
        answer = link.getresponse()
        page = answer.read().decode()
        self.assertEqual((answer.status, answer.getheader("Content-Type")), (200, "text/html; charset=utf-8"))
        self.assertIn("new WebSocket", page)
        link.request("GET", "/other")
        answer = link.getresponse()
        self.assertEqual((answer.status, answer.getheader("Sec-WebSocket-Version")), (426, "13"))
        self.assertIn("Upgrade", json.loads(answer.read())["allowed"])
        link.close()
        with socket.create_connection(self.cluster.router.split(":"), timeout=harness.LIMIT) as long:
            long.sendall(b"GET /" + b"x" * 9000)
            self.assertIn(b" 400 ", long.makefile("rb").read())

    def test_who_does_not_read_is_closed(self):
        alice = Browser(self, self.cluster.router, "slow-reader")
        # Answers to pings pile up until the node has enough of it.
        ping = alice.socket.frame(PING, b"x" * 125) * 1000
        alice.socket.link.settimeout(harness.LIMIT)
        with self.assertRaises(OSError):
            while True:
                alice.socket.link.sendall(ping)

    def test_over_tls(self):
        subprocess.run([os.environ["MAKE_CERTIFICATES"], self.directory.name], check=True)
        file = {key: os.path.join(self.directory.name, name) for key, name in (
            ("CERTIFICATE", "server.crt"), ("KEY", "server.key"), ("AUTHORITY", "authority.crt"))}
        cluster = harness.Cluster(PROGRAM, os.path.join(self.directory.name, "tls"), nodes=1,
                                  environment={"IMROUTE_TLS__" + key: name for key, name in file.items()})
        self.addCleanup(cluster.destroy)
        cluster.wait_ready()
        context = ssl.create_default_context(cafile=file["AUTHORITY"])
        bob = cluster.chat("bob", "--tls-ca", file["AUTHORITY"])  # the plain protocol on the same port
        alice = Browser(self, cluster.router, "alice", context=context)
        self.assertEqual(alice.send(1, **{"with": "bob"}, text="over wss")["seq"], 1)
        bob.wait_for("^alice #1: over wss$")


unittest.main()
