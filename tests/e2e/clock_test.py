"""The clock is set back by an hour while a worker writes. libfaketime, as Debian has it, does that to our programs
alone."""
import glob
import unittest

from harness import COUNTER, SANITIZED, TendTest, main, wait_until

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


@unittest.skipIf(LIBRARY is None, "needs libfaketime")
@unittest.skipIf(SANITIZED, "a sanitizer must be the first library")
class ClockTest(TendTest):
    def setUp(self):
        super().setUp()
        self.shift = self.tend.home / "shift"
        self.shift.write_text("+0\n")
        self.tend.env.update(LD_PRELOAD=LIBRARY, FAKETIME_TIMESTAMP_FILE=str(self.shift), FAKETIME_NO_CACHE="1",
                             FAKETIME_DONT_FAKE_MONOTONIC="1")
        self.tend.write("counter.py", COUNTER, 0o755)
        self.count_file = self.tend.home / "count"

    def numbers(self):
        return [int(record.text.split()[1]) for record in self.tend.records("gen")]

    def wait_for_more(self, lines=300):
        before = len(self.numbers())
        wait_until(lambda: len(self.numbers()) > before + lines, 15, "lines come")

    def test_stamps_never_decrease(self):
        self.start(self.tend.config({"name": "gen", "script": "./counter.py", "args": [str(self.count_file), "0"],
                                     "env": {"LD_PRELOAD": ""}}))
        self.wait_for_more()
        self.shift.write_text("-3600\n")
        self.wait_for_more()
        self.tend.ok("logs", "rotate", "gen")
        self.wait_for_more()
        self.tend.ok("stop", "gen")
        total = int(wait_until(self.count_file.read_text, 5))
        # stop waits for the process, not for what is on its way to the disk.
        wait_until(lambda: self.numbers()[-1] == total, 20, f"line {total} is on disk")
        self.assertEqual(self.numbers(), list(range(1, total + 1)))
        stamps = [record.time for record in self.tend.records("gen")]
        self.assertEqual(stamps, sorted(stamps))
        # The clock of our programs is behind what they last wrote: the stamp stands still.
        self.assertGreater(stamps.count(stamps[-1]), 300)


if __name__ == "__main__":
    main()
