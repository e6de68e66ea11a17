"""`./dev bench cluster`: requests a second through one port of several Node workers, tend beside PM2's cluster mode.

All programs run at the same time, each with its own port and the same server; wrk asks one after the other, round by
round, so that what else the machine does hits all. Ratios are of the runs of a round."""
import json
import re
import shutil
import subprocess
import sys
import urllib.request

from logs import machine
from peers import Pm2, Tend, median, wait_for

SECONDS, CONNECTIONS = 5, 64
CLOSE, KEPT = "a connection for each request", "connections kept"
HEADERS = {CLOSE: ["-H", "Connection: close"], KEPT: []}
LIMIT = {CLOSE: 1.8, KEPT: 0.97}  # of PM2's requests a second; p99 is to be no more than PM2's
COLUMNS = ["requests/s", ": PM2", "p99", ": PM2", "lowest and highest", "errors"]

SERVER = """
const http = require('http');
http.createServer((request, response) => response.end('hello world')).listen(process.env.PORT);
"""


class Cluster:
    """Mixed into a peer: a server on `port`."""

    def start_cluster(self, count, port):
        self.port = port
        (self.home / "server.js").write_text(SERVER)
        app = {"name": "web", "script": "./server.js", "exec_mode": "cluster", "instances": count,
               "env": {"PORT": str(port)}, **self.more}
        (self.home / "ecosystem.json").write_text(json.dumps({"apps": [app]}))
        self.run(self.command, "start", "ecosystem.json")
        wait_for(self.serves)

    def serves(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=1).read() == b"hello world"
        except OSError:
            return False


class Shared(Cluster, Tend):
    name, command, more = "tend, shared", Tend.list_command[0], {"balance": "shared"}


class RoundRobin(Cluster, Tend):
    name, command, more = "tend, round_robin", Tend.list_command[0], {"balance": "round_robin"}


class Pm2Cluster(Cluster, Pm2):
    name, command, more = "PM2, cluster", Pm2.program, {}


def add_options(group):
    group.add_argument("--port", type=int, default=3700, help="the first of three that are free")


PROGRAMS = [Pm2Cluster, Shared, RoundRobin]


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(port, headers, seconds):
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *headers,
                          f"http://127.0.0.1:{port}/"], check=True, capture_output=True, text=True).stdout
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return {"rate": float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1)),
            "p99": milliseconds(re.search(r"^ +99%\s+(\S+)", out, re.M).group(1)),
            "errors": sum(map(int, errors.groups() if errors else ())) + int(other.group(1) if other else 0)}


def of_pm2(runs, base):
    rates = [run["rate"] for run in runs]
    return {"rate": median(rates), "low": min(rates), "high": max(rates), "p99": median([run["p99"] for run in runs]),
            "rate_ratio": median([a["rate"] / b["rate"] for a, b in zip(runs, base)]),
            "p99_ratio": median([a["p99"] / b["p99"] for a, b in zip(runs, base)]),
            "errors": sum(run["errors"] for run in runs)}


def workload(count, mode, peers, options):
    runs = {peer.name: [] for peer in peers}
    for turn in range(options.rounds):
        for peer in peers[turn % len(peers):] + peers[:turn % len(peers)]:
            runs[peer.name].append(wrk(peer.port, HEADERS[mode], SECONDS))
    base = runs[Pm2Cluster.name]
    return {"workers": count, "mode": mode, "programs": {name: of_pm2(found, base) for name, found in runs.items()}}


def table_text(table):
    lines = ["| program | " + " | ".join(COLUMNS) + " |", "|---" + "|--:" * len(COLUMNS) + "|"]
    for name, row in table["programs"].items():
        lines.append(f"| {name} | {row['rate']:,.0f} | {row['rate_ratio']:.2f} | {row['p99']:.2f} ms | "
                     f"{row['p99_ratio']:.2f} | {row['low']:,.0f} - {row['high']:,.0f} | {row['errors']} |")
    return "\n".join(lines)


def title(table):
    return f"{table['workers']} workers, {table['mode']}"


def targets(tables):
    """[(what, limit, figure, holds)]"""
    found = []
    for table in tables:
        row, limit = table["programs"][Shared.name], LIMIT[table["mode"]]
        found.append((f"{title(table)}: requests/s, of PM2's", f">= {limit}", f"{row['rate_ratio']:.2f}",
                      row["rate_ratio"] >= limit))
        found.append((f"{title(table)}: p99, of PM2's", "<= 1", f"{row['p99_ratio']:.2f}", row["p99_ratio"] <= 1))
    return found


def targets_text(tables):
    lines = ["| target | limit | measured | |", "|---|--:|--:|---|"]
    lines += [f"| {what} | {limit} | {figure} | {'holds' if holds else 'MISSED'} |"
              for what, limit, figure, holds in targets(tables)]
    return "\n".join(lines)


def page(results, options):
    parts = [f"""# Benchmarks: one port, several workers

Printed by `./dev bench cluster --write docs/benchmarks-cluster.md`; do not edit. Measured {results['machine']}.

A plain `http` server that says hello world, node {results['node']}, behind one port: tend as users run it and PM2 7.0.4
in its cluster mode, both out of the box. `wrk -t1 -c{CONNECTIONS} -d{SECONDS}s` on the same machine, so wrk has its share of
the CPU, too. All programs run all the time and are asked in turns; medians of {options.rounds} rounds, ratios by round. PM2's
daemon accepts every connection and hands it to a worker; in tend's `shared` mode the workers take them from the kernel,
in `round_robin` tend-core hands them out one by one.

## Targets

{targets_text(results['tables'])}
"""]
    parts += [f"## {title(table)}\n\n{table_text(table)}\n" for table in results["tables"]]
    return "\n".join(parts)


def bench(options):
    if shutil.which("wrk") is None or not Pm2Cluster.available():
        print("cluster: wrk or PM2 is not installed", file=sys.stderr)
        return
    results = {"machine": machine(), "tables": [],
               "node": subprocess.run(["node", "-p", "process.versions.node"], capture_output=True, text=True,
                                      check=True).stdout.strip()}
    for count in (2, 4):
        peers = []
        try:
            for i, program in enumerate(PROGRAMS):
                peers.append(program())
                peers[-1].start_cluster(count, options.port + i)
            for peer in peers:
                wrk(peer.port, [], 2)  # Node has compiled what it will
            for mode in HEADERS:
                results["tables"].append(workload(count, mode, peers, options))
                print(f"\n{title(results['tables'][-1])}\n{table_text(results['tables'][-1])}", flush=True)
        finally:
            for peer in peers:
                peer.close()
    print(f"\n{targets_text(results['tables'])}")
    (options.out / "cluster.json").write_text(json.dumps({"bench": "cluster", **results}, indent=1) + "\n")
    if options.write and options.name == "cluster":
        options.write.write_text(page(results, options))
