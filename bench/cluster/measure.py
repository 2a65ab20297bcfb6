#!/usr/bin/env python3
"""Measures the real cluster beside others, in one run: imroute, a pair of clustered NATS servers, the
bare forwarder (hop.cc) and Redis take turns, repetition by repetition, so that what else this machine
does hits all of them. What counts are the ratios within a repetition.

measure.py IMROUTE PEER_LOAD HOP [--repetitions N] [--messages N] [--rate N] [--connections N]
           [--out DIR] [--only routing,stored,idle]

Writes DIR/cluster.json, and DIR/cluster.md for people. Exit code 3: something is not installed.
"""
import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

LIMIT = 120  # seconds, for a server to start; on a machine that is busy with other things
PACKAGES = {"nats-server": "nats-server", "redis-server": "redis-server",
            "redis-benchmark": "redis-tools"}


def fail(text):
    print("measure: " + text, file=sys.stderr)
    sys.exit(3)


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not found:
        fail(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Servers:
    """Processes that are stopped by their ids, whatever happens."""

    def __init__(self):
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
        for process in self.running:
            process.wait()

    def start(self, *words, **more):
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL, text=True, **more)
        self.running.append(process)
        return process

    @property
    def pids(self):
        return ",".join(str(process.pid) for process in self.running)


