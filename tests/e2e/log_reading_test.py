"""Logs are read back: from archives, sealed and active files of several apps, filtered, followed,
and with what is damaged told."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from harness import COUNTER, TendTest, UnixConnection, main, read_proc, wait_until

# A hundred lines when the file go.N appears, for every N in turn.
SPEAKER = """#!/usr/bin/python3
import os, sys, time
for phase in range(100):
    while not os.path.exists(f'go.{phase}'):
        time.sleep(0.01)
    for n in range(100 * phase, 100 * phase + 100):
        if n % 10 == 0:
            os.write(2, f'ERROR needle {n}\\n'.encode())
        else:
            os.write(1, f'INFO hay {n}\\n'.encode())
"""
PHASES = 3
EVERY = 100 * PHASES


class LogReadingTest(TendTest):
    def setUp(self):
        super().setUp()
        self.tend.write("speaker.py", SPEAKER, 0o755)
        # web has archives and an active file, db plain sealed files and an active one.
        self.tend.config({"name": "web", "script": "./speaker.py",
                          "logs": {"compress": {"level": 1, "delay": "0s"}}},
                         {"name": "db", "script": "./speaker.py", "logs": {"compress": False}})
        self.start("tend.yaml")
        for phase in range(PHASES):
            if phase > 0:
                self.tend.ok("logs", "rotate")
            self.tend.write(f"go.{phase}", "")
            for app in ("web", "db"):
                wait_until(lambda: len(self.tend.records(app)) == 100 * (phase + 1), 10, f"{app} spoke")
        wait_until(lambda: len(self.archives()) == PHASES - 1, 10, "web's segments are compressed")

    def archives(self):
        return sorted(self.tend.app_logs("web").glob("*.zst"))

    def lines(self, *words):
        """What `tend logs WORDS` shows: [(app, number, time)]."""
        out = self.tend.ok("logs", *words, "-o", "json")
        lines = [json.loads(line) for line in out.splitlines()]
        return [(line["app"], int(line["message"].split()[-1]), line["time"]) for line in lines]

    def numbers(self, *words):
        return [n for _, n, _ in self.lines(*words)]

    def test_merged_by_time_and_within_times(self):
        every = self.lines("--since", "1h")
        self.assertEqual(sorted((app, n) for app, n, _ in every),
                         sorted((app, n) for app in ("web", "db") for n in range(EVERY)))
        times = [t for _, _, t in every]
        self.assertEqual(times, sorted(times))
        self.assertEqual(self.lines("--since", "1h", "--reverse"), every[::-1])
        self.assertEqual([line[2] for line in self.lines("-n", "7")], times[-7:])
        self.assertEqual([line[2] for line in self.lines("-n", "7", "--reverse")], times[:-8:-1])
        for begin, end in ((0, 0), (50, 130), (199, 450), (590, 599)):
            wanted = [t for t in times if times[begin] <= t <= times[end]]
            for more in ((), ("--reverse",)):
                got = [t for _, _, t in self.lines("--since", times[begin], "--until", times[end], *more)]
                self.assertEqual(sorted(got), wanted, (begin, end, more))
        until = [t for t in times if t <= times[250]]
        self.assertEqual([t for _, _, t in self.lines("--until", times[250], "-n", "20")], until[-20:])

    def test_filters(self):
        def web(*words):
            return sorted(self.numbers("web", "--since", "1h", *words))

        needles = list(range(0, EVERY, 10))
        hay = [n for n in range(EVERY) if n % 10]
        self.assertEqual(web(), list(range(EVERY)))
        self.assertEqual(web("-g", "needle (7|8)0$"), [70, 80])
        self.assertEqual(web("-g", "^error.*0$", "-i"), needles)
        self.assertEqual(web("-F", "needle"), needles)
        self.assertEqual(web("-F", "NEEDLE"), [])
        self.assertEqual(web("-F", "NEEDLE", "-i"), needles)
        self.assertEqual(web("-F", "needle", "-v"), hay)
        self.assertEqual(web("--level", "warn"), needles)
        self.assertEqual(web("--level", "info", "--stream", "out"), hay)
        self.assertEqual(web("--stream", "err"), needles)
        self.assertEqual(sorted(self.numbers("web:0", "--since", "1h")), list(range(EVERY)))
        self.assertEqual(self.tend.run("logs", "web:7", "--since", "1h")[0], 4)
        self.assertEqual(self.numbers("db", "-g", "hay", "-n", "5"), hay[-5:])
        for app in ("web", "db"):
            around = self.numbers(app, "--since", "1h", "-F", "hay 155", "-C", "2", "--stream", "out")
            self.assertEqual(around, [153, 154, 155, 156, 157])
        self.assertEqual(self.tend.run("logs", "web", "-g", "(")[0], 2)
        self.assertEqual(self.tend.run("logs", "web", "--level", "loud")[0], 2)
        self.assertEqual(self.tend.run("logs", "web", "-f", "--reverse")[0], 2)

    def test_forms(self):
        def last(form):
            return self.tend.ok("logs", "db", "-F", "hay", "-n", "1", "-o", form)

        self.assertEqual(last("raw"), "INFO hay 299\n")
        self.assertRegex(last("short"), r"^\d\d:\d\d:\d\d\.\d{3} db:0 INFO hay 299\n$")
        self.assertRegex(last("iso"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z db:0 INFO hay 299\n$")
        line = json.loads(last("json"))
        self.assertEqual((line["app"], line["worker"], line["stream"], line["level"], line["message"]),
                         ("db", 0, "stdout", "info", "INFO hay 299"))
        used = self.tend.ok("logs", "du")
        self.assertRegex(used, r"(?m)^web ")
        stats = self.tend.ok("logs", "stats", "db").splitlines()
        self.assertEqual(stats[0].split()[:3], ["app", "lines/s", "bytes/s"])
        self.assertEqual((len(stats), stats[1].split()[:2], "270" in stats[1]), (2, ["db", "0"], True))
        self.assertEqual(self.tend.run("logs", "stats", "nobody")[0], 4)
        for words, schema in ((("stats", "db"), "log_stats"), (("du", "db"), "log_use"), (("path", "db"), "log_paths")):
            said = json.loads(self.tend.ok("logs", *words, "--json"))
            self.assertEqual((said["schema"], [a["name"] for a in said["apps"]]), (f"tend.{schema}/1", ["db"]))
            self.assertEqual(self.tend.run("logs", *words, "-f")[0], 2)
        self.assertEqual(self.tend.ok("logs", "db", "-F", "hay", "-n", "1", "--json"), last("json"))
        self.assertEqual(self.tend.run("logs", "db", "--json", "-o", "raw")[0], 2)
        self.assertEqual(self.tend.ok("logs", "path", "web"), f"{self.tend.app_logs('web')}\n")

    def test_damage_is_said_and_is_no_success(self):
        archive = self.archives()[0]
        whole = archive.read_bytes()
        archive.write_bytes(whole[:40] + bytes([whole[40] ^ 0xFF]) + whole[41:])
        for words in (("--since", "1h"), ("--since", "1h", "--reverse"), ("-n", "250"),
                      ("--since", "1h", "-g", "hay")):
            code, out, err = self.tend.run("logs", "web", *words)
            self.assertEqual(code, 1, (words, out, err))
            said = [line for line in out.splitlines() if f"[tend: {archive.name}: lines of" in line]
            self.assertEqual(len(said), 1, out)
            self.assertIn("lines are missing", err)
            self.assertGreaterEqual(out.count("hay"), 180, "the others are shown")
        code, out, err = self.tend.run("logs", "web", "--since", "1h", "-o", "raw")
        self.assertEqual((code, len(out.splitlines())), (1, 200))
        self.assertNotIn("[tend:", out)
        self.assertIn(archive.name, err)
        # What was shown does not reach back to it.
        self.assertEqual(len(self.tend.ok("logs", "web", "-n", "150", "-o", "raw").splitlines()), 150)
        # Without its index it is read all the same.
        archive.write_bytes(whole[:-4])
        self.assertEqual(sorted(self.numbers("web", "--since", "1h")), list(range(EVERY)))
        archive.unlink()
        by_hand = self.tend.app_logs("web") / archive.name.removesuffix(".zst")
        by_hand.write_bytes(subprocess.run(["zstd", "-dc"], input=whole, capture_output=True,
                                           check=True).stdout)
        subprocess.run(["zstd", "-q", "--rm", by_hand], check=True)
        self.assertEqual(sorted(self.numbers("web", "--since", "1h")), list(range(EVERY)))

    def test_followed_over_rotations(self):
        self.tend.write("counter.py", COUNTER, 0o755)
        count_file = self.tend.home / "count"
        self.start(self.tend.config(
            {"name": "gen", "script": "./counter.py", "args": [str(count_file), "50"],
             "logs": {"compress": {"level": 1, "delay": "0s"}}}, name="gen.yaml"))
        wait_until(lambda: self.tend.records("gen"), 10)
        seen = self.tend.home / "seen"
        with open(seen, "wb") as out:
            self.tend.spawn("logs", "gen", "-f", "-n", "1", "-o", "raw", stdout=out)
            wait_until(lambda: seen.stat().st_size, 10, "the first line is shown")
            for _ in range(5):
                self.tend.ok("logs", "rotate", "gen")
                time.sleep(0.15)
            self.tend.ok("stop", "gen")
            total = int(wait_until(count_file.read_text, 5))
            wait_until(lambda: f"line {total} " in seen.read_text(), 10, "the last line is shown")
        numbers = [int(line.split()[1]) for line in seen.read_text().splitlines()]
        self.assertEqual(numbers, list(range(numbers[0], total + 1)))

    def test_runs_and_restarts(self):
        self.tend.write("dies.sh", """#!/bin/sh
            n=$(($(cat runs 2>/dev/null) + 1)); echo $n > runs; echo "begin $n"
            # What is read after the exit is not taken for this run's. Up for a second, it would count as online.
            [ $n -lt 3 ] && { sleep 0.1; echo "end $n" >&2; sleep 0.3; exit $n; }
            exec sleep 1000""", 0o755)
        self.start(self.tend.config({"name": "dies", "script": "./dies.sh", "restart_delay": 100},
                                    name="dies.yaml"), code=7)
        wait_until(lambda: len(self.tend.records("dies")) == 5, 15, "three runs")
        self.tend.wait_state("dies", "online")

        def texts(*words, form="raw"):
            return self.tend.ok("logs", "dies", "-o", form, *words).splitlines()

        self.assertEqual([texts("--run", n) for n in (0, 1, 2)],
                         [["begin 3"], ["begin 2", "end 2"], ["begin 1", "end 1"]])
        code, _, err = self.tend.run("logs", "dies", "--run", "3")
        self.assertEqual((code, "nothing is known" in err), (1, True), err)
        self.assertEqual(self.tend.run("logs", "dies", "--run", "x")[0], 2)

        every = r"""^.* dies:0 \[tend: started, pid \d+\]
