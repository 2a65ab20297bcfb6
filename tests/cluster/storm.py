#!/usr/bin/env python3
"""Everything that a real cluster is promised to survive, in one run for each strategy: three nodes
and two routers over a durable Redis and ZooKeeper; two hundred users write to each other while a
node is killed, one is paused past its lease, one is drained, a router is killed, Redis and
ZooKeeper are restarted. Then every accepted message must have been shown once, in order, to the
right device. The users are storm_user.py, which shares no code with the servers.

storm.py PROGRAM [--messages N] [--users N] [--strategy NAME]... [--all]
"""
import argparse
import json
import os
import random
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import harness
from storm_user import SELECTIVE_ACK, Judge, User

LEASE = 3.0
NODES, ROUTERS = 3, 2
STRATEGIES = (
    ["broadcast@mesh", "broadcast@pubsub", "cached_broadcast@mesh", "cached_broadcast@pubsub"] +
    [f"central:{mode}:{placement}" for mode in ("resolve", "forward")
     for placement in ("table", "hash", "consistent_hash", "range")] + ["mesh_directory"])
PATIENCE = 120  # seconds without anything new: a working cluster is far below


def strategy_of(name):
    kind, _, bus = name.partition("@")
    if bus:
        return {"kind": kind, "bus": bus}
    kind, *rest = kind.split(":")
    if not rest:
        return {"kind": kind}
    return {"kind": kind, "mode": rest[0], "placement": {"kind": rest[1]}}


GIVEN = set()