def wait_port(process, port):
    deadline = time.monotonic() + LIMIT
    while True:
        if process.poll() is not None:
            fail(f"{process.args[0]} ended with exit code {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                fail(f"{process.args[0]} does not listen on port {port}")
            time.sleep(0.01)


def call(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        fail(f"{' '.join(words[:4])} ... ended with exit code {done.returncode}")
    return done.stdout


# ---- what is measured ---------------------------------------------------------------------------

ROUTING = "routed,paced,round_trip"


def imroute(options, measures, *more):
    text = call(options.imroute, "bench", "cluster", "--json", "--only", measures,
                "--messages", str(options.messages), "--rate", str(options.rate),
                "--connections", str(options.connections), *more)
    return json.loads(text)["figures"]


def peer(options, kind, a, b, servers):
    text = call(options.peer_load, kind, f"127.0.0.1:{a}", f"127.0.0.1:{b}", servers.pids, ROUTING,
                str(options.messages), str(options.rate))
    return json.loads(text)["figures"]


def nats(options):
    server = program("nats-server")
    with Servers() as servers:
        clients, routes = [free_port(), free_port()], [free_port(), free_port()]
        for i in range(2):
            process = servers.start(
                server, "-a", "127.0.0.1", "-p", str(clients[i]),
                "--cluster_name", "bench", "--cluster", f"nats://127.0.0.1:{routes[i]}",
                "--routes", f"nats://127.0.0.1:{routes[1 - i]}", stdout=subprocess.DEVNULL)
            wait_port(process, clients[i])
        return peer(options, "nats", *clients, servers)


def hop(options):
    with Servers() as servers:
        def start(*next_hop):
            process = servers.start(options.hop, *next_hop, stdout=subprocess.PIPE)
            found = re.match(r"ready 127\.0\.0\.1:(\d+)$", process.stdout.readline())
            if not found:
                fail("hop does not start")
            return int(found.group(1))
        b = start()
        return peer(options, "hop", start(f"127.0.0.1:{b}"), b, servers)


# What one Redis can append when nobody stands before it: pipelined, 128 bytes, as many clients and
# as many open as the load has.
def redis_alone(options, port):
    rates = {}
    for name, words in {
            "xadd": ["XADD", "stream:__rand_int__", "*", "m", "x" * 128],
            "eval": ["EVAL", "return redis.call('XADD', KEYS[1], '*', 'm', ARGV[1])", "1",
                     "stream:__rand_int__", "x" * 128]}.items():
        text = call(program("redis-benchmark"), "-p", str(port), "-c", "16", "-P", "64", "-r", "16",
                    "-n", str(max(options.messages // 5, 1024)), "--csv", *words)
        rates[name] = float(text.splitlines()[-1].rsplit('","', 7)[1].strip('"'))
    return rates


def stored(options, durable):
    with Servers() as servers, tempfile.TemporaryDirectory() as folder:
        port = free_port()
        sync = "always" if durable else "everysec"
        process = servers.start(
            program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder,
            "--save", "", "--appendonly", "yes", "--appendfsync", sync, stdout=subprocess.DEVNULL)
        wait_port(process, port)
        return {"imroute": imroute(options, "stored", "--redis", f"127.0.0.1:{port}")["stored"],
                "redis_alone": redis_alone(options, port)}


# ---- turns --------------------------------------------------------------------------------------

def all_on_one_processor(run):
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})  # and what is started from here
    try:
        return run()
    finally:
        os.sched_setaffinity(0, allowed)


def repetition(options, number):
    turns = []
    if "routing" in options.only:
        turns += [("imroute", lambda: all_on_one_processor(lambda: imroute(options, ROUTING))),
                  ("nats", lambda: all_on_one_processor(lambda: nats(options))),
                  ("hop", lambda: all_on_one_processor(lambda: hop(options)))]
    if "stored" in options.only:
        turns += [("sqlite", lambda: imroute(options, "stored")["stored"]),
                  ("redis_everysec", lambda: stored(options, False)),
                  ("redis_always", lambda: stored(options, True))]
    if "idle" in options.only:
        turns += [("idle", lambda: imroute(options, "idle")["idle"])]
    turns = turns[number % len(turns):] + turns[:number % len(turns)]  # nobody is always the first
    out = {"load_average": os.getloadavg()}
    for name, run in turns:
        print(f"repetition {number + 1} of {options.repetitions}: {name}", file=sys.stderr)
        out[name] = run()
    return out


def machine():
    model = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"processor": model, "processors": os.cpu_count(), "kernel": platform.release(),
            "system": platform.freedesktop_os_release().get("PRETTY_NAME", "?")}


# ---- the page -----------------------------------------------------------------------------------

def spread(values, digits=3):
    def text(v):
        return f"{v:,.0f}" if abs(v) >= 1000 else f"{v:.{digits}g}"
    return f"{text(statistics.median(values))} [{text(min(values))}..{text(max(values))}]"


def at(document, path):
    for key in path.split("/"):
        document = document[key]
    return document


class Page:
    def __init__(self, repetitions):
        self.repetitions = repetitions
        self.lines = []

    def values(self, path):
        return [at(r, path) for r in self.repetitions]

    def ratios(self, over, under):
        return [a / b for a, b in zip(self.values(over), self.values(under))]

    def add(self, *lines):
        self.lines += lines

    def verdict(self, what, target, values, meets):
        """`target` is "-" of what is only shown."""
        met = "" if target == "-" else "met" if meets(statistics.median(values)) else "missed"
        self.add(f"| {what} | {target} | {spread(values)} | {met} |")


def page(document):
    p = Page(document["repetitions"])
    first, m = p.repetitions[0], document["machine"]
    p.add(f"Measured on {m['processor']}, {m['processors']} processors, {m['system']}, Linux "
          f"{m['kernel']}; {len(p.repetitions)} repetitions, load average "
          f"{spread([r['load_average'][0] for r in p.repetitions])} when they began.", "")
    if "imroute" in first:
        p.add("| all on one processor | messages/s | server CPU-s per million | paced: the same | "
              "paced: p50 / p99 us | round trip: p50 us | p99 us |", "|---|---|---|---|---|---|---|")
        for name in ("imroute", "nats", "hop"):
            v = lambda path, name=name: spread(p.values(f"{name}/{path}"))
            p.add(f"| {name} | {v('routed/messages_per_second')} | "
                  f"{v('routed/server_cpu_s_per_million')} | {v('paced/server_cpu_s_per_million')} | "
                  f"{v('paced/latency_us/p50')} / {v('paced/latency_us/p99')} | "
                  f"{v('round_trip/latency_us/p50')} | {v('round_trip/latency_us/p99')} |")
        p.add("")
    if "sqlite" in first:
        p.add("| stored | messages/s, window 64 | window 1 | one client 1 ms away: window 64 | window 1 |"
              " server CPU-s per million, window 64 |", "|---|---|---|---|---|---|")
        for name, path in (("SQLite", "sqlite"), ("Redis, everysec", "redis_everysec/imroute"),
                           ("Redis, always", "redis_always/imroute")):
            rates = [spread(p.values(f"{path}/{w}/messages_per_second"))
                     for w in ("window_64", "window_1", "window_64_far", "window_1_far")]
            p.add(f"| {name} | {' | '.join(rates)} | "
                  f"{spread(p.values(f'{path}/window_64/server_cpu_s_per_million'))} |")
        for name in ("everysec", "always"):
            p.add(f"| Redis alone, {name}: XADD / EVAL | "
                  f"{spread(p.values(f'redis_{name}/redis_alone/xadd'))} / "
                  f"{spread(p.values(f'redis_{name}/redis_alone/eval'))} | | | | |")
        p.add("")
    p.add("| ratio within a repetition | target | measured | |", "|---|---|---|---|")
    cost = "routed/server_cpu_s_per_million"
    if "imroute" in first:
        p.verdict("routed message, CPU of the NATS pair over ours", "≥ 4",
                  p.ratios(f"nats/{cost}", f"imroute/{cost}"), lambda v: v >= 4)
        p.verdict("routed message, our CPU over the floor's", "≤ 2.2",
                  p.ratios(f"imroute/{cost}", f"hop/{cost}"), lambda v: v <= 2.2)
        p.verdict("round trip p50 over the floor's", "≤ 1.5",
                  p.ratios("imroute/round_trip/latency_us/p50", "hop/round_trip/latency_us/p50"),
                  lambda v: v <= 1.5)
    if "sqlite" in first:
        for name in ("everysec", "always"):
            p.verdict(f"stored in Redis ({name}), of what it does alone by EVAL", "≥ 0.6",
                      p.ratios(f"redis_{name}/imroute/window_64/messages_per_second",
                               f"redis_{name}/redis_alone/eval"), lambda v: v >= 0.6)
        p.verdict("SQLite, window 64 over window 1, one client 1 ms away", "≥ 10",
                  p.ratios("sqlite/window_64_far/messages_per_second",
                           "sqlite/window_1_far/messages_per_second"), lambda v: v >= 10)
        p.verdict("Redis (everysec), window 64 over window 1, one client 1 ms away", "≥ 10",
                  p.ratios("redis_everysec/imroute/window_64_far/messages_per_second",
                           "redis_everysec/imroute/window_1_far/messages_per_second"),
                  lambda v: v >= 10)
    if "idle" in first:
        p.verdict(f"idle session, bytes in the node ({first['idle']['connections']:,} of them)",
                  "≤ 1,024", p.values("idle/node_bytes_a_connection"), lambda v: v <= 1024)
        p.verdict("the same, in the router that holds the stores", "-",
                  p.values("idle/router_bytes_a_session"), None)
    return "\n".join(p.lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    for name in ("imroute", "peer_load", "hop"):
        parser.add_argument(name, type=os.path.abspath)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--connections", type=int, default=15_000)
    parser.add_argument("--out", default="reports/bench")
    parser.add_argument("--only", default="routing,stored,idle", type=lambda text: text.split(","))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    document = {"machine": machine(),
                "sizes": {"messages": options.messages, "rate": options.rate,
                          "connections": options.connections},
                "repetitions": [repetition(options, i) for i in range(options.repetitions)]}
    os.makedirs(options.out, exist_ok=True)
    text = page(document)
    for name, content in (("cluster.json", json.dumps(document, indent=2) + "\n"),
                          ("cluster.md", text)):
        path = os.path.join(options.out, name)
        with open(path + ".tmp", "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(path + ".tmp", path)
    print(text)


if __name__ == "__main__":
    main()