.* dies:0 begin 1
.* dies:0 \[err\] end 1
.* dies:0 \[tend: exit code 1\]
.* dies:0 \[tend: started, pid \d+\]
.* dies:0 begin 2
.* dies:0 \[err\] end 2
.* dies:0 \[tend: exit code 2\]
.* dies:0 \[tend: started, pid \d+\]
.* dies:0 begin 3$"""
        lines = texts("--since", "1h", form="short")
        self.assertRegex("\n".join(lines), every)
        self.assertEqual(texts("--since", "1h", "--reverse", form="short"), lines[::-1])
        self.assertEqual(texts("-n", "2", form="short"), lines[-4:])
        self.assertEqual(len(texts("--since", "1h")), 5, "raw lines are those of workers")
        self.assertEqual(len(texts("--since", "1h", form="json")), 5)
        self.assertEqual(len(texts("-g", "i", form="short")), 3)
        seen = self.tend.home / "seen"
        with open(seen, "wb") as out:
            self.tend.spawn("logs", "dies", "-f", "-n", "1", stdout=out)
            wait_until(lambda: "begin 3" in seen.read_text(), 10, "the last line is shown")
            self.tend.ok("stop", "dies")
            wait_until(lambda: "[tend: killed by SIGINT]" in seen.read_text(), 10, "the end is shown")
        # A sidecar that is started anew is told of what goes on, and knows no more.
        self.tend.ok("start", "dies")
        wait_until(lambda: len(self.tend.records("dies")) == 6, 10)
        sidecar = self.tend.daemon("tend-sidecar")
        os.kill(sidecar, signal.SIGKILL)
        wait_until(lambda: self.tend.daemon("tend-sidecar") != sidecar, 10, "it is back")
        wait_until(lambda: texts("--run", "0") == ["begin 4"], 10, "the current run is known")
        self.assertEqual(self.tend.run("logs", "dies", "--run", "1")[0], 1)

    def test_readers_are_bounded_and_leave_nothing(self):
        sidecar = self.tend.daemon("tend-sidecar")

        def threads():
            names = [read_proc(sidecar, f"task/{task}/comm").strip() for task in os.listdir(f"/proc/{sidecar}/task")]
            return sum(name in (b"tend-read", b"tend-scan") for name in names)

        before = len(list(pathlib.Path(f"/proc/{sidecar}/fd").iterdir()))
        connections, codes = [], []
        for _ in range(70):
            connection = UnixConnection(self.tend.home / "http.sock")
            connection.request("GET", "/api/v1/logs?follow=1&n=1")
            connections.append((connection, connection.getresponse()))
            codes.append(connections[-1][1].status)
        self.assertEqual(codes, [200] * 64 + [503] * 6)
        self.assertLess(threads(), 64 * 2 + 4 * 8)
        for connection, answer in connections:
            answer.close()
            connection.close()
        wait_until(lambda: threads() == 0, 10, "the readers ended with their clients")
        wait_until(lambda: len(list(pathlib.Path(f"/proc/{sidecar}/fd").iterdir())) <= before, 10,
                   "their files are closed")
        self.assertIn("99", self.tend.ok("logs", "db", "-n", "20", "-o", "raw"))


if __name__ == "__main__":
    main()
