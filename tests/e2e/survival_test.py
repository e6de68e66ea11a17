"""The core and the sidecar may die: workers do not notice, and no app is forgotten."""
import os
import signal
import threading
import unittest

from harness import DAEMONS, TendTest, alive, main, wait_until, worker

TICKER = "i=0\nwhile :; do i=$((i+1)); echo $i; sleep 0.02; done\n"


class SurvivalTest(TendTest):
    def setUp(self):
        super().setUp()
        self.tend.write("tick.sh", TICKER)
        self.tend.config({"name": "tick", "script": "./tick.sh"},
                         {"name": "idle", "script": worker("idle"), "interpreter": "none", "instances": 3})
        self.start("tend.yaml")
        self.pids = {**{("tick", s): p for s, p in self.tend.pids("tick").items()},
                     **{("idle", s): p for s, p in self.tend.pids("idle").items()}}

    def current(self):
        return {**{("tick", s): p for s, p in self.tend.pids("tick").items()},
                **{("idle", s): p for s, p in self.tend.pids("idle").items()}}

    def kill(self, comm):
        pid = self.tend.daemon(comm)
        os.kill(pid, signal.SIGKILL)
        return wait_until(lambda: (lambda p: p if p != pid else None)(self.tend.daemon(comm)), 5,
                          f"{comm} is back")

    def still_works(self, signal_name="SIGKILL"):
        wait_until(lambda: self.current() == self.pids, 10, "same apps, same workers")
        for pid in self.pids.values():
            self.assertTrue(alive(pid))
        # It still supervises them.
        os.kill(self.pids["idle", 2], signal.SIGKILL)
        new = wait_until(lambda: (lambda w: w if w["state"] == "online" and
                                  w["pid"] != self.pids["idle", 2] else None)(self.tend.worker("idle", 2)), 10)
        self.assertIn(new["last_exit"]["signal"], ("SIGKILL", signal_name))
        self.pids["idle", 2] = new["pid"]

    def lines_are_whole(self):
        """The ticker's numbers: in order, none missing, none twice."""
        count = len(self.tend.texts("tick"))
        wait_until(lambda: len(self.tend.texts("tick")) > count + 5, 10, "new lines come")
        numbers = [int(t) for t in self.tend.texts("tick")]
        return numbers

    def test_the_core_dies(self):
        for _ in range(3):
            self.kill("tend-core")
            self.still_works()
        numbers = self.lines_are_whole()
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_the_sidecar_dies(self):
        for _ in range(3):
            self.kill("tend-sidecar")
            self.still_works()
        wait_until(lambda: self.tend.get("/metrics", unix=True)[0] == 200, 10)
        wait_until(lambda: self.tend.get("/metrics")[0] == 200, 10, "the TCP address serves again")
        numbers = self.lines_are_whole()
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)), "no line lost, none twice, all in order")

    def test_both_die(self):
        core, sidecar = self.tend.daemon("tend-core"), self.tend.daemon("tend-sidecar")
        os.kill(core, signal.SIGKILL)
        os.kill(sidecar, signal.SIGKILL)
        wait_until(lambda: self.tend.daemon("tend-core") != core, 5)
        wait_until(lambda: self.tend.daemon("tend-sidecar") != sidecar, 5)
        self.still_works()

    def test_the_keeper_dies_and_the_next_one_finds_the_workers(self):
        keeper = self.tend.daemon("tendd")
        os.kill(keeper, signal.SIGKILL)
        wait_until(lambda: not any(name in DAEMONS for name in self.tend.processes().values()), 10,
                   "without a keeper the others leave")
        for pid in self.pids.values():
            self.assertTrue(alive(pid), "workers do not notice")
        self.tend.ok("resurrect")
        self.still_works(signal_name=None)  # init is their parent now, and tells nobody
        numbers = self.lines_are_whole()
        self.assertEqual(numbers, sorted(set(numbers)), "no line twice, all in order")

    def test_an_exit_while_the_core_is_dead_is_known_afterwards(self):
        core = self.tend.daemon("tend-core")
        victim = self.pids["idle", 0]
        os.kill(core, signal.SIGSTOP)
        os.kill(victim, signal.SIGTERM)
        wait_until(lambda: not alive(victim), 5)
        os.kill(core, signal.SIGKILL)
        new = wait_until(lambda: (lambda w: w if w["state"] == "online" and w["pid"] != victim else None)(
            self.tend.worker("idle", 0)), 10, "it was started again")
        self.assertEqual(new["last_exit"]["signal"], "SIGTERM")

    def test_counters_survive_the_sidecar(self):
        os.kill(self.pids["idle", 1], signal.SIGKILL)
        labels = {"app": "idle", "worker": "1", "reason": "crash"}
        wait_until(lambda: self.tend.metric("tend_worker_restarts_total", **labels) == 1, 5)
        self.kill("tend-sidecar")
        wait_until(lambda: self.tend.metric("tend_worker_restarts_total", **labels) == 1, 10)

    def test_kill_has_killed_all_of_tend_when_it_says_so(self):
        """A sidecar that writes for a second longer must not be in the way of what comes next."""
        for again in (("resurrect",), ("start", "tend.yaml")):
            sidecar = self.tend.daemon("tend-sidecar")
            os.kill(sidecar, signal.SIGSTOP)
            going_on = threading.Timer(1.0, os.kill, (sidecar, signal.SIGCONT))
            going_on.start()
            self.addCleanup(going_on.join)
            self.tend.ok("kill")
            self.assertFalse(any(name in DAEMONS for name in self.tend.processes().values()))
            self.tend.ok(*again)

    def test_kill_waits_for_a_core_that_is_about_to_come_back(self):
        for _ in range(2):
            os.kill(self.tend.daemon("tend-core"), signal.SIGKILL)
            code, out, err = self.tend.run("kill")
            self.assertEqual(code, 0, err)
            self.assertIn("stopped 4 workers and the daemon", out + err)
            self.assertFalse(any(name in DAEMONS for name in self.tend.processes().values()))
            self.tend.ok("resurrect")

    def test_start_waits_for_a_daemon_that_is_leaving(self):
        sidecar = self.tend.daemon("tend-sidecar")
        os.kill(sidecar, signal.SIGSTOP)
        os.kill(self.tend.daemon("tendd"), signal.SIGTERM)
        wait_until(lambda: "tend-core" not in self.tend.processes().values(), 5, "the core has left")
        self.assertIn("tendd", self.tend.processes().values(), "the keeper has not")
        going_on = threading.Timer(1.0, os.kill, (sidecar, signal.SIGCONT))
        going_on.start()
        self.addCleanup(going_on.join)
        self.tend.ok("start", "tend.yaml")
        self.assertNotEqual(self.tend.daemon("tend-sidecar"), sidecar)

    def test_start_waits_for_a_core_that_is_about_to_come_back(self):
        for _ in range(5):
            os.kill(self.tend.daemon("tend-core"), signal.SIGKILL)
            self.tend.ok("start", "tend.yaml")
        self.still_works()

    def test_restarts_of_our_parts_are_told(self):
        self.kill("tend-sidecar")
        self.still_works()
        wait_until(lambda: not self.tend.zombies(), 5, "the dead are taken off")


if __name__ == "__main__":
    main()
