"""Every line exactly once, whole and in order, through pipes, rotation and compression."""
import collections
import re
import subprocess
import unittest

from harness import TendTest, main, wait_until, worker

WORKERS = 4
LINES_EACH = 25_000  # half on stdout, half on stderr


class LogIntegrityTest(TendTest):
    def setUp(self):
        super().setUp()
        logs = {"max_size": "1M", "compress": {"delay": "0s"}, "max_files": 1000}
        self.config = self.tend.config(
            {"name": "gen", "script": worker("lines"), "interpreter": "none", "instances": WORKERS,
             "args": [str(LINES_EACH), "pause"]}, logs=logs)

    def written(self):
        return sum(int(v) for k, v in self.tend.metrics().items()
                   if k[0] == "tend_worker_log_lines_total")

    def compressed(self):
        """All files, once the sealed ones are archives."""
        def files():
            now = self.tend.log_files("gen")
            return now if all(f.suffix == ".zst" for f in now[:-1]) else None
        return wait_until(files, 20, "all sealed segments are compressed")

    def test_every_line_exactly_once_whole_and_in_order(self):
        self.start(self.config)
        wait_until(lambda: self.written() == WORKERS * LINES_EACH, 60, "100,000 lines are counted")
        self.tend.ok("stop", "gen")
        self.compressed()
        self.tend.ok("kill")  # all that was counted is in the files now
        files = self.tend.log_files("gen")
        self.assertGreaterEqual(len(files), 8, files)

        seen = collections.defaultdict(list)
        total = 0
        last_of_file_before = b""
        for file in files:
            stamps = []
            for record in self.tend.records_of(file):
                self.assertFalse(record.partial)
                self.assertEqual(record.app, "gen")
                slot, stream, number, length, padding = record.text.decode().split(" ", 4)
                self.assertEqual(len(padding), int(length), "a line is torn")
                self.assertEqual(int(slot), record.slot)
                self.assertEqual({"out": "stdout", "err": "stderr"}[stream], record.stream)
                seen[record.slot, stream].append(int(number))
                stamps.append(record.time)
                total += 1
            self.assertEqual(stamps, sorted(stamps), f"stamps go back in {file}")
            self.assertGreaterEqual(stamps[0], last_of_file_before, f"{file} begins before its elder ends")
            last_of_file_before = stamps[-1]
        self.assertEqual(total, WORKERS * LINES_EACH)
        self.assertEqual(len(seen), WORKERS * 2)
        for of_whom, numbers in seen.items():
            self.assertEqual(numbers, list(range(LINES_EACH // 2)), of_whom)

    def test_names_and_sizes_of_segments(self):
        self.start(self.config)
        wait_until(lambda: self.written() == WORKERS * LINES_EACH, 60, "100,000 lines are counted")
        files = self.compressed()
        for file in files[:-1]:
            self.assertRegex(file.name, r"^gen\.log\.\d{8}T\d{6}Z-\d+\.zst$")
            plain = subprocess.run(["zstdcat", file], capture_output=True, check=True).stdout
            self.assertLessEqual(len(plain), 1 << 20)
            self.assertGreater(len(plain), 3 << 18)
        numbers = [int(re.search(r"-(\d+)\.zst$", f.name).group(1)) for f in files[:-1]]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "no gaps")
        self.assertEqual(files[-1].name, "gen.log")

    def test_oldest_segments_go_when_there_are_too_many(self):
        self.tend.config(
            {"name": "gen", "script": worker("lines"), "interpreter": "none", "instances": WORKERS,
             "args": [str(LINES_EACH), "pause"],
             "logs": {"max_size": "256K", "max_files": 3, "compress": {"delay": "0s"}}})
        self.start(self.config)
        wait_until(lambda: self.written() == WORKERS * LINES_EACH, 60)
        wait_until(lambda: len(self.tend.log_files("gen")) <= 4, 20, "three sealed segments are left")
        # What is counted may not be written yet.
        wait_until(lambda: self.tend.records_of(self.tend.log_files("gen")[-1]), 10, "the newest lines stay")

    def test_logs_command_reads_archives_and_the_active_file_as_one(self):
        self.start(self.config)
        wait_until(lambda: self.written() == WORKERS * LINES_EACH, 60)
        self.tend.ok("stop", "gen")

        def shown():
            lines = self.tend.ok("logs", "gen", "-n", "1000000", "-o", "raw").splitlines()
            return lines if len(lines) >= WORKERS * LINES_EACH else None
        out = wait_until(shown, 20, "all that was counted is shown")
        self.assertEqual(len(out), WORKERS * LINES_EACH)
        self.assertEqual(len(set(out)), WORKERS * LINES_EACH)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    main()
