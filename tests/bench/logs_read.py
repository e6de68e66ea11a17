#!/usr/bin/env python3
"""Reading back what was archived: how long `--since` takes to its first line, and how long a search
over everything takes beside `zstdcat | grep`. Prints a table and writes OUT/logs_read.json. Run it
on a machine that does nothing else; it needs three times the size on the disk of --folder.

    TEND_BIN=build/release/bin tests/bench/logs_read.py [--mib 2048] [--out build/bench]
"""
import argparse
import datetime
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from logs import machine

BIN = pathlib.Path(os.environ["TEND_BIN"]).resolve()
SEGMENT = 50 << 20
ROUNDS = 5
SEARCHES = (  # what it is, for tend, for grep
    ("a rare text", ["-F", "needle"], ["-F", "needle"]),
    ("a rare text, any case", ["-F", "NEEDLE", "-i"], ["-F", "-i", "NEEDLE"]),
    ("an expression with a text", ["-g", "needle [0-9]+7$"], ["-E", "needle [0-9]+7$"]),
    ("an expression without one", ["-g", r"[0-9]{6}7\.[0-9]+x"], ["-E", r"[0-9]{6}7\.[0-9]+x"]),
    ("one line in a hundred", ["-F", "GET /one-in-a-hundred"], ["-F", "GET /one-in-a-hundred"]),
)


def bodies(count):
    """Access log lines and JSON lines, as servers write them."""
    chance = random.Random(1)
    paths = ["/", "/login", "/api/v1/orders", "/api/v1/users", "/static/app.js", "/health"]
    lines = []
    for n in range(count):
        path = "/one-in-a-hundred" if n % 100 == 0 else chance.choice(paths)
        status, size, took = chance.choice((200, 200, 200, 304, 404, 500)), chance.randrange(1, 90000), chance.random()
        if n % 3:
            lines.append(f'10.0.{chance.randrange(256)}.{chance.randrange(256)} - - "GET {path} HTTP/1.1" '
                         f'{status} {size} "-" "Mozilla/5.0 (X11; Linux x86_64)" rt={took:.6f}')
        else:
            lines.append(json.dumps({"msg": f"GET {path}", "status": status, "bytes": size, "user":
                                     chance.randrange(10**6), "took": round(took, 6), "id": f"{chance.getrandbits(64):x}"}))
    return lines


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def write_segments(folder, mib, end):
    """Plain sealed files of so many MiB in all, up to the second `end`; the first second."""
    folder.mkdir(parents=True)
    texts = bodies(200_000)
    per_second = 200
    size = sum(map(len, texts)) / len(texts) + 52
    lines_of_segment = int(SEGMENT / size)
    count = max(1, mib * (1 << 20) // SEGMENT)
    begin = second = end - count * lines_of_segment // per_second
    n = 0
    for sequence in range(1, count + 1):
        block, prefix = [], ""
        for _ in range(lines_of_segment):
            if n % per_second == 0 or not prefix:
                second = begin + n // per_second
                prefix = stamp(second)
            text = f"needle {n}" if n % 1_000_003 == 77 else texts[n * 7919 % len(texts)]
            block.append(f"{prefix}.{n % per_second * 5_000_000:09}Z stdout F web:0 {text}\n")
            n += 1
        sealed = stamp(second + 1).replace("-", "").replace(":", "") + "Z"
        (folder / f"web.log.{sealed}-{sequence:06}").write_text("".join(block))
    return begin


class Tend:
    def __init__(self, parent):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="tend-bench-", dir=parent))
        self.env = {**os.environ, "TEND_HOME": str(self.home), "TEND_LISTEN": "off", "NO_COLOR": "1",
                    "PATH": f"{BIN}:{os.environ['PATH']}"}

    def run(self, *words):
        subprocess.run([BIN / "tend", *words], env=self.env, cwd=self.home, check=True, stdout=subprocess.DEVNULL)

    def start(self):
        worker = self.home / "idle.sh"
        worker.write_text("#!/bin/sh\nexec sleep 1000000\n")
        worker.chmod(0o755)
        limits = {"max_total": "9G", "max_files": 10000, "max_age": "1000d", "min_free": "0"}
        (self.home / "tend.json").write_text(json.dumps({"apps": [
            {"name": "web", "script": str(worker), "logs": {**limits, "compress": {"level": 1, "delay": "0s"}}}]}))
        self.run("start", "tend.json")

    def wait_archived(self, count):
        folder = self.home / "logs" / "web"
        give_up = time.monotonic() + 600
        while len(list(folder.glob("*.zst"))) < count or list(folder.glob("*.tmp")):
            if time.monotonic() > give_up:
                sys.exit(f"not archived: {sorted(f.name for f in folder.iterdir())}")
            time.sleep(0.2)
        return sorted(folder.glob("*.zst"))

    def close(self):
        subprocess.run([BIN / "tend", "kill"], env=self.env, stdout=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.home, ignore_errors=True)


