"""No restart of the daemon loses the list, and no secret leaves by it."""
import contextlib
import json
import os
import signal
import stat
import unittest

from harness import TendTest, free_port, main, wait_until, worker

SECRET = "hunter2-hunter2"


class StateTest(TendTest):
    def setUp(self):
        super().setUp()
        self.tend.config(
            {"name": "api", "script": worker("idle"), "interpreter": "none", "instances": 2,
             "env": {"DB_PASSWORD": SECRET}},
            {"name": "off", "script": worker("idle"), "interpreter": "none"})
        self.start("tend.yaml")
        self.tend.ok("stop", "off")

    def summary(self):
        return [(a["name"], a["state"], a["instances"]) for a in self.tend.list()]

    def test_the_list_survives_the_daemon(self):
        self.tend.ok("scale", "api", "3")
        self.tend.ok("kill")
        wait_until(lambda: not self.tend.processes(), 10)
        self.tend.ok("resurrect")
        self.assertEqual(self.summary(), [("api", "online", 3), ("off", "stopped", 1)])

    def test_it_is_saved_on_every_change_without_save(self):
        """A crash of the machine: nobody said save, nobody said kill."""
        while self.tend.processes():
            for pid in self.tend.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.tend.processes(), 10)
        self.tend.ok("resurrect")
        self.assertEqual(self.summary(), [("api", "online", 2), ("off", "stopped", 1)])

    def test_save_exists_for_habit(self):
        self.tend.ok("save")

    def test_a_damaged_list_is_set_aside_not_fatal(self):
        self.tend.ok("kill")
        wait_until(lambda: not self.tend.processes(), 10)
        saved = self.tend.home / "state" / "apps.json"
        saved.write_text("{ this is not JSON")
        code, _, err = self.tend.run("resurrect")
        self.assertNotIn("terminate", err)
        self.start("tend.yaml")
        self.assertEqual(len(self.tend.list()), 2)
        kept = [f for f in (self.tend.home / "state").iterdir()
                if f.is_file() and f.name != "apps.json" and "this is not JSON" in f.read_text(errors="replace")]
        self.assertTrue(kept, "what was there is not thrown away")
        self.assertIn(code, (0, 1, 6))

    def test_rights(self):
        saved = self.tend.home / "state" / "apps.json"
        self.assertEqual(stat.S_IMODE(saved.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(saved.parent.stat().st_mode), 0o700)
        logs = wait_until(lambda: self.tend.app_logs("api").stat(), what="the sidecar is there")
        self.assertEqual(stat.S_IMODE(logs.st_mode) & 0o007, 0)
        self.assertEqual(stat.S_IMODE((self.tend.home / "tend.sock").stat().st_mode) & 0o007, 0)

    def test_secrets_appear_nowhere(self):
        pages = [self.tend.ok("list"), self.tend.ok("list", "--json"), self.tend.ok("describe", "api"),
                 self.tend.ok("describe", "api", "--json"), self.tend.ok("env", "api"),
                 self.tend.ok("env", "api", "--json"), self.tend.own_log()]
        for path in ("/metrics", "/api/v1/apps", "/api/v1/logs?app=api"):
            pages.append(wait_until(lambda: self.tend.get(path, unix=True))[2].decode())  # noqa: B023
        for page in pages:
            self.assertNotIn(SECRET, page)
        json.loads(pages[5])


class KeysOfTheFileTest(TendTest):
    """What stands beside `apps` in tend.yaml is done, not just read."""
    APP = {"name": "idle", "script": worker("idle"), "interpreter": "none"}

    def test_listen(self):
        del self.tend.env["TEND_LISTEN"]
        first, second = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.tend.config(self.APP, listen=first)
        self.start("tend.yaml")
        self.assertEqual(wait_until((self.tend.home / "listen").read_text, what="the sidecar is there").strip(), first)
        self.assertEqual(wait_until(lambda: self.tend.get("/healthz"))[0], 200)
        self.tend.config(self.APP, listen=second)
        self.assertIn(f"listens on {first}, not on {second}", self.start("tend.yaml")[1])

    def test_the_size_of_all_logs(self):
        self.tend.config(self.APP, logs={"total": "3M"})
        self.start("tend.yaml")
        wait_until(lambda: self.tend.metric("tend_log_limit_bytes") == 3 << 20, 10)
        self.tend.config(self.APP, logs={"total": "4M"})
        self.start("tend.yaml")
        wait_until(lambda: self.tend.metric("tend_log_limit_bytes") == 4 << 20, 10)


if __name__ == "__main__":
    main()
