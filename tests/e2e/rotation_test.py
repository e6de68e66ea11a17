"""Log files that are rotated on demand, and that somebody else moves, removes or empties."""
import os
import re
import signal
import time
import unittest

from harness import COUNTER, TendTest, main, wait_until

class RotationTest(TendTest):
    def setUp(self):
        super().setUp()
        self.tend.write("counter.py", COUNTER, 0o755)
        self.count_file = self.tend.home / "count"
        self.tend.config({"name": "gen", "script": "./counter.py", "args": [str(self.count_file), "0"]})
        self.start("tend.yaml")
        self.active = self.tend.app_logs("gen") / "gen.log"
        self.wait_lines()

    def wait_lines(self):
        """Until some hundreds more lines are in the active file; the last one's number."""
        begin = wait_until(self.last_line, 5)
        return wait_until(lambda: (lambda n: n if n > begin + 300 else None)(self.last_line()), 10,
                          "lines come")

    def last_line(self):
        return int(self.tend.read_log(self.active).split()[-1])

    def end(self):
        """How many lines there were in all, once they are on disk."""
        self.tend.ok("stop", "gen")
        total = int(wait_until(self.count_file.read_text, 5))
        wait_until(lambda: self.numbers(self.tend.records("gen"))[-1] == total, 10, "the last line is written")
        return total

    @staticmethod
    def numbers(records):
        return [int(r.text.split()[1]) for r in records]

    def external(self):
        return self.tend.metric("tend_app_log_rotations_total", app="gen", reason="external")

    def assert_own_log_says(self, what):
        wait_until(lambda: re.search(rf"moved, removed or emptied.*gen\.log.*{what}|log_file_taken.*{what}",
                                     self.tend.own_log()), 5, f"our own log says {what}")

    def test_on_demand(self):
        for _ in range(3):
            self.tend.ok("logs", "rotate", "gen")
            self.wait_lines()
        self.tend.ok("logs", "rotate")
        total = self.end()
        files = self.tend.log_files("gen")
        self.assertEqual(len(files), 5, files)
        self.assertEqual(self.numbers(self.tend.records("gen")), list(range(1, total + 1)))
        self.assertEqual(self.tend.run("logs", "rotate", "nobody")[0], 4)

    def test_by_the_clock(self):
        """With the next minute; the pieces join without a gap."""
        self.tend.config({"name": "gen", "script": "./counter.py", "args": [str(self.count_file), "0"],
                          "logs": {"rotate": "* * * * *"}})
        self.start("tend.yaml")
        rotated = wait_until(lambda: [f for f in self.tend.log_files("gen")[:-1]], 75, "the minute is over")
        wait_until(lambda: self.tend.metric("tend_app_log_rotations_total", app="gen", reason="time") == 1, 5)
        self.assertRegex(rotated[0].name, r"gen\.log\.\d{8}T\d{4}0\dZ-")
        self.wait_lines()
        total = self.end()
        numbers = self.numbers(self.tend.records("gen"))
        last_of_the_first = numbers.index(1, 1) if numbers.count(1) > 1 else 0
        self.assertEqual(numbers[last_of_the_first:], list(range(1, total + 1)))

    def test_moved_and_reopened_as_logrotate_does(self):
        moved = []

        def move(reopen):
            """Seconds until there is a new file."""
            moved.append(self.active.rename(self.tend.home / f"moved.{len(moved)}"))
            begun = time.monotonic()
            reopen()
            wait_until(self.active.exists, 10, "it is made anew", interval=0.005)
            took = time.monotonic() - begun
            self.wait_lines()
            return took
        for reopen in (lambda: self.tend.ok("reloadLogs"),
                       lambda: self.tend.ok("logs", "reopen", "gen"),
                       lambda: os.kill(self.tend.daemon("tendd"), signal.SIGUSR2),
                       lambda: os.kill(self.tend.daemon("tend-core"), signal.SIGUSR2),
                       lambda: os.kill(self.tend.daemon("tend-sidecar"), signal.SIGUSR2),
                       lambda: None):
            # A disk that stands still makes it late, but not each time.
            self.assertTrue(any(move(reopen) < 2.5 for _ in range(3)))
        total = self.end()
        records = [r for file in moved for r in self.tend.records_of(file)]
        records += self.tend.records("gen")
        self.assertEqual(self.numbers(records), list(range(1, total + 1)))
        self.assertEqual(self.external(), len(moved))
        self.assert_own_log_says("moved")

    def test_removed(self):
        for _ in range(3):
            before = self.last_line()
            self.active.unlink()
            wait_until(self.active.exists, 5, "it is made anew")
            self.wait_lines()
        total = self.end()
        numbers = self.numbers(self.tend.records("gen"))
        self.assertLessEqual(numbers[0], before + 1, "what was written afterwards is there")
        self.assertEqual(numbers, list(range(numbers[0], total + 1)))
        self.assertEqual(self.external(), 3)
        self.assert_own_log_says("removed")

    def test_emptied(self):
        """As copytruncate does it: the copy has the lines until then."""
        os.truncate(self.active, 0)
        first = self.wait_lines()
        self.assert_own_log_says("emptied")
        total = self.end()
        numbers = self.numbers(self.tend.records("gen"))
        self.assertLess(numbers[0], first)
        self.assertEqual(numbers, list(range(numbers[0], total + 1)))


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    main()