def first_line(tend, since):
    """Milliseconds from the command to its first byte, median."""
    times = []
    for _ in range(2 * ROUNDS + 1):
        begun = time.perf_counter()
        with subprocess.Popen([BIN / "tend", "logs", "web", "--since", since], env=tend.env,
                              stdout=subprocess.PIPE) as process:
            process.stdout.read1(1)
            times.append((time.perf_counter() - begun) * 1000)
            process.kill()
    return sorted(times)[len(times) // 2]


def wall(command, env, lines):
    """Seconds, best of some rounds; its output has so many lines, if that is given."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        done = subprocess.run(command, env=env, shell=isinstance(command, str), capture_output=True, check=False)
        times.append(time.perf_counter() - begun)
        found = done.stdout.count(b"\n")
        if lines is not None and found != lines:
            sys.exit(f"{command}: {found} lines, not {lines}: {done.stderr[:500]}")
    return min(times), found


def page(result):
    since = "".join(f"| {share:.0%} of the way | {ms:.1f} ms |\n" for share, ms in result["since_ms"].items())
    searches = "".join(
        f"| {name} | {row['lines']} | {row['tend']:.2f} s | {row['zstdcat_grep']:.2f} s "
        f"| {row['zstdcat_grep'] / row['tend']:.1f}x |\n" for name, row in result["search_s"].items())
    return f"""# Benchmarks: reading logs back

Printed by `./dev bench logs_read --write docs/benchmarks-reading.md`; do not edit. Measured {result['machine']}.

{result['mib']} MiB of log lines in archives made by tend, page cache warm, each a whole command.

## `tend logs APP --since TIME`: until its first line (target: 50 ms)

| TIME | first line after |
|---|--:|
{since}
## Search over everything

| search | lines found | `tend logs` | `zstdcat \\| grep` | |
|---|--:|--:|--:|--:|
{searches}"""


def main():
    parser = argparse.ArgumentParser(prog="logs_read.py", description=__doc__.split("\n")[0])
    parser.add_argument("--mib", type=int, default=2048)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path, help="the page to write")
    parser.add_argument("--folder", help="where the logs are; the default is that of temporary files")
    arguments = parser.parse_args()
    tend = Tend(arguments.folder)
    result = {"mib": arguments.mib, "machine": machine(), "cores": os.cpu_count(), "since_ms": {}, "search_s": {}}
    try:
        end = int(time.time()) - 60
        begin = write_segments(tend.home / "logs" / "web", arguments.mib, end)
        tend.start()
        archives = tend.wait_archived(max(1, arguments.mib * (1 << 20) // SEGMENT))
        packed = sum(f.stat().st_size for f in archives)
        print(f"{arguments.mib} MiB in {len(archives)} archives of {packed >> 20} MiB\n")
        for share in (0.0, 0.25, 0.5, 0.75, 0.99):
            since = stamp(begin + share * (end - begin)) + "Z"
            result["since_ms"][share] = first_line(tend, since)
            print(f"--since, {share:4.0%} of the way: first line after {result['since_ms'][share]:6.1f} ms")
        print(f"\n{'search':28}{'lines':>9}{'tend':>9}{'zstdcat | grep':>16}{'ratio':>8}")
        names = " ".join(map(str, archives))
        for name, ours, theirs in SEARCHES:
            grep = " ".join(f"'{word}'" for word in theirs)
            other, lines = wall(f"zstdcat {names} | LC_ALL=C grep {grep}", tend.env, None)
            own, _ = wall([BIN / "tend", "logs", "web", "--since", stamp(0) + "Z", "-o", "raw", *ours], tend.env, lines)
            result["search_s"][name] = {"lines": lines, "tend": own, "zstdcat_grep": other}
            print(f"{name:28}{lines:9}{own:8.2f}s{other:15.2f}s{other / own:7.2f}x")
    finally:
        tend.close()
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "logs_read.json").write_text(json.dumps(result, indent=1) + "\n")
    if arguments.write:
        arguments.write.write_text(page(result))


if __name__ == "__main__":
    main()
