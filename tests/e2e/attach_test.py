#!/usr/bin/env python3
"""tend attach and tend pipe beside programs that are not tend's: numbers by pid, file, unit and name; files that are
rotated, emptied and found again; and that nothing is lost or there twice when tend itself is killed."""
import gzip
import http.server
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from harness import BIN, PATIENCE, TendTest, alive, median, read_proc, wait_until

PROGRAM = """import os, sys, time
held = [open('/dev/null') for _ in range(20)]
block = bytearray(60 << 20)
for i in range(0, len(block), 4096):
    block[i] = 1
print('up', flush=True)
while True:
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    time.sleep(0.05)
"""


class AttachTest(TendTest):
    LISTEN = "off"

    def setUp(self):
        super().setUp()
        self.others = []
        self.addCleanup(self.end_others)

    def end_others(self):
        for process in self.others:
            self.end(process)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait(10)
        if process.stdout:
            process.stdout.close()

    def other(self, program=PROGRAM, name=None):
        """A process that is not tend's, and is up."""
        words = [sys.executable, "-c", program]
        process = subprocess.Popen(words, executable=sys.executable, stdout=subprocess.PIPE, bufsize=0,
                                   env={"PATH": os.environ["PATH"], **({"MARK": name} if name else {})})
        self.others.append(process)
        self.assertEqual(process.stdout.readline(), b"up\n")
        return process

    def attach(self, *words, app="api", listen=True, mode="attach", **options):
        """`tend attach` that goes on; what it says goes to a file, its address is in `self.url`."""
        said = open(self.tend.home / "said", "wb")
        self.addCleanup(said.close)
        where = ("--listen", "127.0.0.1:0") if listen else ()
        process = self.tend.spawn(mode, app, *map(str, words), *where, stderr=said, **options)
        if listen:
            match = wait_until(lambda: re.search(r"http://(\S+)/metrics", self.said()), 20, "it listens")
            self.url = "http://" + match[1]
        return process

    def said(self):
        return (self.tend.home / "said").read_text()

    def fetch(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as page:
            return page.read().decode()

    def workers(self):
        return json.loads(self.fetch("/api/v1/apps"))["apps"][0]["workers"]

    def number(self, name, **labels):
        """The value of this sample, now (a page is shared for a second); None if it is not on the page."""
        time.sleep(1.05)
        for line in self.fetch("/metrics").splitlines():
            head, _, value = line.rpartition(" ")
            if head.partition("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                return float(value)
        return None

    @staticmethod
    def open_files(pid):
        return [os.readlink(link) for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()]

    def wait_up(self, value):
        wait_until(lambda: self.number("tend_worker_up", app="api", worker="0") == value, 15, f"up is {value}")

    def stop(self, process, how=signal.SIGTERM, code=0):
        process.send_signal(how)
        self.assertEqual(process.wait(20), code)

    # Processes

    def test_numbers_of_a_process_that_is_not_ours(self):
        other = self.other()
        process = self.attach("--pid", other.pid)
        self.wait_up(1)
        # What the kernel says of it.
        rss = int(read_proc(other.pid, "statm").split()[1]) * os.sysconf("SC_PAGESIZE")
        self.assertGreater(rss, 60 << 20)
        worker = self.workers()[0]
        self.assertEqual((worker["pid"], worker["state"]), (other.pid, "online"))
        self.assertAlmostEqual(worker["rss_bytes"], rss, delta=rss / 10)
        self.assertEqual(self.number("tend_worker_open_fds", worker="0"), len(os.listdir(f"/proc/{other.pid}/fd")))
        time.sleep(1.2)  # two samples are at least a second apart
        # How much of its half of a processor it gets is up to the machine.
        wait_until(lambda: 0.05 < (self.workers()[0]["cpu_ratio"] or 0) < 1.1, 10, "its CPU time is measured")
        self.assertEqual(self.fetch("/readyz"), '{"status":"ready"}\n')
        # Its end is seen at once, and it is never signalled.
        self.assertEqual(read_proc(process.pid, "stat").split()[0].decode(), str(process.pid))
        self.end(other)
        wait_until(lambda: self.workers()[0]["state"] == "stopped", 3, "its end is seen")
        self.wait_up(0)
        self.assertIsNone(self.number("tend_worker_resident_memory_bytes", worker="0"))
        self.stop(process, signal.SIGINT, 130)

    def test_the_page_is_what_parsers_expect(self):
        try:
            from prometheus_client.openmetrics import parser as strict
            from prometheus_client import parser as classic
        except ImportError:
            self.skipTest("python3-prometheus-client is not installed")
        other = self.other()
        self.attach("--pid", other.pid)
        self.wait_up(1)
        request = urllib.request.Request(self.url + "/metrics",
                                         headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        with urllib.request.urlopen(request, timeout=10) as page:
            names = {family.name for family in strict.text_string_to_metric_families(page.read().decode())}
        self.assertIn("tend_worker_up", names)
        self.assertTrue(list(classic.text_string_to_metric_families(self.fetch("/metrics"))))

    def test_a_pid_file_that_changes(self):
        pid_file = self.tend.home / "api.pid"
        process = self.attach("--pidfile", pid_file)
        self.assertIn("waiting", wait_until(self.said, 10))
        first = self.other()
        pid_file.write_text(f"{first.pid}\n")
        self.wait_up(1)
        second = self.other()
        pid_file.write_text(f"{second.pid}\n")
        wait_until(lambda: self.workers()[0]["pid"] == second.pid, 10, "the other process is seen")
        self.assertTrue(alive(first.pid))
        self.assertEqual(self.number("tend_worker_starts_total", worker="0"), 2)
        self.end(second)
        self.wait_up(0)
        third = self.other()
        pid_file.write_text(str(third.pid))
        self.wait_up(1)
        self.assertEqual(self.number("tend_worker_starts_total", worker="0"), 3)
        pid_file.write_text("rubbish")
        self.wait_up(0)
        wait_until(lambda: "not a pid" in self.said(), 5)
        self.stop(process)

    def test_several_by_name_keep_their_slots(self):
        mark = f"mark{random.randrange(10**9)}"
        program = f"'{mark}'\n" + PROGRAM
        a, b = self.other(program), self.other(program)
        self.attach("--name", f"*{mark}*")
        wait_until(lambda: [w["pid"] for w in self.workers()] == [a.pid, b.pid], 10, "both are seen")
        self.end(a)
        wait_until(lambda: [w["state"] for w in self.workers()] == ["stopped", "online"], 10, "one has ended")
        c = self.other(program)
        wait_until(lambda: [w["pid"] for w in self.workers()] == [c.pid, b.pid], 10, "another took its slot")

    def test_a_unit(self):
        other = self.other()
        path = f"/sys/fs/cgroup/system.slice/tend-test-{os.getpid()}.service"
        try:
            os.makedirs(path)
            self.addCleanup(os.rmdir, path)
            if not os.path.exists(path + "/cgroup.procs"):
                self.skipTest("/sys/fs/cgroup has no control groups of systemd's kind")
            self.addCleanup(self.end, other)
            with open(path + "/cgroup.procs", "w") as procs:
                procs.write(str(other.pid))
        except OSError as error:
            self.skipTest(f"no control group can be made: {error}")
        self.attach("--unit", os.path.basename(path))
        wait_until(lambda: [w["pid"] for w in self.workers()] == [other.pid], 10, "its process is seen")

    # Files

    def test_lines_of_files_are_merged_and_rotated(self):
        out, err = self.tend.home / "app.out", self.tend.home / "app.err"
        out.write_text("from before\n")
        process = self.attach("--log", out, "--error-log", err, "--max-size", "64K", "--max-files", "3")
        self.assertIn(f"{err} is not there", wait_until(self.said, 5))
        with open(out, "a") as file, open(err, "a") as errors:
            file.write("one\n")
            file.flush()
            wait_until(lambda: self.tend.texts("api") == ["one"], 5)
            errors.write("bad\n")
            errors.flush()
            wait_until(lambda: self.tend.texts("api", "stderr") == ["bad"], 5)
            # Without inotify each would be seen a second after the one before.
            waits = []
            for i in range(5):
                file.write(f"quick {i}\n")
                file.flush()
                begun = time.monotonic()
                wait_until(lambda: f"quick {i}" in self.tend.texts("api"), 5)
                waits.append(time.monotonic() - begun)
            self.assertLess(median(waits), 0.3 * PATIENCE)
            for i in range(5000):
                file.write(f"line {i} of some length or other, so that the log is rotated\n")
        wait_until(lambda: self.tend.texts("api")[-1].startswith("line 4999 "), 10)
        wait_until(lambda: 2 <= len(self.tend.log_files("api")) <= 4, 10, "rotated, and no more than 3 kept")
        self.assertEqual(self.number("tend_worker_log_lines_total", worker="0", stream="stdout"), 5006)
        self.assertIn("line 4998 ", self.fetch("/api/v1/logs?app=api&q=line+4998+".replace("+", "%20")))
        self.stop(process)

    def test_rotation_as_logrotate_does_it(self):
        log = self.tend.home / "app.log"
        log.write_text("")
        process = self.attach("--log", self.tend.home / "*.log", listen=False)
        wait_until(lambda: str(log) in self.open_files(process.pid), 10, "it has looked")
        expected, n = [], 0

        def write(file, count=500):
            nonlocal n
            for _ in range(count):
                file.write(f"line {n}\n")
                expected.append(f"line {n}")
                n += 1
            file.flush()

        for turn in range(4):
            with open(log, "a") as file:
                write(file)
                os.rename(log, f"{log}.{turn}")
                write(file)  # it has not heard of that yet
            if turn % 2:
                time.sleep(0.3)
        log.write_text("")
        for turn in range(2):
            with open(log, "a") as file:
                write(file)
            wait_until(lambda: self.tend.texts("api")[-1:] == expected[-1:], 10)
            os.truncate(log, 0)
            wait_until(lambda: self.said().count("file_emptied") > turn, 5, "it is seen to be empty")
        # Within a file the order is kept; a late line of a renamed one may come after the next file's first.
        wait_until(lambda: sorted(self.tend.texts("api")) == sorted(expected), 10, "each line is there once")

    def test_killed_at_any_time_no_line_is_lost_or_there_twice(self):
        log = self.tend.home / "app.log"
        log.write_text("")
        stop_file = self.tend.home / "stop"
        writer = subprocess.Popen([sys.executable, "-c", (
            "import os, sys, time\n"
            "log, stop = sys.argv[1:]\n"
            "file, n, turn = open(log, 'a'), 0, 0\n"
            "while not os.path.exists(stop):\n"
            "    for _ in range(300):\n"
            "        n += 1\n"
            "        file.write(f'line {n} {\"x\" * (n % 200)}\\n')\n"
            "    file.flush()\n"
            "    time.sleep(0.002)\n"
            "    if n % 60000 == 0:\n"
            "        turn += 1\n"
            "        os.rename(log, f'{log}.{turn}')\n"
            "        file = open(log, 'a')\n"
            "open(stop, 'w').write(str(n))\n"), log, stop_file])
        self.others.append(writer)
        rng = random.Random(5)
        options = ("--log", log, "--from-start", "--max-size", "1M", "--max-total", "1G", "--max-files", "1000")
        for turn in range(25):
            process = self.attach(*options, listen=False)
            if turn == 0:  # what was rotated before anybody looked is nobody's
                wait_until(lambda: self.tend.texts("api"), 20, "the first line is there")
            time.sleep(0.15 + rng.random() * 0.25)
            process.kill()
            process.wait(10)
        stop_file.touch()
        writer.wait(10)
        total = int(stop_file.read_text())
        process = self.attach(*options, listen=False)
        wait_until(lambda: self.tend.texts("api")[-1].startswith(f"line {total} "), 30, "the last line is there")
        self.stop(process)
        numbers = [int(text.split()[1]) for text in self.tend.texts("api")]
        self.assertGreater(total, 50_000)
        self.assertEqual(len(numbers), total)
        self.assertEqual(numbers, list(range(1, total + 1)))

    def test_nothing_is_left_behind(self):
        log = self.tend.home / "app.log"
        log.write_text("")
        process = self.attach("--log", log, "--name", "no such thing")
        descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
        for turn in range(5):
            with open(log, "a") as file:
                file.write(f"line {turn}\n")
            wait_until(lambda: len(self.tend.texts("api")) == turn + 1, 5)
            os.truncate(log, 0)
            time.sleep(0.15)
            self.fetch("/metrics")
        wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) <= descriptors + 1, 10, "no descriptor is left")
        self.assertEqual(self.tend.zombies(), [])
        self.stop(process)

    def test_exporters_get_the_lines_of_this_app_only(self):
        received = []

        class Loki(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Encoding"] == "gzip":
                    body = gzip.decompress(body)
                body = json.loads(body)
                for stream in body["streams"]:
                    received.extend((stream["stream"]["app"], value[1]) for value in stream["values"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Loki)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        self.addCleanup(server.server_close)
        self.addCleanup(serving.join)
        self.addCleanup(server.shutdown)
        config = self.tend.config(export={"mine": {
            "type": "loki", "url": f"http://127.0.0.1:{server.server_port}", "encoding": "json",
            "batch": {"wait": "100ms"}}})
        self.assertEqual(self.tend.run("pipe", "other", stdin=b"not this\n")[0], 0)
        # What a pipe had is sent before it ends.
        name = "@acme/piped [job]"  # which no folder can be called
        self.assertEqual(self.tend.run("pipe", name, "--config", config, stdin=b"one\ntwo\n")[0], 0)
        self.assertEqual(received, [(name, "one"), (name, "two")])
        # An exporter cannot know it, and that is said.
        (self.tend.home / "logs" / "-acme-nameless" / ".app").mkdir(parents=True)
        code, _, told = self.tend.run("pipe", "@acme/nameless", "--config", config, stdin=b"lost\n")
        self.assertIn("lines of @acme/nameless are not sent", told)
        self.assertEqual(code, 0)
        log = self.tend.home / "app.log"
        log.write_text("three\n")
        words = ("--log", log, "--from-start", "--config", config)
        for text in ("three", "four"):
            process = self.attach(*words, listen=False)
            wait_until(lambda: received[-1] == ("api", text), 20, f"{text} has arrived")
            self.stop(process)
            with open(log, "a") as file:
                file.write("four\n" if text == "three" else "")
        self.assertEqual(received[2:], [("api", "three"), ("api", "four")])

    # What is refused

    def test_says_what_is_wrong(self):
        def refused(code, text, *words):
            got, _, err = self.tend.run("attach", *words)
            self.assertEqual(got, code, err)
            self.assertIn(text, err)
        refused(2, "what is it to be called")
        refused(2, "attach to what?", "api")
        refused(2, "not a pid", "api", "--pid", "me")
        refused(2, "says which process", "api", "--pid", "1", "--name", "x")
        refused(4, "there is no process 4194304", "api", "--pid", "4194304")
        refused(2, "one app at a time", "api", "db", "--pid", "1")
        no_sections, bad = self.tend.config(), self.tend.write("bad.yaml", "export: { loki: { url: 7x } }\n")
        refused(2, "none of the sections", "api", "--pid", "1", "--config", no_sections)
        refused(6, "bad.yaml", "api", "--pid", "1", "--config", bad)
        refused(6, "none.yaml", "api", "--pid", "1", "--config", "none.yaml")
        refused(2, "--max-size", "api", "--pid", "1", "--max-size", "bananas")
        self.assertFalse(self.tend.app_logs("api").exists())

    def test_one_writer_a_log(self):
        process = self.attach("--name", "no such thing")
        code, _, err = self.tend.run("pipe", "api", stdin=b"x\n")
        self.assertEqual(code, 1)
        self.assertRegex(err, rf"process {process.pid} \(tend-sidecar\) writes the log in .*/logs/api")
        self.assertEqual(self.tend.run("pipe", "other", stdin=b"x\n")[0], 0)
        self.stop(process)
        self.assertEqual(self.tend.run("pipe", "api", stdin=b"x\n")[0], 0)

    def test_not_beside_the_daemon(self):
        self.tend.config({"name": "api", "script": "sleep 1000", "interpreter": "none"})
        self.start("tend.yaml")
        wait_until(lambda: self.tend.run("pipe", "api", stdin=b"x\n")[0] == 1, 10, "the daemon has the log")
        self.assertEqual(self.tend.texts("api"), [])

    # Pipes

    def test_a_pipe_with_the_numbers_of_its_writer(self):
        other = self.other(PROGRAM.replace("print('up', flush=True)",
                                           "print('up', flush=True)\nprint('hello', flush=True)"))
        process = self.attach("--pid", other.pid, "--stream", "err", mode="pipe", stdin=other.stdout)
        self.wait_up(1)
        wait_until(lambda: self.tend.texts("api", "stderr") == ["hello"], 10)
        self.assertGreater(self.workers()[0]["rss_bytes"], 60 << 20)
        # Whoever shares the pipe does not find it non-blocking.
        self.assertTrue(os.get_blocking(other.stdout.fileno()))
        self.end(other)
        self.assertEqual(process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
