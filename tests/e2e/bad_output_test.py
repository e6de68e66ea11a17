"""Output that is no text, too long, or comes when it cannot be kept."""
import os
import signal
import subprocess
import time
import unittest

from harness import PATIENCE, TendTest, alive, main, own_mounts, wait_until, worker

PY = "/usr/bin/python3"
SPLIT = 256 * 1024


class BadOutputTest(TendTest):
    def run_python(self, code, **more):
        self.tend.write("out.py", code)
        self.tend.config({"name": "out", "script": "./out.py", "interpreter": PY,
                          "autorestart": False, **more})
        return self.tend.run("start", "tend.yaml", "--no-wait")

    def seconds_of(self, *words):
        begun = time.monotonic()
        self.tend.ok(*words)
        return time.monotonic() - begun

    def test_binary_output_passes_unharmed(self):
        everything = bytes(b for b in range(256) if b != 10)
        self.run_python("import os, time\n"
                        "os.write(1, bytes(b for b in range(256) if b != 10) + b'\\n')\n"
                        "os.write(1, b'crlf\\r\\n')\nos.write(1, b'\\n')\nos.write(1, b'\\xff\\xfe\\n')\n")
        records = wait_until(lambda: (lambda r: r if len(r) == 4 else None)(self.tend.records("out")))
        self.assertEqual([r.text for r in records], [everything, b"crlf\r", b"", b"\xff\xfe"])
        self.tend.ok("logs", "out")
        self.tend.ok("logs", "out", "-o", "json")
        self.assertEqual(self.tend.get("/api/v1/logs?app=out", unix=True)[0], 200)

    def test_a_line_of_ten_megabytes(self):
        size = 10_000_000
        self.run_python("import sys\n"
                        f"sys.stdout.write(''.join(chr(33 + i % 90) for i in range({size})) + '\\n')\n"
                        "print('after')\n")
        records = wait_until(lambda: (lambda r: r if r and r[-1].text == b"after" else None)(
            self.tend.records("out")), 20)
        *parts, last, after = records
        self.assertTrue(all(p.partial for p in parts))
        self.assertFalse(last.partial or after.partial)
        self.assertTrue(all(len(p.text) <= SPLIT for p in parts))
        whole = b"".join(r.text for r in [*parts, last])
        self.assertEqual(len(whole), size)
        self.assertEqual(whole, bytes(33 + i % 90 for i in range(size)))
        self.assertTrue(alive(self.tend.daemon("tend-sidecar")))

    def test_output_without_newline_of_a_worker_that_lives(self):
        """A prompt is not lost; it waits for its newline and is there when the worker ends."""
        asked = self.tend.home / "asked"
        self.run_python("import sys, time\nsys.stdout.write('prompt> ')\nsys.stdout.flush()\n"
                        f"open({str(asked)!r}, 'w').close()\ntime.sleep(60)\n")
        wait_until(asked.exists, what="it has asked")
        self.tend.ok("stop", "out")
        wait_until(lambda: "prompt> " in self.tend.texts("out"), 5)

    def test_a_pipe_that_nobody_reads_blocks_the_worker_and_nothing_else(self):
        self.tend.config({"name": "idle", "script": worker("idle"), "interpreter": "none"})
        self.start("tend.yaml")
        sidecar = self.tend.daemon("tend-sidecar")
        os.kill(sidecar, signal.SIGSTOP)
        try:
            self.tend.config({"name": "gen", "script": worker("lines"), "interpreter": "none",
                              "args": ["60000", "pause"]})
            self.assert_bounded(5, self.tend.run, "start", "tend.yaml", "--no-wait")
            pid = wait_until(lambda: self.tend.worker("gen")["pid"], 5)
            time.sleep(0.5)
            self.assertTrue(alive(pid), "a full pipe blocks the worker, it does not kill it")
            self.assertLess(min(self.seconds_of("list") for _ in range(3)), 2 * PATIENCE)
        finally:
            os.kill(sidecar, signal.SIGCONT)
        wait_until(lambda: len(self.tend.records("gen")) >= 60000, 30, "all lines arrive")
        self.assertEqual(self.tend.pids("gen")[0], pid)
        texts = self.tend.texts("gen")
        self.assertEqual(len(texts), 60000)
        self.assertEqual(len(set(texts)), 60000)


