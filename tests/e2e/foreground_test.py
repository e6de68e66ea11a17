"""`tend run`, fit for containers, and `tend pipe`, which supervises nothing."""
import os
import re
import signal
import subprocess
import time
import unittest
import urllib.request

from harness import TendTest, main, wait_until, worker


class RunTest(TendTest):
    def test_the_exit_code_is_the_apps(self):
        self.tend.write("once.sh", "echo out; echo err >&2; exit 5\n")
        self.tend.config({"name": "once", "script": "./once.sh", "autorestart": False})
        code, out, err = self.tend.run("run", "tend.yaml", timeout=30)
        self.assertEqual(code, 5, out + err)
        self.assertIn("out", out.splitlines())
        self.assertIn("err", out + err)
        self.assertEqual(self.tend.texts("once", "stdout"), ["out"])
        self.assertEqual(self.tend.texts("once", "stderr"), ["err"])
        wait_until(lambda: not self.tend.processes(), 5, "nothing is left")

    def test_success(self):
        self.tend.write("once.sh", "exit 0\n")
        self.tend.config({"name": "once", "script": "./once.sh", "autorestart": False})
        self.assertEqual(self.tend.run("run", "tend.yaml", timeout=30)[0], 0)

    def test_sigterm_stops_the_app_and_ends(self):
        self.tend.write("serve.sh", "trap 'echo stopping; exit 0' INT\necho ready\nwhile :; do sleep 0.05; done\n")
        self.tend.config({"name": "serve", "script": "./serve.sh"})
        shown = self.tend.home / "shown"
        with open(shown, "wb") as out:
            process = self.tend.spawn("run", "tend.yaml", stdout=out)
        wait_until(lambda: shown.read_text() == "ready\n", 10, "its first line is shown")
        process.send_signal(signal.SIGTERM)
        self.assertIn(process.wait(20), (0, 143))
        self.assertEqual(shown.read_text(), "ready\nstopping\n")
        wait_until(lambda: not self.tend.processes(), 5, "nothing is left")

    def test_orphans_are_reaped(self):
        """As PID 1 of a container, and elsewhere, what workers leave behind is no zombie."""
        self.tend.write("fork.sh", "(sh -c 'sleep 0.2' &)\nexec sleep 60\n")
        self.tend.config({"name": "fork", "script": "./fork.sh"})
        self.tend.spawn("run", "tend.yaml", stdout=subprocess.DEVNULL)
        wait_until(lambda: self.tend.app("fork")["state"] == "online", 10)
        time.sleep(0.5)
        self.assertEqual(self.tend.zombies(), [])

    def test_as_pid_1_of_a_container(self):
        probe = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("needs the right to make pid namespaces")
        self.tend.write("once.sh", "(sh -c 'sleep 0.1; exit 0' &)\necho I am $$\nsleep 0.3\nexit 6\n")
        self.tend.config({"name": "once", "script": "./once.sh", "autorestart": False})
        # exec: tend itself is PID 1 there.
        done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
                               os.path.join(os.environ["TEND_BIN"], "tend"), "run", "tend.yaml"],
                              env=self.tend.env, cwd=self.tend.home, capture_output=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 6, done.stderr.decode())
        self.assertIn(b"I am", done.stdout)


class PipeTest(TendTest):
    LISTEN = "off"

    def test_stdin_becomes_the_log(self):
        lines = b"".join(b"line %d\n" % i for i in range(50_000)) + b"no newline"
        self.tend.write("input", lines)
        with open(self.tend.home / "input", "rb") as stdin:
            code, out, err = self.tend.run("pipe", "job", stdin=stdin.fileno(), timeout=30)
        self.assertEqual((code, out), (0, ""), err)
        texts = self.tend.texts("job")
        self.assertEqual(len(texts), 50_001)
        self.assertEqual(texts[0], "line 0")
        self.assertEqual(texts[-1], "no newline")
        self.assertEqual(texts[:-1], [f"line {i}" for i in range(50_000)])

    def test_rotation_and_another_folder(self):
        data = b"".join(b"%07d %s\n" % (i, b"x" * 90) for i in range(30_000))
        folder = self.tend.home / "elsewhere"
        process = self.tend.spawn("pipe", "job", "--log-dir", str(folder), "--max-size", "512K",
                                  "--max-files", "3", "--format", "raw", stdin=subprocess.PIPE)
        process.communicate(data, timeout=60)
        self.assertEqual(process.returncode, 0)
        files = sorted(f for f in folder.rglob("job.log*") if f.is_file())
        self.assertEqual(len(files), 4, files)
        last = next(f for f in files if f.name == "job.log").read_bytes()
        self.assertTrue(last.endswith(data[-98:]))

    def test_tee(self):
        code, out, _ = self.tend.run("pipe", "job", "--tee", stdin=b"a\nb\n")
        self.assertEqual((code, out), (0, "a\nb\n"))
        self.assertEqual(self.tend.texts("job"), ["a", "b"])

    def test_metrics_where_asked_for(self):
        process = self.tend.spawn("pipe", "job", stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env={"TEND_LISTEN": "127.0.0.1:0"})
        process.stdin.write(b"hello\n")
        process.stdin.flush()
        told = process.stderr.readline().decode()
        self.assertRegex(told, r"^metrics are at http://127\.0\.0\.1:\d+/metrics$")
        url = told.split()[-1]

        def counted():
            with urllib.request.urlopen(url, timeout=5) as page:
                return b'tend_worker_log_lines_total{app="job",worker="0",stream="stdout"} 1' in page.read()
        wait_until(counted, 10, "its lines are counted")
        process.stderr.close()
        process.stdin.close()
        self.assertEqual(process.wait(10), 0)

    def test_usage(self):
        self.assertEqual(self.tend.run("pipe")[0], 2)
        self.assertEqual(self.tend.run("pipe", "job", "--max-size", "bananas")[0], 2)


class RunThenLogsTest(TendTest):
    def test_run_refuses_beside_a_daemon(self):
        self.tend.config({"name": "idle", "script": worker("idle"), "interpreter": "none"})
        self.start("tend.yaml")
        code, _, err = self.tend.run("run", "tend.yaml")
        self.assertEqual(code, 1)
        self.assertIn("already", err)


if __name__ == "__main__":
    main()