def free_port():
    """One that is free, and was not given away for a server that is yet to start."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


def place():
    return {"client": f"127.0.0.1:{free_port()}", "peer": f"127.0.0.1:{free_port()}"}


class Servers:
    def __init__(self, program, directory, strategy, wires):
        self.program, self.directory, self.running = program, directory, {}
        self.mixed = bool(wires)
        self.redis_port, self.zookeeper_port = free_port(), free_port()
        self.routers = [place() for _ in range(ROUTERS)]
        shared = {
            "strategy": strategy_of(strategy), "sessions": {"lease": f"{LEASE:g}s"},
            "stores": {"registry": "zookeeper", "directory": "redis", "mailbox": "redis",
                       "redis": {"address": f"127.0.0.1:{self.redis_port}"},
                       "zookeeper": {"servers": f"127.0.0.1:{self.zookeeper_port}"}}}
        self.files = {}
        for i, where in enumerate(self.routers):
            self.write(f"router-{i}", {"router": i, "data_dir": f"{directory}/data-{i}", **where,
                                       **shared})
        for i in range(NODES):
            self.write(f"node-{i}", {"node": i, "routers": self.routers,
                                     "client": "127.0.0.1:0", "peer": "127.0.0.1:0", "admin": "127.0.0.1:0",
                                     "wire": wires[i] if wires else {}, **shared})

    def write(self, name, keys):
        self.files[name] = os.path.join(self.directory, name + ".json")
        with open(self.files[name], "w", encoding="utf-8") as file:
            file.write(json.dumps(keys))

    def start_all(self):
        self.start_redis()
        self.start_zookeeper()
        for name in self.files:
            self.start(name)
        for name in self.files:
            self.running[name].wait_for(r"^ready ")

    def start(self, name):
        self.running[name] = harness.Process(self.program, name.split("-")[0], "--config",
                                             self.files[name])

    def ready(self, name):
        return bool(self.running[name].matching(r"^ready "))

    def signal(self, name, number):
        process = self.running[name]
        os.kill(getattr(process, "popen", process).pid, number)

    def kill(self, name):
        process = self.running.pop(name)
        if hasattr(process, "destroy"):
            process.destroy()
        else:
            process.kill()
            process.wait()

    def spawn(self, name, arguments):
        self.running[name] = subprocess.Popen(arguments, stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL)

    def start_redis(self):
        if shutil.which("redis-server") is None:
            sys.exit("redis-server is missing: install the package redis-server")
        self.spawn("redis", ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1",
                             "--dir", self.directory, "--save", "", "--appendonly", "yes",
                             "--appendfsync", "always"])

    def start_zookeeper(self):
        jars = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"
        if shutil.which("java") is None or not os.path.exists("/usr/share/java/zookeeper.jar"):
            sys.exit("ZooKeeper is missing: install the packages openjdk-17-jre-headless, "
                     "libzookeeper-java and libslf4j-java")
        config = os.path.join(self.directory, "zoo.cfg")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"tickTime=500\ninitLimit=10\nsyncLimit=5\ndataDir={self.directory}/zk\n"
                       f"clientPort={self.zookeeper_port}\nclientPortAddress=127.0.0.1\n"
                       "admin.enableServer=false\nminSessionTimeout=1000\n")
        self.spawn("zookeeper", ["java", "-Xmx96m", "-XX:TieredStopAtLevel=1",
                                 "-XX:+UseSerialGC", "-cp", jars,
                                 "org.apache.zookeeper.server.ZooKeeperServerMain", config])

    def destroy(self):
        for name in list(self.running):
            self.kill(name)


class Storm:
    def __init__(self, servers, users, messages, seed):
        self.servers, self.messages = servers, messages
        self.selector = selectors.DefaultSelector()
        self.judge = Judge()
        self.now = time.monotonic()
        draw = random.Random(seed)
        routers = [where["client"] for where in servers.routers]
        self.users = [User(i + 1, routers, self.selector, self.judge, LEASE, seed,
                           0 if servers.mixed and i % 2 else SELECTIVE_ACK)
                      for i in range(users)]
        ids = list(range(1, users + 1))
        contacts = {i: draw.sample([j for j in ids if j != i], min(10, users - 1)) for i in ids}
        self.plan = [(user, draw.choice(contacts[user])) for user in
                     (draw.choice(ids) for _ in range(messages))]
        self.planned = 0

    def turn(self):
        self.now = time.monotonic()
        for key, events in self.selector.select(0.02):
            key.data.on_ready(events, self.now)
        for user in self.users:
            user.tick(self.now)

    def until(self, what, condition):
        seen, since = None, time.monotonic()
        while not condition():
            self.turn()
            state = (self.judge.accepted_count, self.judge.shown_count)
            if state != seen:
                seen, since = state, self.now
            if self.now - since > PATIENCE:
                raise AssertionError(f"no progress while waiting: {what}\n{self.report()}")

    def write(self, share):
        """The next messages of the plan, as the users' own windows let them."""
        upto = min(self.messages, self.planned + int(self.messages * share) + 1)
        for sender, to in self.plan[self.planned:upto]:
            self.users[sender - 1].say(to)
        self.planned = upto

    def half_accepted(self):
        open_now = sum(user.open_sends() for user in self.users)
        goal = self.judge.accepted_count + open_now // 2
        self.until("half of what was written is accepted",
                   lambda: self.judge.accepted_count >= goal)

    def back(self, name):
        self.until(f"{name} serves", lambda: self.servers.ready(name))

    def kill_and_start(self, name):
        self.servers.kill(name)
        self.servers.start(name)
        self.back(name)

    def pause(self, node):
        self.servers.signal(f"node-{node}", signal.SIGSTOP)
        over = time.monotonic() + 1.5 * LEASE  # what "past its lease" means
        self.until("its users are served elsewhere", lambda: self.now > over and all(
            user.node not in (None, node) for user in self.users))
        self.servers.signal(f"node-{node}", signal.SIGCONT)

    def drain(self, name):
        self.servers.signal(name, signal.SIGTERM)
        process = self.servers.running[name].popen
        self.until(f"{name} is drained", lambda: process.poll() is not None)
        if process.returncode != 0:
            raise AssertionError(f"{name} drained with exit code {process.returncode}")
        self.servers.kill(name)
        self.servers.start(name)
        self.back(name)

    def restart_store(self, name, start):
        self.servers.kill(name)
        start()

    def run(self):
        for user in self.users:
            user.go_online()
        self.until("all are online", lambda: all(user.node is not None for user in self.users))
        blows = [lambda: self.kill_and_start("node-0"), lambda: self.pause(1),
                 lambda: self.restart_store("redis", self.servers.start_redis),
                 lambda: self.kill_and_start("router-0"),
                 lambda: self.restart_store("zookeeper", self.servers.start_zookeeper),
                 lambda: self.drain("node-2"), lambda: self.kill_and_start("node-1")]
        for blow in blows:
            self.write(1 / (len(blows) + 1))
            self.half_accepted()
            blow()
        self.write(1)
        self.until("all is accepted", lambda: self.judge.accepted_count == self.messages)
        self.until("all is shown", lambda: self.judge.shown_count >= self.judge.accepted_count and
                   not self.judge.missing())

    def report(self):
        online = sum(user.node is not None for user in self.users)
        return (f"{self.judge.figures()}; {online} of {len(self.users)} users online, logins "
                f"{sum(user.logins for user in self.users)}")


def storm(program, strategy, users, messages, seed=7, wires=None, look=lambda servers: None):
    """`wires`: the wire features of each node; then every second user is of an older build, too.
    `look` at the servers when the storm is over."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="imroute-") as directory:
        servers = Servers(program, directory, strategy, wires)
        trouble = None
        try:
            servers.start_all()
            run = Storm(servers, users, messages, seed)
            try:
                run.run()
                look(servers)
            except AssertionError as error:
                trouble = str(error)
        finally:
            servers.destroy()
        wrong = run.judge.wrong()
        print(f"{strategy:32} {run.report()}, {time.monotonic() - started:.1f} s", flush=True)
        for line in ([trouble] if trouble else []) + wrong[:20]:
            print("  " + line, flush=True)
        return not wrong and trouble is None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--strategy", action="append")
    parser.add_argument("--all", action="store_true", help="every strategy")
    given = parser.parse_args()
    names = STRATEGIES if given.all else given.strategy or ["cached_broadcast@mesh"]
    held = [storm(given.program, name, given.users, given.messages) for name in names]
    print(f"{held.count(True)} passed, {held.count(False)} failed")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
