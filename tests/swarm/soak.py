#!/usr/bin/env python3
"""Explores the swarm scenario and then the whole library, each for half of the time, and writes one page of
what was covered and found: OUT/soak.md, also printed. Seeds go on where the last soak of the same build ended.

soak.py PROGRAM MINUTES OUT
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = [("swarm", "scenarios/swarm.json"), ("library", "scenarios")]


def next_seed(folder):
    """After the last seed that every scenario of the folder has had; mutants have overrides."""
    last = {}
    try:
        with open(os.path.join(folder, "explore.jsonl"), encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if not any("/seed=" in one for one in record.get("sets", [])):
                    name = record["scenario"]
                    last[name] = max(last.get(name, 0), record["seed"])
    except FileNotFoundError:
        pass
    return min(last.values(), default=0) + 1


def explore(program, folder, what, seconds):
    command = [program, "explore", what, "--budget", f"{seconds}s", "--from", str(next_seed(folder)),
               "--out", folder, "--require-coverage"]
    print("$", " ".join(command), flush=True)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 1):
        sys.exit(done.returncode)
    with open(os.path.join(folder, "explore.json"), encoding="utf-8") as file:
        return json.load(file)


def table(title, head, rows):
    return [f"### {title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows), ""]


def part(name, what, found):
    machine, coverage = found["machine"], found["coverage"]
    page = [f"## {name}: `{what}`", "",
            f"{found['runs']} runs, {found['failing']} failing in {len(found['groups'])} kinds, "
            f"{found['events']} events. This time {machine['runs']} runs in {machine['seconds']:.0f} s: "
            f"{machine['seeds_per_second']:.1f} a second, {machine['seeds_per_second_per_job']:.1f} for each of "
            f"{machine['jobs']} jobs.", ""]
    if found["groups"]:
        page += table("Found", ["property", "phase", "runs", "witness", "reproduce"],
                      [(g["property"], g["phase"], g["runs"], g["kind"], f"`{g['repro']}`")
                       for g in found["groups"]])
    if coverage["missing"]:
        page += ["### Never hit, although it can be drawn", "", *(f"- {one}" for one in coverage["missing"]), ""]
    page += table("Faults with an effect", ["fault", "role/phase: hits"],
                  [(kind, ", ".join(f"{place}: {hits}" for place, hits in places.items()))
                   for kind, places in coverage["faults"].items()])
    page += table("Sites", ["site", "runs that reached it"], coverage["sites"].items())
    page += table("Runs of each scenario", ["scenario", "runs"], found["scenarios"].items())
    return page


def main(program, minutes, out):
    os.makedirs(out, exist_ok=True)
    seconds = max(1, round(float(minutes) * 60 / len(PARTS)))
    parts = [(name, what, explore(program, os.path.join(out, name), what, seconds)) for name, what in PARTS]
    build = parts[0][2]["imroute"]
    bad = sum(len(found["groups"]) + len(found["coverage"]["missing"]) for _, _, found in parts)
    runs = sum(found["runs"] for _, _, found in parts)
    page = [f"# Soak of imroute {build['version']} ({build['commit']})", "",
            f"{runs} runs; " + ("nothing found, nothing left out." if bad == 0 else
                                f"{bad} findings and gaps, listed below."), ""]
    for name, what, found in parts:
        page += part(name, what, found)
    path = os.path.join(out, "soak.md")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(page))
    print("\n".join(page))
    print(f"written to {os.path.relpath(path, ROOT)}")
    return 1 if bad else 0


if len(sys.argv) != 4:
    sys.exit(__doc__)
sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])))
