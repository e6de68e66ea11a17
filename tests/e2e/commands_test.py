"""Every command that acts on apps, once around."""
import json
import os
import signal
import subprocess
import threading
import time
import unittest

from harness import TendTest, alive, main, wait_until, worker

TICKER = "i=0\ntrap 'echo got usr1' USR1\nwhile :; do i=$((i+1)); echo tick $i; sleep 0.1; done\n"


class CommandsTest(TendTest):
    def setUp(self):
        super().setUp()
        self.tend.write("tick.sh", TICKER)
        self.tend.config(
            {"name": "tick", "script": "./tick.sh", "instances": 2, "namespace": "clocks",
             "env": {"GREETING": "hello", "API_SECRET": "do-not-show-me"}},
            {"name": "idle", "script": worker("idle"), "interpreter": "none"})
        self.start("tend.yaml")

    def test_list(self):
        out = self.tend.ok("list")
        self.assertIn("tick", out)
        self.assertIn("idle", out)
        self.assertIn("online", out)
        self.assertNotIn("\033", out, "no colours in a pipe")
        for alias in ("ls", "l", "ps", "status"):
            self.assertIn("tick", self.tend.ok(alias))
        apps = json.loads(self.tend.ok("list", "--json"))
        self.assertEqual(apps["schema"], "tend.list/1")
        tick = next(a for a in apps["apps"] if a["name"] == "tick")
        self.assertEqual((tick["namespace"], tick["state"], tick["instances"]), ("clocks", "online", 2))
        self.assertEqual([w["slot"] for w in tick["workers"]], [0, 1])
        for w in tick["workers"]:
            self.assertTrue(alive(w["pid"]))
            self.assertEqual((w["state"], w["restarts"], w["last_exit"]), ("online", 0, None))
            self.assertGreater(w["uptime_seconds"], 0)
        self.assertEqual(json.loads(self.tend.get("/api/v1/apps", unix=True)[2])["schema"], "tend.list/1")
        self.assertEqual(self.tend.run("list", "--check")[0], 0)

    def test_describe(self):
        out = self.tend.ok("describe", "tick")
        self.assertIn("tick.sh", out)
        self.assertNotIn("do-not-show-me", out)

    def test_env_shows_the_environment_and_hides_secrets(self):
        out = self.tend.ok("env", "tick")
        self.assertIn("GREETING", out)
        self.assertNotIn("do-not-show-me", out)
        self.assertIn("do-not-show-me", self.tend.ok("env", "tick", "--reveal"))

    def test_logs(self):
        wait_until(lambda: len(self.tend.records("tick")) > 10)
        last = self.tend.ok("logs", "tick", "-n", "3", "-o", "raw").splitlines()
        self.assertEqual(len(last), 3)
        self.assertTrue(all(line.startswith("tick ") for line in last), last)
        lines = [json.loads(l) for l in self.tend.ok("logs", "tick:1", "-n", "5", "-o", "json").splitlines()]
        self.assertEqual(len(lines), 5)
        for line in lines:
            self.assertEqual((line["app"], line["worker"], line["stream"]), ("tick", 1, "stdout"))
            self.assertRegex(line["message"], r"^tick \d+$")
        self.assertEqual([l["time"] for l in lines], sorted(l["time"] for l in lines))
        self.assertEqual(self.tend.ok("logs", "tick", "-g", "^tick 1$", "-o", "raw"), "tick 1\ntick 1\n")
        self.assertEqual(self.tend.ok("logs", "tick", "--stream", "err", "-o", "raw"), "")

    def test_logs_follow(self):
        process = self.tend.spawn("logs", "tick", "-f", "-n", "1", "-o", "raw", stdout=subprocess.PIPE)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, b"")), daemon=True)
        reader.start()
        wait_until(lambda: len(lines) >= 10, 10, "lines are followed")
        process.send_signal(signal.SIGINT)
        self.assertIn(process.wait(5), (0, 130))
        reader.join(5)
        self.assertTrue(all(line.startswith(b"tick ") for line in lines), lines)

    def test_flush(self):
        wait_until(lambda: len(self.tend.records("tick")) > 10)
        self.tend.ok("flush", "tick")
        remaining = self.tend.texts("tick")
        self.assertNotIn("tick 1", remaining)
        wait_until(lambda: self.tend.records("tick"), 5, "new lines come")

    def test_stop_start_and_restart(self):
        old = self.tend.pids("tick")
        self.tend.ok("stop", "tick")
        self.assertEqual(self.tend.app("tick")["state"], "stopped")
        self.assertFalse(any(alive(pid) for pid in old.values()))
        self.assertEqual(self.tend.app("idle")["state"], "online")
        self.tend.ok("start", "tick")
        new = self.tend.pids("tick")
        self.assertTrue(all(alive(pid) for pid in new.values()))
        self.tend.ok("restart", "tick")
        newer = self.tend.pids("tick")
        self.assertFalse(set(new.values()) & set(newer.values()))
        self.assertEqual(self.tend.app("tick")["state"], "online")
        self.assertEqual(self.tend.worker("tick")["restarts_by_reason"]["manual"], 1)

    def test_one_worker_by_selector(self):
        old = self.tend.pids("tick")
        self.tend.ok("restart", "tick:1")
        new = self.tend.pids("tick")
        self.assertEqual(new[0], old[0])
        self.assertNotEqual(new[1], old[1])
        self.tend.ok("stop", "tick:0")
        self.assertEqual(self.tend.app("tick")["state"], "degraded")

    def test_selectors(self):
        self.tend.ok("stop", "@clocks")
        self.assertEqual(self.tend.app("tick")["state"], "stopped")
        self.tend.ok("start", "ti*")
        self.assertEqual(self.tend.app("tick")["state"], "online")
        self.tend.ok("stop", "all")
        self.assertEqual({a["state"] for a in self.tend.list()}, {"stopped"})
        identity = self.tend.worker("idle")["id"]
        self.tend.ok("start", str(identity))
        self.assertEqual(self.tend.app("idle")["state"], "online")

    def test_reload_replaces_all_and_is_never_down(self):
        old = self.tend.pids("tick")
        ups = []
        done = threading.Event()

        def watch():
            while not done.wait(0.02):
                begun = time.monotonic()
                up = sum(1 for w in self.tend.app("tick")["workers"] if w["pid"] and alive(w["pid"]))
                if time.monotonic() - begun < 0.5:  # else those that were listed may have been replaced since
                    ups.append(up)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.tend.ok("reload", "tick")
        finally:
            done.set()
            watcher.join()
        new = self.tend.pids("tick")
        self.assertFalse(set(old.values()) & set(new.values()))
        self.assertGreaterEqual(min(ups), 1, "one by one: there is always one")

    def test_scale(self):
        old = self.tend.pids("tick")
        self.tend.ok("scale", "tick", "4")
        pids = self.tend.pids("tick")
        self.assertEqual(len(pids), 4)
        self.assertEqual({s: pids[s] for s in old}, old, "those that ran go on")
        self.tend.ok("scale", "tick", "-3")
        self.assertEqual(self.tend.pids("tick"), {0: old[0]}, "the highest slots go")
        self.tend.ok("scale", "tick", "+1")
        self.assertEqual(len(self.tend.pids("tick")), 2)

    def test_signal(self):
        self.tend.ok("signal", "SIGUSR1", "tick:0")
        wait_until(lambda: any(r.text == b"got usr1" and r.slot == 0 for r in self.tend.records("tick")), 5)
        self.assertFalse(any(r.text == b"got usr1" and r.slot == 1 for r in self.tend.records("tick")))
        self.assertNotEqual(self.tend.run("signal", "SIGNONSENSE", "tick")[0], 0)

    def test_delete(self):
        pids = self.tend.pids("tick")
        self.tend.ok("delete", "tick")
        self.assertEqual([a["name"] for a in self.tend.list()], ["idle"])
        self.assertFalse(any(alive(pid) for pid in pids.values()))
        self.assertTrue(self.tend.log_files("tick"), "its logs stay")
        wait_until(lambda: not any(("app", "tick") in k for k in self.tend.metrics()), 5,
                   "its series are gone")

    def test_starting_twice_changes_nothing(self):
        old = self.tend.pids("tick")
        self.start("tend.yaml")
        self.assertEqual(self.tend.pids("tick"), old)

    def test_starting_a_changed_config_restarts_that_app_only(self):
        old_tick, old_idle = self.tend.pids("tick"), self.tend.pids("idle")
        self.tend.config(
            {"name": "tick", "script": "./tick.sh", "instances": 2, "namespace": "clocks",
             "env": {"GREETING": "good morning"}},
            {"name": "idle", "script": worker("idle"), "interpreter": "none"})
        self.start("tend.yaml")
        self.assertFalse(set(old_tick.values()) & set(self.tend.pids("tick").values()))
        self.assertEqual(self.tend.pids("idle"), old_idle)

    def test_reset(self):
        self.tend.ok("restart", "idle")
        self.assertEqual(self.tend.worker("idle")["restarts"], 1)
        self.tend.ok("reset", "idle")
        self.assertEqual(self.tend.worker("idle")["restarts"], 0)

    def test_kill_ends_everything(self):
        pids = list(self.tend.pids("tick").values()) + list(self.tend.pids("idle").values())
        self.tend.ok("kill")
        wait_until(lambda: not self.tend.processes(), 10)
        self.assertFalse(any(alive(pid) for pid in pids))
        self.assertEqual(self.tend.run("ping")[0], 5)

    def test_version_and_help(self):
        self.assertRegex(self.tend.ok("version"), r"\d+\.\d+\.\d+")
        self.assertIn("start", self.tend.ok("help"))
        self.assertIn("--follow", self.tend.ok("logs", "--help"))
        json.loads(self.tend.ok("version", "--json"))

    def test_startup_says_what_it_would_do(self):
        unit = self.tend.ok("startup", "--print")
        self.assertIn("[Service]", unit)
        self.assertIn("tendd", unit)
        self.assertNotIn("undefined", unit)
        if not os.path.exists("/run/systemd/system"):
            code, _, err = self.tend.run("startup", env={"USER": ""})
            self.assertNotEqual(code, 0)
            self.assertIn("systemd", err)


class StartAScriptTest(TendTest):
    def test_pm2_flags(self):
        self.tend.write("app.py", "import os, sys, time\nprint(sys.argv[1:], os.getcwd())\n"
                        "sys.stdout.flush()\ntime.sleep(60)\n")
        self.start("app.py", "--name", "mine", "-i", "2", "--namespace", "ns", "--kill-timeout", "500",
                   "--", "--port", "80")
        app = self.tend.app("mine")
        self.assertEqual((app["namespace"], len(app["workers"])), ("ns", 2))
        wait_until(lambda: f"['--port', '80'] {self.tend.home}" in self.tend.texts("mine"), 5)

    def test_pm2_log_files(self):
        self.tend.write("app.sh", "echo to out; echo to err >&2; exec sleep 60\n")
        self.start("app.sh", "-o", "out.txt", "-e", "err.txt")
        wait_until(lambda: "to out" in (self.tend.home / "out.txt").read_text(), 5)
        wait_until(lambda: "to err" in (self.tend.home / "err.txt").read_text(), 5)
        self.assertNotIn("to err", (self.tend.home / "out.txt").read_text())


if __name__ == "__main__":
    main()
