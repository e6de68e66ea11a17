"""A killed worker is back in its main() within milliseconds, and what happened is told."""
import os
import signal
import time
import unittest

from harness import SANITIZED, TendTest, alive, main, median, wait_until, worker

KILLS = 30
LIMIT_MS = 5.0
ROUNDS = 3  # other work on the machine only makes it slower: one round within the limit is the proof


class RespawnTest(TendTest):
    def starts(self):
        """[(pid, ns)] of every main() so far."""
        file = self.tend.home / "starts"
        if not file.exists():
            return []
        return [tuple(map(int, line.split())) for line in file.read_text().splitlines()]

    def start_stamper(self):
        self.tend.config({"name": "stamp", "script": worker("stamp"), "interpreter": "none",
                          "args": [str(self.tend.home / "starts")], "max_restarts": 1000,
                          "min_uptime": "100ms"})
        self.start("tend.yaml")

    def kill_and_time(self):
        before = self.starts()
        begun = time.monotonic_ns()
        os.kill(before[-1][0], signal.SIGKILL)
        after = wait_until(lambda: (lambda s: s if len(s) > len(before) else None)(self.starts()), 5,
                           "it is back", interval=0.001)
        return (after[-1][1] - begun) / 1e6

    def test_back_in_main_within_milliseconds(self):
        self.start_stamper()
        for _ in range(ROUNDS):
            times = []
            for _ in range(KILLS):
                times.append(self.kill_and_time())
                wait_until(lambda: alive(self.starts()[-1][0]), 1)
                time.sleep(0.15)  # past min_uptime: each life counts as a stable one
            times.sort()
            print(f"\nkill -9 to main(): median {median(times):.2f} ms, p90 {times[int(KILLS * 0.9)]:.2f} ms, "
                  f"max {times[-1]:.2f} ms of {KILLS}")
            if median(times) <= LIMIT_MS or SANITIZED:
                break
        self.assertEqual(self.tend.zombies(), [])
        if not SANITIZED:
            self.assertLessEqual(median(times), LIMIT_MS)

    def test_list_and_metrics_tell_the_restart(self):
        self.start_stamper()
        labels = {"app": "stamp", "worker": "0", "reason": "crash"}
        wait_until(lambda: self.tend.metric("tend_worker_restarts_total", **labels) is not None, 5,
                   "the sample is there before the first crash")
        self.assertEqual(self.tend.metric("tend_worker_restarts_total", **labels), 0)
        old = self.tend.worker("stamp")
        self.kill_and_time()
        new = wait_until(lambda: (lambda w: w if w["state"] == "online" and w["pid"] != old["pid"]
                                  else None)(self.tend.worker("stamp")), 5, "online again")
        self.assertEqual(new["restarts"], old["restarts"] + 1)
        self.assertEqual(new["restarts_by_reason"]["crash"], old["restarts_by_reason"]["crash"] + 1)
        self.assertIsNone(new["last_exit"]["code"])
        self.assertEqual(new["last_exit"]["signal"], "SIGKILL")
        self.assertRegex(new["last_exit"]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        wait_until(lambda: self.tend.metric("tend_worker_restarts_total", **labels) == 1, 5,
                   "the counter rose by one")
        self.assertEqual(self.tend.metric("tend_worker_up", app="stamp", worker="0"), 1)
        self.assertEqual(self.tend.metric("tend_worker_last_exit_code", app="stamp", worker="0"), 137)

    def test_exit_codes_and_signals_are_exact(self):
        for how, code, name in (("exit 7", 7, None), ("kill -SEGV $$", None, "SIGSEGV"),
                                ("exit 0", 0, None)):
            with self.subTest(how):
                self.tend.write("end.sh", f"{how}\n")
                self.tend.config({"name": "end", "script": "./end.sh", "autorestart": False})
                self.tend.run("start", "tend.yaml", "--no-wait")
                last = wait_until(lambda: self.tend.worker("end")["last_exit"], 5)
                self.assertEqual((last["code"], last["signal"]), (code, name))
                self.tend.ok("delete", "end")

    def test_stop_exit_codes_end_it(self):
        self.tend.write("end.sh", "sleep 0.1; exit 42\n")
        self.tend.config({"name": "end", "script": "./end.sh", "stop_exit_codes": [42]})
        self.tend.run("start", "tend.yaml", "--no-wait")
        self.tend.wait_state("end", "stopped", 5)
        self.assertEqual(self.tend.worker("end")["restarts"], 0)


if __name__ == "__main__":
    main()