class BadDiskTest(TendTest):
    CHATTER = "i=0\nwhile :; do i=$((i+1)); echo line $i; sleep 0.01; done\n"

    def dropped(self):
        return sum(v for k, v in self.tend.metrics().items()
                   if k[0] == "tend_app_log_dropped_lines_total" and ("app", "chat") in k)

    def test_a_log_folder_that_cannot_be_made(self):
        self.tend.write("logs/chat", "a file where the folder should be\n")
        self.tend.write("chat.sh", self.CHATTER)
        self.tend.config({"name": "chat", "script": "./chat.sh"})
        self.assert_bounded(15, self.tend.run, "start", "tend.yaml")
        pid = wait_until(lambda: self.tend.worker("chat")["pid"], 5)
        wait_until(lambda: self.dropped() > 0, 10, "what cannot be kept is counted")
        self.assertTrue(alive(pid), "the worker is not harmed")
        self.assertIn("chat", self.tend.own_log())
        (self.tend.home / "logs/chat").unlink()
        wait_until(lambda: self.tend.records("chat"), 30, "it is written again when it can be")
        gap = wait_until(lambda: self.tend.gaps("chat"), 10, "the gap is marked")[0]
        self.assertRegex(gap, r"\d+ lines .* were not written")

    def test_a_full_file_system(self):
        if not own_mounts():
            self.skipTest("needs root and mount namespaces")
        self.tend.write("chat.sh", "while :; do head -c 15000 /dev/urandom | base64 -w0; echo; sleep 0.02; done\n")
        logs = self.tend.home / "logs"
        logs.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", logs], check=True)
        try:
            self.tend.config({"name": "chat", "script": "./chat.sh",
                              "logs": {"min_free": "0", "max_size": "50M"}})
            self.start("tend.yaml")
            pid = self.tend.worker("chat")["pid"]
            wait_until(lambda: self.dropped() > 0, 20, "what cannot be kept is counted")
            self.assertTrue(alive(pid))
            self.assertEqual(self.tend.worker("chat")["pid"], pid)
            self.assertEqual(self.tend.get("/metrics", unix=True)[0], 200)
            subprocess.run(["mount", "-o", "remount,size=64m", logs], check=True)

            def size():  # raises while a file is renamed
                return sum(f.stat().st_size for f in self.tend.log_files("chat"))
            before = wait_until(size)
            wait_until(lambda: size() > before + 100_000, 30, "it is written again when there is space")
            self.tend.ok("stop", "chat")  # else a slow reader never sees one state of all its files
            self.tend.records("chat")  # no torn line
        finally:
            self.assertEqual(self.tend.close(), "")
            subprocess.run(["umount", "-l", logs], check=True)

    def test_the_free_space_floor_is_kept(self):
        """Less than a tenth of the file system is free: nothing is written, everything is counted,
        and it goes on by itself when there is room again."""
        if not own_mounts():
            self.skipTest("needs root and mount namespaces")
        self.tend.write("chat.sh", self.CHATTER)
        logs = self.tend.home / "logs"
        logs.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", logs], check=True)
        try:
            ballast = logs / "ballast"
            ballast.write_bytes(b"x" * (19 << 20))
            self.tend.config({"name": "chat", "script": "./chat.sh"})
            self.start("tend.yaml")
            wait_until(lambda: self.dropped() > 0, 20, "what cannot be kept is counted")
            self.assertEqual(self.tend.app("chat")["state"], "online")
            ballast.unlink()
            before = self.dropped()
            wait_until(lambda: self.tend.records("chat"), 20, "it is written again")
            self.assertGreaterEqual(self.dropped(), before)
        finally:
            self.assertEqual(self.tend.close(), "")
            subprocess.run(["umount", "-l", logs], check=True)


if __name__ == "__main__":
    main()
