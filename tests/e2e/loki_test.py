"""Stored lines arrive at Loki, whatever happens on the way: the receiver is away, slow, full, or breaks off;
the shipper is killed; files are sealed, compressed and removed meanwhile. In WaysOfFailure the shipper runs alone
(tests/support/ship_lines.cc), beside logs of `tend pipe`."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from fake_loki import FakeLoki
from harness import BIN, COUNTER, PATIENCE, SANITIZED, Tend, TendTest, main, wait_until


def rss_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


class LokiTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tend-loki-"))
        self.logs = self.folder / "logs"
        self.tend = Tend(listen="off")
        self.loki = FakeLoki()
        self.pipes, self.shipper, self.written = {}, None, {}
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for pipe in self.pipes.values():
            pipe.stdin.close()
            pipe.wait(10 * PATIENCE)
        if self.shipper:
            self.shipper.kill()
            self.end_shipper()
        self.loki.stop()
        self.tend.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, app, count, padding=60, size="100K"):
        """So many more numbered lines."""
        if app not in self.pipes:
            self.pipes[app] = subprocess.Popen(
                [BIN / "tend", "pipe", app, "--log-dir", self.logs, "--max-size", size], env=self.tend.env,
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        begin = self.written.get(app, 0)
        text = "".join(f"line {n} {'x' * padding}\n" for n in range(begin, begin + count))
        self.pipes[app].stdin.write(text.encode())
        self.pipes[app].stdin.flush()
        self.written[app] = begin + count

    def ship(self, **arguments):
        arguments = {"logs": self.logs, "state": self.folder / "state", "type": "loki", "url": self.loki.url,
                     "batch_wait_ms": 100, **arguments}
        self.shipper = subprocess.Popen([BIN / "ship_lines", *(f"{k}={v}" for k, v in arguments.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def stats(self):
        self.shipper.stdin.write(b"\n")
        self.shipper.stdin.flush()
        return json.loads(self.shipper.stdout.readline())

    def end_shipper(self):
        """Its last numbers."""
        self.shipper.stdin.close()
        out = self.shipper.stdout.read()
        self.shipper.stdout.close()
        self.shipper.wait(20 * PATIENCE)
        self.shipper = None
        return json.loads(out.splitlines()[-1]) if out else None

    def wait_for_all(self, timeout=60):
        total = sum(self.written.values())
        wait_until(lambda: self.loki.count() >= total, timeout, "all lines are there")
        self.assert_complete()
        wait_until(lambda: self.stats()["queued"] == 0, 10, "nothing waits")
        return self.stats()

    def assert_complete(self):
        """Each line once, in order, each with a time of its own."""
        for app, count in self.written.items():
            got = self.loki.lines(app=app)
            stamps = [stamp for stamp, _, _ in got]
            self.assertEqual(len(set(stamps)), len(stamps))
            self.assertEqual(stamps, sorted(stamps))
            numbers = [int(line.split()[1]) for _, line, _ in got]
            self.assertEqual(numbers, list(range(count)))

    def assert_adds_up(self, stats):
        self.assertEqual(stats["sent"] + stats["filtered"] + stats["queued"] + sum(stats["dropped"].values()),
                         sum(self.written.values()))


class WaysOfFailure(LokiTest):
    def test_all_arrives_over_rotation_from_several_apps(self):
        self.ship()
        for _ in range(5):
            self.write("api", 3000)
            self.write("web", 500)
            time.sleep(0.2)
        stats = self.wait_for_all()
        self.assertGreater(len(list((self.logs / "api").iterdir())), 5)
        self.assertEqual(stats["sent"], 17_500)
        self.assertEqual(stats["state"], "ok")
        self.assert_adds_up(stats)
        self.assertEqual(self.loki.duplicates, 0)
        labels = {dict(key)["stream"] for key in self.loki.streams}
        self.assertEqual(labels, {"stdout"})
        self.assertTrue(all(metadata == {"worker": "0"} for _, _, metadata in self.loki.lines(app="api")))

    def test_a_receiver_that_hangs_breaks_off_or_is_in_trouble(self):
        self.ship(timeout_ms=1500, batch_bytes=50_000)
        for steps in ([500], ["reset"], [429, 429, 429], ["hang"], [503, 408], ["lose"], [413], [301]):
            with self.subTest(steps=steps):
                self.loki.script = steps
                self.write("api", 1000)
                self.assert_adds_up(self.wait_for_all())
                self.assertEqual(self.loki.script, [])
        self.assertGreater(self.loki.duplicates, 0)  # of the one that was lost: stored once
        self.assertGreaterEqual(self.stats()["retries"], 8)  # on a connection that it had, curl tries once more

    def test_while_the_receiver_is_away_all_waits_in_the_files(self):
        self.ship()
        self.write("api", 1000, size="500K")
        self.wait_for_all()
        before = rss_kib(self.shipper.pid)
        self.loki.stop()
        for _ in range(10):
            self.write("api", 10_000)
            time.sleep(0.1)
        wait_until(lambda: self.stats()["queued"] == 100_000, 30, "all is counted")
        stats = self.stats()
        self.assertEqual(stats["state"], "waiting")
        self.assertGreater(stats["lag"], 0.5)
        self.assert_adds_up(stats)
        self.loki.start()
        stats = self.wait_for_all(timeout=120)
        self.assert_adds_up(stats)
        if not SANITIZED:  # they keep what was freed
            self.assertLess(rss_kib(self.shipper.pid) - before, 16 << 10)

    def test_what_was_removed_meanwhile_is_counted(self):
        self.ship()
        self.write("api", 1000, size="64K")
        self.wait_for_all()
        self.loki.stop()
        for _ in range(10):
            self.write("api", 8000)  # more than the 100 segments that are kept
            wait_until(lambda: self.stats()["queued"] == self.written["api"] - 1000, 20)
        self.loki.start()
        stats = wait_until(lambda: (lambda s: s if s["queued"] == 0 else None)(self.stats()), 60)
        self.assertGreater(stats["dropped"]["queue_full"], 10_000)
        self.assert_adds_up(stats)
        numbers = [int(line.split()[1]) for _, line, _ in self.loki.lines(app="api")]
        self.assertEqual(len(numbers), stats["sent"])
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbers[-1], self.written["api"] - 1)

    def test_killed_again_and_again_it_sends_all_and_stores_nothing_twice(self):
        for _ in range(8):
            self.ship()
            self.write("api", 2000)
            self.loki.script += ["lose"]
            time.sleep(0.25)
            self.shipper.kill()
            self.end_shipper()
        self.loki.script = []
        self.ship()
        stats = self.wait_for_all()
        self.assert_adds_up(stats)

    def test_some_refused_lines_are_counted_and_the_others_stored(self):
        self.write("api", 1000)
        wait_until(lambda: (self.logs / "api/api.log").stat().st_size > 0, 10)
        old = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 2 * 3600))
        (self.logs / "mixed").mkdir()
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        (self.logs / "mixed/mixed.log").write_text(
            "".join(f"{now}.{n:09}Z stdout F mixed:0 line {n}\n" for n in range(10)))
        self.loki.newest[tuple(sorted({"app": "old", "job": "tend", "host": "test-host", "stream": "stdout"}.items()))] \
            = time.time_ns()
        (self.logs / "old").mkdir()
        (self.logs / "old/old.log").write_text(
            "".join(f"{old}.{n:09}Z stdout F old:0 line {n}\n" for n in range(7)))
        self.written["mixed"] = 10
        self.ship()
        wait_until(lambda: self.loki.count() == 1010, 20, "the others are there")
        self.assert_complete()
        self.written["old"] = 7
        stats = wait_until(lambda: (lambda s: s if s["queued"] == 0 and s["dropped"]["rejected"] else None)(self.stats()), 10)
        self.assertEqual(stats["dropped"]["rejected"], 7)
        self.assertEqual(stats["retries"], 0)
        self.assert_adds_up(stats)

    def test_a_wrong_token_loses_nothing(self):
        token = self.folder / "token"
        token.write_text("wrong\n")
        self.loki.token = "right"
        self.ship(token_file=token)
        self.write("api", 100)
        wait_until(lambda: self.stats()["state"] == "failing", 10, "it says so")
        self.assertEqual(self.stats()["queued"], 100)
        token.write_text("right\n")
        self.assert_adds_up(self.wait_for_all(timeout=40))

    def test_more_than_it_takes_at_a_time_goes_out_slower(self):
        self.loki.rate = 400_000
        self.ship()
        self.write("api", 12_000)
        self.assert_adds_up(self.wait_for_all(timeout=90))

    def test_long_and_odd_lines_in_both_encodings(self):
        odd = ["", "\x00", "äöü €", 'quotes " and \\ ', "x" * 255_990, "ü" * 127_990, "y" * 600_000]
        for i, arguments in enumerate(({}, {"json": 1})):
            with self.subTest(**arguments):
                app = f"odd{i}"
                subprocess.run([BIN / "tend", "pipe", app, "--log-dir", self.logs], env=self.tend.env,
                                      input="\n".join(odd + ["end"]).encode() + b"\n", check=True,
                                      stdout=subprocess.DEVNULL, timeout=20 * PATIENCE)
                self.ship(state=self.folder / app, **arguments)
                wait_until(lambda: any(line == "end" for _, line, _ in self.loki.lines(app=app)), 20)
                got = [line for _, line, _ in self.loki.lines(app=app)]
                self.assertEqual("".join(got), "".join(odd) + "end")
                self.assertTrue(all(len(line.encode()) <= 250 << 10 for line in got))
                self.end_shipper()
                self.assertEqual(self.loki.rejected, 0)

    def test_at_its_end_it_sends_what_is_there(self):
        self.ship(batch_wait_ms=60_000)
        self.write("api", 500)
        wait_until(lambda: self.stats()["queued"] == 500, 10)
        self.assertEqual(self.loki.count(), 0)
        stats = self.end_shipper()
        self.assertEqual(stats["sent"], 500)
        self.assert_complete()


class ProductTest(TendTest):
    """The same through tend as a whole: its configuration, its workers, its sidecar's lives."""

    def setUp(self):
        super().setUp()
        self.loki = FakeLoki()
        self.addCleanup(self.loki.stop)
        self.tend.write("counter.py", COUNTER, 0o755)

    def configure(self, **loki):
        export = {"loki": {"url": self.loki.url, "batch": {"wait": "200ms"}, "labels": {"env": "test"}, **loki}}
        self.tend.config({"name": "api", "script": "./counter.py", "args": [str(self.tend.home / "count"), "80"],
                          "instances": 1, "logs": {"max_size": "100K"}}, export=export)

    def exporter(self):
        return json.loads(self.tend.ok("exporters", "--json"))["exporters"][0]

    def numbers(self):
        return [int(line.split()[1]) for _, line, _ in self.loki.lines(app="api", env="test")
                if line.startswith("line ")]

    def stop_and_wait_for_all(self):
        self.tend.ok("stop", "api")
        last = int((self.tend.home / "count").read_text())
        wait_until(lambda: int(self.tend.texts("api", "stdout")[-1].split()[1]) == last, 20, "the last line is written")
        wait_until(lambda: len(set(self.numbers())) >= last, 60, "all lines are there")
        self.assertEqual(self.numbers(), list(range(1, last + 1)))
        return last

    def test_lines_arrive_though_the_sidecar_is_killed_and_loki_is_away(self):
        self.configure()
        self.start("tend.yaml")
        wait_until(lambda: len(self.numbers()) > 1000, 20, "lines arrive")
        for _ in range(3):
            os.kill(wait_until(lambda: self.tend.daemon("tend-sidecar")), signal.SIGKILL)
            time.sleep(0.7)
        self.loki.stop()
        time.sleep(1)
        self.loki.start()
        last = self.stop_and_wait_for_all()
        state = wait_until(lambda: (lambda e: e if e["queue_entries"] == 0 else None)(self.exporter()), 10)
        self.assertGreaterEqual(state["sent_entries"], last)
        self.assertEqual(sum(state["dropped_entries"].values()), 0)
        stream, metadata = next((dict(key), next(iter(kept.values()))) for key, kept in self.loki.streams.items())
        self.assertEqual((stream["job"], stream["app"]), ("tend", "api"))
        self.assertEqual(metadata["worker"], "0")

    def test_an_app_is_called_as_on_the_page_whatever_becomes_of_it(self):
        name = "@acme-web server"  # which its folder cannot be called
        self.tend.config({"name": "@acme/web server", "script": "./counter.py",
                          "args": [str(self.tend.home / "count"), "20"]},
                         export={"loki": {"url": self.loki.url, "batch": {"wait": "100ms"}, "apps": ["@acme-*"]}})
        self.start("tend.yaml")
        wait_until(lambda: self.loki.lines(app=name), 10, "lines arrive")
        self.assertEqual(self.tend.metric("tend_worker_up", app=name, worker="0"), 1)
        self.loki.stop()
        self.tend.ok("delete", name)
        total = int((self.tend.home / "count").read_text())
        log, = (self.tend.home / "logs").glob("*acme*/*.log")
        wait_until(lambda: log.read_text().endswith(f" line {total} {'x' * 20}\n"), 20, "the last line is written")
        for pid in [self.tend.daemon(name) for name in ("tend-sidecar", "tend-core", "tendd")]:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.tend.processes(), 10, "all of tend is gone")
        self.loki.start()
        self.start(self.tend.write("idle.sh", "#!/bin/sh\nsleep 60\n", 0o755))
        wait_until(lambda: len(self.loki.lines(app=name)) >= total, 30, "the rest arrives")
        self.assertEqual([line.split()[1] for _, line, _ in self.loki.lines(app=name)],
                         [str(n + 1) for n in range(total)])
        self.assertEqual({dict(key)["app"] for key in self.loki.streams}, {name})
        self.assertTrue((self.tend.home / "state/export/loki.positions").exists())

    def test_a_flush_of_the_logs_ends_nothing(self):
        self.configure()
        self.start("tend.yaml")
        wait_until(lambda: len(self.numbers()) > 500, 20, "lines arrive")
        self.tend.ok("flush", "api")
        before = len(self.numbers())
        wait_until(lambda: len(self.numbers()) > before + 1000, 20, "lines go on")
        numbers = self.numbers()
        self.assertEqual(numbers, sorted(set(numbers)))


if __name__ == "__main__":
    main()
