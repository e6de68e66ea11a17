"""A disk that is too small, full, over its quota, read-only or gone: apps run on, what is lost is
counted and said, and writing goes on by itself. Needs root for the mounts."""
import shutil
import subprocess
import threading
import time
import unittest

from harness import COUNTER, TendTest, alive, main, own_mounts, wait_until

MB = 1 << 20


def sh(*words):
    subprocess.run([str(w) for w in words], check=True, stdout=subprocess.DEVNULL)


class DiskSafetyTest(TendTest):
    def setUp(self):
        super().setUp()
        if not own_mounts():
            self.skipTest("needs root and mount namespaces")
        self.logs = self.tend.home / "logs"
        self.logs.mkdir()
        self.addCleanup(self.unmount)  # before the rest is cleaned up
        self.count_file = self.tend.home / "count"
        self.tend.write("counter.py", COUNTER, 0o755)

    def unmount(self):
        while subprocess.run(["mountpoint", "-q", self.logs]).returncode == 0:
            sh("umount", "-l", self.logs)

    def tmpfs(self, size):
        sh("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.logs)

    def flow(self, padding, **logs):
        """A worker that writes some 2,000 lines a second."""
        self.tend.config({"name": "gen", "script": "./counter.py",
                          "args": [str(self.count_file), str(padding)],
                          "logs": {"compress": False, **logs}})
        self.start("tend.yaml")
        self.pid = self.tend.worker("gen")["pid"]

    def end(self):
        """How many lines there were in all, the last of which is on disk; the worker was the same all the time."""
        self.assertEqual(self.tend.worker("gen")["pid"], self.pid, "the worker is not harmed")
        self.assertTrue(alive(self.pid))
        self.tend.ok("stop", "gen")
        total = int(wait_until(self.count_file.read_text, 5))
        # stop waits for the process, not for what is on its way to the disk.
        wait_until(lambda: self.numbers()[-1] == total, 20, f"line {total} is on disk", interval=0.1)
        return total

    def sum(self, name):
        return sum(v for k, v in self.tend.metrics().items() if k[0] == name and ("app", "gen") in k)

    def dropped(self):
        return self.sum("tend_app_log_dropped_lines_total")

    def captured(self):
        return self.sum("tend_worker_log_lines_total")

    def numbers(self):
        return [int(r.text.split()[1]) for r in self.tend.records("gen")]

    def fill(self, leave):
        """A file of somebody else's that leaves so many bytes."""
        free = shutil.disk_usage(self.logs).free
        ballast = self.logs / "ballast"
        ballast.write_bytes(b"x" * (free - leave))
        return ballast

    def test_a_budget_larger_than_the_disk(self):
        """The oldest segments go, no line is dropped, and the floor stays free."""
        self.tmpfs("20m")
        self.flow(1000)
        least = []
        wait_until(lambda: least.append(shutil.disk_usage(self.logs).free) or self.captured() > 36_000,
                   40, "twice the disk's size is written", interval=0.1)
        total = self.end()
        self.assertEqual(self.dropped(), 0)
        self.assertGreater(self.tend.metric("tend_app_log_expired_files_total", app="gen",
                                            reason="disk_low"), 5)
        self.assertGreater(min(least), MB)  # the floor is a tenth of the disk
        numbers = self.numbers()
        self.assertEqual(numbers, list(range(numbers[0], total + 1)))
        self.assertGreater(len(numbers), 10_000)

    def test_full_and_dropping(self):
        self.tmpfs("20m")
        ballast = self.fill(MB // 2)
        self.flow(200, min_free="0")
        wait_until(lambda: self.dropped() > 1000, 20, "what cannot be kept is counted")
        before = self.captured()
        wait_until(lambda: self.captured() > before + 1000, 5, "the worker writes on")
        ballast.unlink()
        gap = wait_until(lambda: self.tend.gaps("gen"), 10, "the gap is marked")
        time.sleep(0.5)
        total = self.end()
        self.assertEqual(len(gap), 1)
        self.assertIn("No space left on device", gap[0])
        numbers = self.numbers()
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(len(numbers) + self.dropped(), total)
        self.assertEqual(numbers[-1], total)
        self.assertRegex(gap[0], rf"\b{int(self.dropped())} lines")

    def test_full_and_holding_back(self):
        self.tmpfs("20m")
        ballast = self.fill(MB // 2)
        self.flow(1000, min_free="0", on_full="block")
        wait_until(lambda: self.is_held(), 20, "the worker is held back")
        ballast.unlink()
        before = self.captured()
        wait_until(lambda: self.captured() > before + 1000, 10, "it goes on")
        total = self.end()
        self.assertEqual(self.dropped(), 0)
        self.assertEqual(self.numbers(), list(range(1, total + 1)))
        self.assertEqual(self.tend.gaps("gen"), [])

    def is_held(self):
        before = self.captured()
        time.sleep(1)
        return before > 300 and self.captured() == before

    def test_the_mount_is_taken_away_and_comes_back(self):
        self.tmpfs("20m")
        self.flow(20)
        active = self.tend.app_logs("gen") / "gen.log"
        wait_until(lambda: active.stat().st_size > 10_000, 10)
        sh("umount", "-l", self.logs)
        wait_until(lambda: active.stat().st_size > 10_000, 10, "it goes on in the folder below")
        wait_until(lambda: "moved" in self.tend.own_log(), 5, "it is said")
        below = self.tend.records("gen")
        self.tmpfs("20m")
        wait_until(lambda: active.stat().st_size > 10_000, 10, "it goes on in the new mount")
        total = self.end()
        numbers = self.numbers()
        self.assertEqual(numbers, list(range(numbers[0], total + 1)))
        self.assertEqual(self.dropped(), 0)
        numbers = [int(r.text.split()[1]) for r in below]
        self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))

    def loop_mount(self, make, size):
        if shutil.which(make) is None:
            self.skipTest(f"needs {make}")
        image = self.tend.home / "image"
        with open(image, "wb") as file:
            file.truncate(size)
        sh(make, "-q", image)
        if subprocess.run(["mount", "-o", "loop", image, self.logs], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("needs a loop device")
        return image

    def test_read_only(self):
        """As the kernel does it to a file system with errors; then it is repaired and mounted anew."""
        image = self.loop_mount("mkfs.ext4", 24 * MB)
        self.flow(20)
        wait_until(lambda: self.captured() > 1000, 10)
        sh("mount", "-o", "remount,abort", self.logs)
        wait_until(lambda: self.dropped() > 1000, 20, "what cannot be kept is counted")
        wait_until(lambda: "log_write_failed" in self.tend.own_log() or
                   "cannot be written" in self.tend.own_log(), 5, "it is said")
        sh("umount", "-l", self.logs)
        wait_until(lambda: self.tend.gaps("gen"), 10, "it goes on in the folder below")
        sh("mount", "-o", "loop", image, self.logs)
        active = self.tend.app_logs("gen") / "gen.log"
        wait_until(lambda: time.time() - active.stat().st_mtime < 0.5, 10, "and in the mount again")
        total = self.end()
        self.assertEqual(self.numbers()[-1], total)

    def test_a_disk_that_stands(self):
        """What the app said is shown by `tend logs`, although the disk takes it only a second later."""
        self.loop_mount("mkfs.ext4", 24 * MB)
        self.flow(20)
        wait_until(lambda: self.captured() > 1000, 10)
        sh("fsfreeze", "-f", self.logs)
        thaw = threading.Timer(1, sh, ("fsfreeze", "-u", self.logs))
        self.addCleanup(thaw.join)  # before it is unmounted
        thaw.start()
        self.tend.ok("stop", "gen")
        total = int(wait_until(self.count_file.read_text, 5))
        last = self.tend.ok("logs", "gen", "-n", "1", "-o", "raw")
        self.assertEqual(int(last.split()[1]), total)

    def test_over_quota(self):
        self.loop_mount("mkfs.btrfs", 128 * MB)
        sh("btrfs", "quota", "enable", self.logs)
        sh("btrfs", "qgroup", "limit", "4M", self.logs)
        self.flow(1000)
        wait_until(lambda: self.dropped() > 1000, 30, "what cannot be kept is counted")
        wait_until(lambda: "quota" in self.tend.own_log(), 5, "it is said")
        sh("btrfs", "qgroup", "limit", "none", self.logs)
        gap = wait_until(lambda: self.tend.gaps("gen"), 20, "the gap is marked")
        time.sleep(0.5)
        total = self.end()
        self.assertIn("quota", gap[-1])
        numbers = self.numbers()
        self.assertEqual(numbers[-1], total)
        self.assertEqual(len(numbers) + self.dropped(), total)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    main()
