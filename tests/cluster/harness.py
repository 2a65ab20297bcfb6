"""Processes of the program for the end-to-end tests: started, talked to line by line, and gone
afterwards whatever happens. Nothing here waits for a fixed time: every wait is for a line that must
come, and fails when it does not come within a limit that a working cluster is far below.
"""
import json
import os
import re
import signal
import subprocess
import threading
import time

LIMIT = 120  # seconds; on a machine that is busy with other things


class Process:
    def __init__(self, program, *arguments, environment=None):
        self.what = " ".join(arguments[:3])
        self.lines = []
        self.changed = threading.Condition()
        self.popen = subprocess.Popen(
            [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, bufsize=1,
            env={**os.environ, **(environment or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def say(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def wait_for(self, pattern, start=0, count=1):
        """Waits until `count` lines from number `start` on match; gives the last match."""
        deadline = time.monotonic() + LIMIT
        with self.changed:
            while True:
                found = [m for m in (re.search(pattern, line) for line in self.lines[start:]
                                     if line is not None) if m]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0 or self.lines[-1:] == [None]:
                    raise AssertionError(
                        f"{self.what}: {len(found)} of {count} lines like {pattern!r} in:\n  " +
                        "\n  ".join(str(line) for line in self.lines))
                self.changed.wait(left)

    def matching(self, pattern):
        with self.changed:
            return [m for m in (re.search(pattern, line) for line in self.lines if line) if m]

    def mark(self):
        with self.changed:
            return len(self.lines)

    def end(self, number=signal.SIGINT):
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.wait()

    def wait(self):
        code = self.popen.wait(LIMIT)
        self.reader.join(LIMIT)
        return code

    def destroy(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.popen.stdin.close()
        self.reader.join()
        self.popen.stdout.close()


class Cluster:
    """`imroute up` on free ports."""

    def __init__(self, program, directory, *arguments, nodes=4, environment=None):
        self.program, self.data = program, directory
        self.up = Process(program, "up", "--nodes", str(nodes), "--port", "0", "--data", directory,
                          *arguments, environment=environment)
        self.chats = []
        self.pids, self.clients, self.admin, self.web = {}, {}, {}, {}
        self.places, self.router = [], None

    def wait_ready(self):
        self.up.wait_for("next, in another terminal")
        for m in self.up.matching(r"^(router|node-\d+) +(\d+) +(\S+) +(\S+) +(\S+) +(\S+)$"):
            self.admin[m.group(1)] = m.group(5)
            self.clients[m.group(1)] = m.group(3)
            self.web[m.group(1)] = m.group(6)
            self.places += [place for place in m.groups()[2:] if place != "-"]
            self.pids[m.group(1)] = int(m.group(2))
            if m.group(1) == "router":
                self.router = m.group(3)
        return self

    def chat(self, user, *arguments):
        chat = Process(self.program, "chat", "--user", user, "--router", self.router, *arguments)
        self.chats.append(chat)
        chat.node = int(chat.wait_for(r"^\* online at node (\d+)$").group(1))
        # A device is entitled to what the mailbox gets after the device's first bind has reached it.
        # "online" comes a moment before that; an accepted message of its own, after.
        chat.say("/to nobody")
        chat.say("hello")
        chat.wait_for(r"^  \[1\] accepted")
        return chat

    def destroy(self):
        for chat in self.chats:
            chat.destroy()
        # Its end takes every server with it (they are told by the system).
        self.up.destroy()


class Servers(Cluster):
    """One router and nodes, each started with a configuration of its own."""

    def __init__(self, program, directory, router, node, nodes):
        self.program, self.data = program, directory
        self.chats, self.servers = [], {}
        self.admin, self.places, self.router = {}, [], None
        try:
            self.start("router", {"data_dir": directory, **router})
            for i in range(nodes):
                places = [{"client": self.places[0], "peer": self.places[1]}]
                self.start("node", {"node": i, "routers": places, **node}, f"node-{i}")
        except BaseException:
            self.destroy()
            raise

    def start(self, command, settings, name="router"):
        file = os.path.join(self.data, name + ".json")
        anywhere = {key: "127.0.0.1:0" for key in ("client", "peer", "admin")}
        with open(file, "w", encoding="utf-8") as out:
            json.dump({**anywhere, **settings}, out)
        server = self.servers[name] = Process(self.program, command, "--config", file)
        found = server.wait_for(r"^ready \S+ client (\S+) peer (\S+) admin (\S+)")
        self.places += found.groups()[:2]
        self.admin[name] = found.group(3)
        self.router = self.router or found.group(1)

    def destroy(self):
        for process in (*self.chats, *self.servers.values()):
            process.destroy()


def gone(pid):
    """True when that process is no more, or only waits to be buried."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
