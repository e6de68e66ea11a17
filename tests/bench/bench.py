#!/usr/bin/env python3
"""Side by side with other supervisors: `./dev bench [NAME]`. Prints a table with ratios, and writes
OUT/NAME.json. What is not installed is left out. Run it on a machine that does nothing else."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import cluster
import logs
import metrics
from peers import BIN, PEERS, median, pss_mib, wait_for

WORKERS = BIN / "workers"


def respawn(peer):
    """kill -9 of a worker to main() of the next, milliseconds, median of 30."""
    file = peer.home / "starts"
    peer.start(1, str(WORKERS / "stamp"), str(file))

    def starts():
        return [tuple(map(int, line.split())) for line in file.read_text().splitlines()] if file.exists() else []
    wait_for(starts)
    times = []
    for _ in range(30):
        time.sleep(1.1)  # a second of life counts as stable everywhere
        before = starts()
        begun = time.monotonic_ns()
        os.kill(before[-1][0], signal.SIGKILL)
        times.append((wait_for(lambda: len(starts()) > len(before) and starts())[-1][1] - begun) / 1e6)
    return median(times)


def memory(peer):
    """PSS of all its own processes with 100 idle workers, MiB."""
    peer.start(100, str(WORKERS / "idle"))
    time.sleep(3)
    return pss_mib(peer.processes())


def listing(peer):
    """Its list command with 100 workers, milliseconds, median of 20."""
    peer.start(100, str(WORKERS / "idle"))
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        subprocess.run(peer.list_command, env=peer.env, stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - begun) * 1000)
    return median(times)


BENCHES = {"respawn": respawn, "memory": memory, "list": listing}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("name", nargs="?", choices=[*BENCHES, "logs", "logs_read", "ship", "cluster", "metrics"])
    logs.add_options(parser.add_argument_group("logs"))
    cluster.add_options(parser.add_argument_group("cluster"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, bench in BENCHES.items():
        if options.name not in (None, name):
            continue
        results = {}
        for kind in PEERS:
            if not kind.available():
                print(f"{kind.name} is not installed", file=sys.stderr)
                continue
            peer = kind()
            try:
                results[kind.name] = bench(peer)
            finally:
                peer.close()
        print(f"\n{name}: {bench.__doc__}")
        for peer, value in results.items():
            print(f"  {peer:8} {value:9.2f}   x{value / results['tend']:.1f}")
        (options.out / f"{name}.json").write_text(json.dumps(
            {"bench": name, "what": bench.__doc__, "cpus": os.cpu_count(), "results": results}, indent=1) + "\n")
    if options.name in (None, "logs"):
        logs.bench(options)
    if options.name in (None, "logs_read"):
        reader = pathlib.Path(__file__).with_name("logs_read.py")
        write = ["--write", options.write] if options.write and options.name == "logs_read" else []
        subprocess.run([sys.executable, "-B", reader, "--out", options.out, *write], check=True)
    if options.name in (None, "ship"):
        shipping = pathlib.Path(__file__).with_name("ship.py")
        subprocess.run([sys.executable, "-B", shipping, "--out", options.out], check=True)
    if options.name in (None, "cluster"):
        cluster.bench(options)
    if options.name in (None, "metrics"):
        metrics.run(BIN / "bench", options.out)


if __name__ == "__main__":
    main()
