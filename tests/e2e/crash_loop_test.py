"""An app that cannot run: `start` says so and why, and tend gives up in the end."""
import json
import os
import unittest

from harness import TendTest, main, wait_until


class CrashLoopTest(TendTest):
    def crash(self, script, **more):
        self.tend.write("crash.sh", script)
        self.tend.config({"name": "crash", "script": "./crash.sh", **more})
        return self.assert_bounded(20, self.tend.run, "start", "tend.yaml")

    def test_start_tells_the_exit_code_and_the_last_lines(self):
        code, _, err = self.crash("echo one >&2; echo 'cannot open the database' >&2; exit 3\n",
                                  max_restarts=3)
        self.assertEqual(code, 7)
        self.assertIn("crash", err)
        self.assertRegex(err, r"code 3\b")
        self.assertIn("cannot open the database", err)

    def test_start_tells_the_signal(self):
        code, _, err = self.crash("kill -SEGV $$\n", max_restarts=2)
        self.assertEqual(code, 7)
        self.assertIn("SIGSEGV", err)

    def test_it_ends_errored_after_max_restarts(self):
        code, _, _ = self.crash("echo last words >&2; exit 1\n", max_restarts=5)
        self.assertEqual(code, 7)
        self.tend.wait_state("crash", "errored")
        worker = self.tend.worker("crash")
        self.assertEqual(worker["restarts"], 4)
        self.assertEqual(worker["pid"], 0)
        self.assertEqual(worker["last_exit"]["code"], 1)
        # A sidecar that takes too long is not waited for: describe goes without lines then.
        wait_until(lambda: "last words" in self.tend.ok("describe", "crash"), what="its last words are shown")
        self.assertIn("errored", self.tend.ok("list"))
        self.assertEqual(self.tend.run("list", "--check")[0], 3)
        self.assertEqual(self.tend.zombies(), [])
        self.assertEqual(self.tend.metric("tend_worker_state", app="crash", worker="0",
                                          tend_worker_state="errored"), 1)

    def test_an_errored_app_can_be_started_again(self):
        self.crash("exit 1\n", max_restarts=1)
        self.tend.wait_state("crash", "errored")
        self.tend.write("crash.sh", "exec sleep 60\n")
        self.tend.ok("start", "crash")
        self.assertEqual(self.tend.app("crash")["state"], "online")

    def test_a_delay_between_restarts(self):
        self.tend.write("crash.sh", "date +%s.%N >> times; exit 1\n")
        self.tend.config({"name": "crash", "script": "./crash.sh", "restart_delay": "300ms",
                          "max_restarts": 4})
        self.tend.run("start", "tend.yaml", "--no-wait")
        self.tend.wait_state("crash", "errored", 15)
        times = [float(t) for t in (self.tend.home / "times").read_text().split()]
        self.assertEqual(len(times), 4)
        for earlier, later in zip(times, times[1:]):
            self.assertGreaterEqual(later - earlier, 0.29)

    def test_exponential_backoff_grows(self):
        self.tend.write("crash.sh", "date +%s.%N >> times; exit 1\n")
        self.tend.config({"name": "crash", "script": "./crash.sh", "exp_backoff_restart_delay": "50ms",
                          "max_restarts": 100})
        self.tend.run("start", "tend.yaml", "--no-wait")
        times = wait_until(lambda: (lambda t: t if len(t) >= 6 else None)(
            [float(t) for t in (self.tend.home / "times").read_text().split()]), 15)
        gaps = [b - a for a, b in zip(times, times[1:])]
        for i, gap in enumerate(gaps):  # the machine may add to a delay, nothing takes from it
            self.assertGreaterEqual(gap, 0.05 * 1.5**i - 0.005, gaps)
        wait_until(lambda: self.tend.worker("crash")["state"] in ("backoff", "starting"), 5)

    def test_a_hundred_crashes_leave_nothing_behind(self):
        self.crash("exit 1\n", max_restarts=5)
        self.tend.wait_state("crash", "errored")

        def open_fds():
            return {n: len(os.listdir(f"/proc/{self.tend.daemon(n)}/fd"))
                    for n in ("tendd", "tend-core", "tend-sidecar")}
        before = wait_until(open_fds)
        self.tend.config({"name": "crash", "script": "./crash.sh", "max_restarts": 100})
        self.tend.run("start", "tend.yaml", "--no-wait")
        self.tend.wait_state("crash", "errored", 30)
        wait_until(lambda: all(open_fds()[n] <= before[n] + 2 for n in before), 10,
                   f"descriptors are given back: {before}")
        self.assertEqual(self.tend.zombies(), [])

    def test_describe_json_has_the_exit(self):
        self.crash("exit 9\n", max_restarts=1)
        self.tend.wait_state("crash", "errored")
        described = json.loads(self.tend.ok("describe", "crash", "--json"))
        self.assertEqual(described["schema"], "tend.describe/1")
        self.assertIn('"code":9', json.dumps(described, separators=(",", ":")))


if __name__ == "__main__":
    main()
