"""What a worker wrote just before it died is on disk, however it died."""
import unittest

from harness import TendTest, main, wait_until, worker

RUNS = 15
LINES = 20_000


class LastWordsTest(TendTest):
    def run_once(self, how):
        app = f"burst-{how}"
        self.tend.config({"name": app, "script": worker("lines"), "interpreter": "none",
                          "args": [str(LINES), how], "autorestart": False})
        self.tend.run("start", "tend.yaml", "--no-wait")
        wait_until(lambda: self.tend.worker(app)["last_exit"], 20, "it has ended")
        records = wait_until(lambda: (lambda r: r if len(r) >= LINES else None)(self.tend.records(app)),
                             10, f"{LINES} lines are on disk")
        numbers = {"out": [], "err": []}
        for record in records:
            _, stream, number, length, padding = record.text.decode().split(" ", 4)
            self.assertEqual(len(padding), int(length))
            numbers[stream].append(int(number))
        self.assertEqual(numbers["out"], list(range(LINES // 2)))
        self.assertEqual(numbers["err"], list(range(LINES // 2)))
        self.tend.ok("delete", app)
        self.tend.ok("flush", app) if self.known(app) else None
        for file in self.tend.log_files(app):
            file.unlink()

    def known(self, app):
        return any(a["name"] == app for a in self.tend.list())

    def test_a_burst_before_exit(self):
        for _ in range(RUNS):
            self.run_once("exit")

    def test_a_burst_before_abort(self):
        for _ in range(RUNS):
            self.run_once("abort")

    def test_a_line_without_its_newline(self):
        self.tend.write("half.sh", "printf 'whole\\nhalf'; exit 0\n")
        self.tend.config({"name": "half", "script": "./half.sh", "autorestart": False})
        self.tend.run("start", "tend.yaml", "--no-wait")
        wait_until(lambda: self.tend.texts("half") == ["whole", "half"], 10, "both lines are on disk")

    def test_a_child_that_outlives_the_worker_may_still_speak(self):
        """Exit is what the kernel says, not the end of the pipe; the pipe is read for a while."""
        self.tend.write("parent.sh", "echo parent\nsetsid sh -c 'sleep 0.2; echo child' &\nexit 1\n")
        self.tend.config({"name": "family", "script": "./parent.sh", "autorestart": False})
        self.tend.run("start", "tend.yaml", "--no-wait")
        wait_until(lambda: self.tend.worker("family")["last_exit"], 5)
        wait_until(lambda: "parent" in self.tend.texts("family"), 5)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    main()
