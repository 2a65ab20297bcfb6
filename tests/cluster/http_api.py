#!/usr/bin/env python3
"""The HTTP API of a router, held against its own OpenAPI document, and what a stranger does to it.

http_api.py PROGRAM [unittest arguments...]; MAKE_CERTIFICATES in the environment names that program.
"""
import base64
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

import jsonschema

import harness

PROGRAM = sys.argv.pop(1)
JSON = {"Content-Type": "application/json"}


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="imroute-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.cluster = harness.Cluster(PROGRAM, cls.directory.name, nodes=2)
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.wait_ready()
        cls.place = cls.cluster.web["router"]
        cls.link = http.client.HTTPConnection(cls.place, timeout=harness.LIMIT)
        cls.addClassCleanup(cls.link.close)
        cls.document = json.loads(cls.raw("GET", "/v1/openapi.json")[2])
        cls.answered = set()

    @classmethod
    def raw(cls, method, path, body=None, headers=None):
        cls.link.request(method, path, body, headers or {})
        answer = cls.link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()

    def schema(self, name_or_schema):
        """A schema of the document, its references resolvable."""
        found = name_or_schema
        if isinstance(found, str):
            found = {"$ref": "#/components/schemas/" + found}
        return {**found, "components": self.document["components"]}

    def check(self, value, schema):
        jsonschema.Draft202012Validator(self.schema(schema)).validate(value)

    def ask(self, method, path, body=None, headers=None):
        """Asks, and holds the answer against what the document says of that path, method and status."""
        if body is not None and not isinstance(body, (bytes, str)):
            body, headers = json.dumps(body), {**JSON, **(headers or {})}
        status, sent, text = self.raw(method, path, body, headers)
        kind = sent["Content-Type"]
        answer = json.loads(text) if text else None
        if kind == "application/problem+json":
            self.check(answer, "Problem")
            self.assertEqual(answer["status"], status)
        pattern = self.pattern_of(path.split("?")[0])
        operation = self.document["paths"].get(pattern, {}).get(method.lower())
        if operation is not None:
            self.assertIn(str(status), operation["responses"], (method, path, text))
            content = operation["responses"][str(status)]["content"]
            self.assertIn(kind, content, (method, path, text))
            self.check(answer, content[kind]["schema"])
            self.answered.add((method, pattern, status))
        return status, answer

    def pattern_of(self, path):
        for pattern in self.document["paths"]:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                return pattern
        return None

    def test_every_operation_of_the_document(self):
        jsonschema.Draft202012Validator.check_schema(self.schema("Problem"))
        operations = 0
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                with self.subTest(f"{method} {path}"):
                    operations += 1
                    query, filled = [], path
                    for parameter in operation.get("parameters", []):
                        value = parameter.get("example")
                        if parameter["in"] == "path":
                            filled = filled.replace("{%s}" % parameter["name"], value)
                        elif value is not None:
                            query.append(f"{parameter['name']}={value}")
                    body = None
                    if "requestBody" in operation:
                        body = operation["requestBody"]["content"]["application/json"]
                        self.check(body["example"], body["schema"])
                        body = body["example"]
                    status, _ = self.ask(method.upper(), filled + "?" * bool(query) + "&".join(query), body)
                    self.assertIn(status, (200, 201))
        self.assertGreaterEqual(operations, 12)

    def test_other_methods_and_paths(self):
        known = ["GET", "POST", "DELETE"]
        for path, methods in self.document["paths"].items():
            path = path.replace("{user}", "alice").replace("{group}", "club")
            for method in known + ["PUT", "OPTIONS"]:
                if method.lower() in methods:
                    continue
                status, headers, text = self.raw(method, path)
                self.assertEqual(status, 405, (method, path))
                allowed = headers["Allow"].split(", ")
                self.assertEqual(sorted(m for m in allowed if m != "HEAD"),
                                 sorted(m.upper() for m in methods), (method, path))
                self.assertEqual("HEAD" in allowed, "get" in methods)
                self.check(json.loads(text), "Problem")
        status, answer = self.ask("GET", "/v1/usres")
        self.assertEqual(status, 404)
        self.assertEqual(answer["found"], "/v1/usres")
        self.assertIn("/v1/users", answer["allowed"])
        status, headers, text = self.raw("HEAD", "/v1/nodes")
        self.assertEqual((status, text), (200, ""))
        self.assertGreater(int(headers["Content-Length"]), 10)

    def test_users(self):
        self.assertEqual(self.ask("POST", "/v1/users", {"name": "new-here"})[0], 201)
        status, again = self.ask("POST", "/v1/users", {"name": "new-here"})
        self.assertEqual((status, again["name"]), (200, "new-here"))
        before = self.ask("GET", "/v1/users/count")[1]["known"]
        for i in range(25):
            self.ask("POST", "/v1/users", {"name": f"many-{i:02}"})
        self.assertEqual(self.ask("GET", "/v1/users/count")[1]["known"], before + 25)
        names, after, pages = [], "", 0
        while after is not None:
            page = self.ask("GET", f"/v1/users?prefix=many-&limit=10&after={after}")[1]
            self.assertLessEqual(len(page["users"]), 10)
            names += [user["name"] for user in page["users"]]
            after, pages = page.get("next"), pages + 1
        self.assertEqual(names, [f"many-{i:02}" for i in range(25)])
        self.assertEqual(pages, 3)
        some = self.ask("GET", "/v1/users?contains=y-1&online=false")[1]["users"]
        self.assertEqual([user["name"] for user in some], [f"many-1{i}" for i in range(10)])
        self.assertEqual(self.ask("GET", "/v1/users?prefix=many-&online")[1], {"users": []})
        self.assertEqual(self.ask("POST", "/v1/users", {"name": "zoë@家"})[0], 201)
        self.assertEqual(self.ask("GET", "/v1/users?prefix=zo%C3%AB")[1]["users"][0]["name"], "zoë@家")

    def test_a_message_reaches_a_chat_and_a_repetition_does_not(self):
        bob = self.cluster.chat("bob-reads")
        # The chat is at home here, and its name leads there.
        sessions = self.ask("GET", "/v1/sessions/bob-reads")[1]
        self.assertTrue(sessions["online"])
        self.assertEqual([(d["node"], d["client_type"]) for d in sessions["devices"]], [(bob.node, "pc")])
        online = self.ask("GET", "/v1/users?online&prefix=bob-reads")[1]["users"]
        self.assertEqual(online, [{"id": sessions["id"], "name": "bob-reads", "online": True}])
        nodes = self.ask("GET", "/v1/nodes")[1]["nodes"]
        self.assertEqual([node["node"] for node in nodes], [0, 1])
        self.assertEqual({node["client"] for node in nodes},
                         {place for place in self.cluster.places} & {node["client"] for node in nodes})

        send = {"from": "http-alice", "to": "bob-reads", "text": "one", "id": 5}
        self.assertEqual(self.ask("POST", "/v1/messages", send),
                         (200, {"id": 5, "position": {"epoch": 1, "seq": 1}}))
        bob.wait_for("^http-alice #1: one$")
        self.assertEqual(self.ask("POST", "/v1/messages", {**send, "text": "another"})[1],
                         {"id": 5, "position": {"epoch": 1, "seq": 1}})
        status, problem = self.ask("POST", "/v1/messages", {**send, "id": 4})
        self.assertEqual((status, problem["found"]), (409, "4"))
        last = 1
        for i in range(2, 12):  # without ids, in order; bob's receipts stand between them
            text = {"text": f"n {i}"}
            if i % 2 == 0:
                text = {"base64": base64.b64encode(b"n %d" % i).decode()}
            answer = self.ask("POST", "/v1/messages", {"from": "http-alice", "to": "bob-reads", **text})[1]
            self.assertGreater(answer["position"]["seq"], last)
            last = answer["position"]["seq"]
        bob.wait_for(f"^http-alice #{last}: n 11$")
        shown = [m.group(1) for m in bob.matching(r"^http-alice #\d+: (.*)$")]
        self.assertEqual(shown, ["one"] + [f"n {i}" for i in range(2, 12)])
        # Sending makes nobody look as if they were there.
        self.assertFalse(self.ask("GET", "/v1/sessions/http-alice")[1]["online"])
        bob.say("/to http-alice")
        bob.say("answer")
        last = int(bob.wait_for(r"^  \[2\] accepted as #(\d+)$").group(1))
        # What came back is no obstacle to sending on.
        self.assertGreater(self.ask("POST", "/v1/messages", {"from": "http-alice", "to": "bob-reads",
                                                             "text": "thanks"})[1]["position"]["seq"], last)
        bob.wait_for(r"^http-alice #\d+: thanks$")

    def test_a_group_is_made_entered_left_and_written_to(self):
        bob, dora = self.cluster.chat("group-bob"), self.cluster.chat("group-dora")
        make = {"name": "book-club", "by": "group-alice", "members": ["group-bob", "group-alice"], "id": 1}
        self.assertEqual(self.ask("GET", "/v1/groups/book-club")[0], 404)
        self.assertEqual(self.ask("POST", "/v1/groups", make), (201, {"id": 1, "position": {"epoch": 1, "seq": 1}}))
        bob.wait_for(r"^\* group-alice made book-club$")
        # The same request again; and another one for a group that there is.
        self.assertEqual(self.ask("POST", "/v1/groups", make)[1]["position"]["seq"], 1)
        status, problem = self.ask("POST", "/v1/groups", {**make, "by": "group-bob"})
        self.assertEqual((status, problem["detail"]), (409, "there is such a group already"))

        def members():
            group = self.ask("GET", "/v1/groups/book-club")[1]
            self.assertEqual(group["name"], "book-club")
            return sorted(user["name"] for user in group["members"])

        def write(user, text):
            return self.ask("POST", "/v1/messages", {"from": user, "group": "book-club", "text": text})[0]

        self.assertEqual(members(), ["group-alice", "group-bob"])
        self.assertEqual(write("group-dora", "not mine"), 403)
        self.assertEqual(write("group-alice", "before dora"), 200)
        who = {"user": "group-dora"}
        self.assertEqual(self.ask("POST", "/v1/groups/book-club/leave", who)[0], 409)
        self.assertEqual(self.ask("POST", "/v1/groups/book-club/join", who)[1]["position"]["seq"], 3)
        self.assertEqual(self.ask("POST", "/v1/groups/book-club/join", who)[0], 409)
        self.assertEqual(members(), ["group-alice", "group-bob", "group-dora"])
        self.assertEqual(write("group-alice", "with dora"), 200)
        dora.wait_for(r"^group-alice in book-club #4: with dora")
        self.assertEqual(self.ask("POST", "/v1/groups/book-club/leave", who)[0], 200)
        self.assertEqual(members(), ["group-alice", "group-bob"])
        self.assertEqual(write("group-alice", "after dora"), 200)
        bob.wait_for(r"^group-alice in book-club #6: after dora$")
        shown = [m.group(1) for m in dora.matching(r"^group-alice in book-club #\d+: (\w+ dora)")]
        self.assertEqual(shown, ["with dora"])
        for user in ("group-alice", "group-bob"):
            self.assertEqual(self.ask("POST", "/v1/groups/book-club/leave", {"user": user})[0], 200)
        self.assertEqual(self.ask("GET", "/v1/groups/book-club")[0], 404)

    def test_mistakes_about_groups(self):
        status, problem = self.ask("POST", "/v1/groups", {"name": "a b", "members": ["ok", "not ok", 3]})
        self.assertEqual(status, 422)
        at = {error["pointer"]: error["detail"] for error in problem["errors"]}
        self.assertEqual(sorted(at), ["", "/members/1", "/members/2", "/name"])
        self.assertIn('"by"', at[""])
        many = [f"member-{i}" for i in range(4096)]
        status, problem = self.ask("POST", "/v1/groups", {"name": "many", "by": "a", "members": many})
        self.assertEqual((status, problem["errors"][0]["pointer"]), (422, "/members"))
        self.assertEqual(self.ask("POST", "/v1/groups", {"name": "many", "by": "a", "members": many[1:]})[0], 201)
        self.assertEqual(len(self.ask("GET", "/v1/groups/many")[1]["members"]), 4096)
        status, problem = self.ask("POST", "/v1/groups/many/join", {"user": "one-more"})
        self.assertEqual(status, 409)
        self.assertIn("full", problem["detail"])
        self.assertEqual(self.ask("POST", "/v1/groups/no%20name/join", {"user": "a"})[0], 400)
        self.assertEqual(self.ask("GET", "/v1/groups/a%20b")[0], 400)
        self.assertEqual(self.ask("GET", "/v1/groups/many?x")[0], 400)
        self.assertEqual(self.ask("POST", "/v1/groups/nobody-made-it/join", {"user": "a"})[0], 409)

    def test_a_login_is_a_session_to_come(self):
        first = self.ask("POST", "/v1/login", {"user": "carol", "device": 2, "client_type": "pad"})[1]
        second = self.ask("POST", "/v1/login", {"user": "carol", "device": 2, "client_type": "pad"})[1]
        self.assertGreater(second["generation"], first["generation"])
        self.assertIn(first["address"], self.cluster.places)

    def test_mistakes_of_bodies_are_told_at_once(self):
        status, problem = self.ask("POST", "/v1/messages", {"form": "a", "to": "b c", "text": "x", "device": 64})
        self.assertEqual(status, 422)
        at = {error["pointer"]: error["detail"] for error in problem["errors"]}
        self.assertIn('"from"?', at["/form"])
        self.assertIn("1 to 64 letters", at["/to"])
        self.assertIn("63", at["/device"])
        status, problem = self.ask("POST", "/v1/messages", {"from": "a", "to": "b", "group": "3"})
        self.assertEqual(status, 422)
        self.assertEqual(len(problem["errors"]), 2)
        status, problem = self.ask("POST", "/v1/messages", {"from": "a", "to": "b", "base64": "AB"})
        self.assertIn("base64", problem["errors"][0]["detail"])
        for body in ("", "{", "[1,2", '{"from": 1e', "\xff", '{"name": "a", "name": "b"}', "{}x"):
            with self.subTest(body):
                self.assertEqual(self.ask("POST", "/v1/users", body.encode("latin-1"), JSON)[0], 400)
        self.assertEqual(self.ask("POST", "/v1/users", {"name": ["a"]})[0], 422)
        self.assertEqual(self.ask("POST", "/v1/users", b'{"name": "a"}', {"Content-Type": "text/plain"})[0], 415)

    def test_mistakes_of_queries(self):
        for query, allowed in (("prefx=a", "prefix"), ("limit=0", "1 to 1000"), ("limit=1001", "1 to 1000"),
                               ("limit=x", "1 to 1000"), ("online=yes", "true or false"), ("prefix=%FF", "path"),
                               ("prefix=%4", "path"), ("limit=1&limit=2", "path"), ("prefix=%00", "path")):
            with self.subTest(query):
                status, problem = self.ask("GET", "/v1/users?" + query)
                self.assertEqual(status, 400)
                self.assertIn(allowed, problem["allowed"])
        for method, path, body in (("GET", "/v1/nodes", None), ("GET", "/v1/openapi.json", None),
                                   ("POST", "/v1/users", {"name": "alice"}), ("POST", "/v1/messages", {})):
            status, problem = self.ask(method, path + "?all", body)
            self.assertEqual((status, problem["found"]), (400, "all"), path)
        self.assertEqual(self.ask("GET", "/v1/sessions/a%20b")[0], 400)

    def test_a_message_has_its_limit_and_a_body_another(self):
        send = {"from": "big", "to": "bob"}
        self.assertEqual(self.ask("POST", "/v1/messages", {**send, "text": "\x01" * 65536})[0], 200)
        self.assertEqual(self.ask("POST", "/v1/messages", {**send, "text": "x" * 65537})[0], 413)
        head = b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        # Refused by what the header says, before any of it was sent.
        self.assertIn(b" 413 ", self.say(head + b"Content-Length: 524289\r\n\r\n"))
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        self.assertIn(b" 413 ", self.say(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 9))
        self.assertIn(b" 431 ", self.say(b"GET / HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n"))
        self.assertIn(b" 431 ", self.say(b"GET /" + b"y" * 9000))
        self.assertIn(b" 404 ", self.say(b"GET /" + b"y" * 7000 + b" HTTP/1.1\r\n\r\n"))

    def say(self, data, pieces=1):
        with socket.create_connection(self.place.split(":"), timeout=harness.LIMIT) as link:
            step = max(1, len(data) // pieces)
            try:
                for at in range(0, len(data), step):
                    link.sendall(data[at:at + step])
                link.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has heard enough
            return link.makefile("rb").read()

    def test_requests_in_any_pieces_and_after_each_other(self):
        one = b"GET /v1/users/count HTTP/1.1\r\nHost: a\r\n\r\n"
        last = one.replace(b"Host", b"Connection: close\r\nHost")
        for pieces in (1, 7, 10_000):
            answer = self.say(one * 20 + last, pieces)
            self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 21)
        body = b'{"name": "expects"}'
        with socket.create_connection(self.place.split(":"), timeout=harness.LIMIT) as link:
            link.sendall(b"POST /v1/users HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body))
            lines = link.makefile("rb")
            self.assertEqual(lines.readline(), b"HTTP/1.1 100 Continue\r\n")
            lines.readline()
            link.sendall(body)
            self.assertEqual(lines.readline(), b"HTTP/1.1 201 Created\r\n")

    def test_strangers(self):
        for data in (b"\x00\xff" * 300 + b"\r\n\r\n", b"im\x01\x00" + b"\0" * 60, b"GET /v1/nodes\r\n\r\n",
                     b"GET /v1/nodes HTTP/3.0\r\n\r\n", b"\x16\x03\x01" + b"\x01" * 200):
            self.assertIn(b" 400 Bad Request", self.say(data))
        self.assertEqual(self.say(b"POST /v1/users HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"), b"")  # and went
        for origin, status in (("http://evil.example", 403), ("null", 403), ("http://localhost:99", 200),
                               ("http://" + self.place, 200), ("http://[::1]:5", 200)):
            self.assertEqual(self.ask("GET", "/v1/nodes", headers={"Origin": origin})[0], status, origin)
        # A name that leads here is not this server's only because the browser believes so.
        self.assertEqual(self.raw("GET", "/v1/nodes", headers={"Origin": "http://rebound.example",
                                                               "Host": "rebound.example"})[0], 403)

    def test_more_connections_than_there_may_be(self):
        idle = [socket.create_connection(self.place.split(":")) for _ in range(600)]
        try:
            self.assertIn(b" 200 OK", self.say(b"GET /v1/nodes HTTP/1.1\r\nConnection: close\r\n\r\n"))
            figures = self.figures()
            self.assertGreater(figures["imroute_http_pushed_out_total"], 80)
        finally:
            for link in idle:
                link.close()
        self.link.close()  # may have been one of those pushed out

    def figures(self):
        link = http.client.HTTPConnection(self.cluster.admin["router"], timeout=harness.LIMIT)
        link.request("GET", "/metrics")
        lines = link.getresponse().read().decode().splitlines()
        link.close()
        return {name: float(value) for name, value in (line.split() for line in lines if line[0] != "#")}


class Failing(unittest.TestCase):
    def test_a_message_survives_the_death_of_its_node_and_waits_in_vain_without_one(self):
        with tempfile.TemporaryDirectory(prefix="imroute-") as directory:
            cluster = harness.Cluster(PROGRAM, directory, nodes=2,
                                      environment={"IMROUTE_SESSIONS__LEASE": "2s"})
            self.addCleanup(cluster.destroy)
            cluster.wait_ready()
            link = http.client.HTTPConnection(cluster.web["router"], timeout=harness.LIMIT)
            self.addCleanup(link.close)

            def post(number):
                link.request("POST", "/v1/messages", json.dumps(
                    {"from": "alice", "to": "bob", "text": str(number), "id": number}), JSON)
                answer = link.getresponse()
                return answer.status, json.loads(answer.read())

            self.assertEqual(post(1)[1]["position"]["seq"], 1)
            link.request("GET", "/v1/sessions/alice")
            node = json.loads(link.getresponse().read())["devices"][0]["node"]
            os.kill(cluster.pids[f"node-{node}"], signal.SIGKILL)
            self.assertEqual(post(2)[1]["position"]["seq"], 2)
            os.kill(cluster.pids[f"node-{1 - node}"], signal.SIGKILL)
            status, problem = post(3)
            self.assertEqual(status, 504)
            self.assertIn("repeat", problem["fix"])

    def test_over_tls_when_there_is_a_certificate(self):
        with tempfile.TemporaryDirectory(prefix="imroute-") as directory:
            subprocess.run([os.environ["MAKE_CERTIFICATES"], directory], check=True)
            names = {key: os.path.join(directory, name) for key, name in (
                ("CERTIFICATE", "server.crt"), ("KEY", "server.key"), ("AUTHORITY", "authority.crt"))}
            cluster = harness.Cluster(PROGRAM, os.path.join(directory, "data"), nodes=1, environment={
                "IMROUTE_TLS__" + key: name for key, name in names.items()})
            self.addCleanup(cluster.destroy)
            cluster.wait_ready()
            place = cluster.web["router"]
            with socket.create_connection(place.split(":"), timeout=harness.LIMIT) as plain:
                plain.sendall(b"GET /v1/nodes HTTP/1.1\r\n\r\n")
                self.assertNotIn(b"HTTP", plain.makefile("rb").read())
            context = ssl.create_default_context(cafile=names["AUTHORITY"])
            link = http.client.HTTPSConnection(place, timeout=harness.LIMIT, context=context)
            self.addCleanup(link.close)
            # The answer of many records, the message over TLS to the node, on one connection.
            for i in range(1, 4):
                link.request("POST", "/v1/messages", json.dumps(
                    {"from": "alice", "to": "bob", "text": "x" * 40_000, "id": i}), JSON)
                answer = json.loads(link.getresponse().read())
                self.assertEqual(answer["position"]["seq"], i)
            link.request("GET", "/v1/openapi.json")
            self.assertIn("paths", json.loads(link.getresponse().read()))


unittest.main()
