"""SIGKILL of the sidecar at any time, while 16 streams flow and segments rotate: no line is lost,
doubled or torn, and no worker waits long.

TEND_RECORDER_KILLS and TEND_RECORDER_LINES make it as long as one likes.
"""
import collections
import contextlib
import os
import random
import signal
import time

from harness import PATIENCE, TendTest, alive, main, median, wait_until, worker

WORKERS = 8  # two streams each
KILLS = int(os.environ.get("TEND_RECORDER_KILLS", 40))
LINES = int(os.environ.get("TEND_RECORDER_LINES", 400_000))  # in all
LINES_EACH = LINES // WORKERS
# How long the kills take: the keeper waits before it starts a role that died young twice running, so
# every other one may live for as long as it takes not to be young.
YOUNG = 1.0
SECONDS = KILLS / 2 * (YOUNG + 0.1)
LINES_A_WRITE = 60  # what lines.c puts into one
NAP = int(SECONDS * 1e6 / (LINES_EACH / LINES_A_WRITE))


class RecorderTest(TendTest):
    def setUp(self):
        super().setUp()
        self.waits = self.tend.home / "waits"
        self.config = self.tend.config(
            {"name": "gen", "script": worker("lines"), "interpreter": "none", "instances": WORKERS,
             "args": [str(LINES_EACH), "pause", str(NAP), str(self.waits)]},
            logs={"max_size": "1M", "max_files": 100_000, "max_total": "20G", "compress": {"delay": "1s"}})

    def seen(self):
        """{(slot, stream): numbers in the order of the files}; torn lines fail."""
        numbers = collections.defaultdict(list)
        for record in self.tend.records("gen"):
            self.assertFalse(record.partial, "a line is in pieces")
            self.assertEqual(record.text.count(b" "), 4, f"a line is torn: {record.text!r} at {record.time!r}")
            slot, stream, number, length, padding = record.text.decode().split(" ", 4)
            self.assertEqual(len(padding), int(length), f"a line is torn: {record.text!r}")
            self.assertEqual(int(slot), record.slot)
            self.assertEqual({"out": "stdout", "err": "stderr"}[stream], record.stream)
            numbers[slot, stream].append(int(number))
        return numbers

    def kill_often(self):
        """Kills a sidecar as soon as there is one and it has lived for a random time."""
        rng = random.Random(os.environ.get("TEND_SEED"))
        killed = 0
        while killed < KILLS:
            pid = wait_until(lambda: self.tend.daemon("tend-sidecar"), 10)
            # In the first moments it takes over from the one before.
            young = rng.choice((0.004, 0.03, 0.1)) * rng.random()
            time.sleep(YOUNG + 0.1 * rng.random() if killed % 2 else young)
            os.kill(pid, signal.SIGKILL)
            killed += 1
            wait_until(lambda: not alive(pid), 5)
        return killed

    def test_no_kill_loses_doubles_or_tears_a_line(self):
        self.start(self.config, "--no-wait")
        pids = self.tend.pids("gen")
        killed = self.kill_often()
        expected = {(str(slot), stream): list(range(LINES_EACH // 2))
                    for slot in range(WORKERS) for stream in ("out", "err")}
        last = {"sum": -1}

        def is_quiet():
            total = sum(f.stat().st_size for f in self.tend.log_files("gen"))
            done, last["sum"] = total == last["sum"], total
            return done

        wait_until(lambda: self.waits.read_text().count("done") == WORKERS, 60 + SECONDS * 2, "all has left the workers")
        wait_until(is_quiet, 30 + SECONDS * 3, "all lines are written", interval=1.5)
        self.assertEqual(self.tend.pids("gen"), pids, "workers did not notice")
        self.tend.ok("stop", "gen")
        # A disk that stands still looks quiet, too.
        with contextlib.suppress(AssertionError):  # what is lost is said below
            wait_until(lambda: sum(map(len, self.seen().values())) >= sum(map(len, expected.values())), 30, interval=0.5)
        seen = self.seen()
        lost = {of: sorted(set(expected[of]) - set(seen.get(of, []))) for of in expected}
        lost = {of: (len(gone), gone[:3]) for of, gone in lost.items() if gone}
        doubled = {of: (len(got) - len(set(got)), [n for n, c in collections.Counter(got).items() if c > 1][:3])
                   for of, got in seen.items() if len(got) != len(set(got))}
        print(f"\n{killed} kills, {sum(map(len, seen.values()))} lines, {len(self.tend.log_files('gen'))} segments:"
              f" {sum(n for n, _ in lost.values())} lost, {sum(n for n, _ in doubled.values())} doubled")
        self.assertEqual(lost, {})
        self.assertEqual(doubled, {})
        self.assertEqual(seen, expected, "out of order")

    def test_workers_hardly_wait_for_the_next_sidecar(self):
        """They write 25 MB/s each, so that their pipes are full 3 ms after the kill."""
        waits = self.tend.home / "waits"
        waits.touch()
        self.start(self.tend.config(
            {"name": "gen", "script": worker("lines"), "interpreter": "none", "instances": 2,
             "args": ["100000000", "pause", "200", str(waits)]},
            logs={"max_size": "8M", "max_total": "100M", "compress": False}), "--no-wait")
        longest = []
        for _ in range(9):
            time.sleep(YOUNG + 0.2)
            known = len(waits.read_text())
            os.kill(self.tend.daemon("tend-sidecar"), signal.SIGKILL)
            time.sleep(0.5)
            # A kill that nobody noticed is a wait that was not too long.
            longest.append(max(map(float, waits.read_text()[known:].split()), default=0.0))
        print(f"\nlongest wait of a worker at a kill: median {median(longest):.0f} ms, max {max(longest):.0f} ms")
        self.assertLess(median(longest), 100 * PATIENCE)


if __name__ == "__main__":
    main()
