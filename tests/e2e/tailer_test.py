"""What a real tailer sees of files that we rotate: rsyslog's imfile, as Debian has it."""
import os
import shutil
import subprocess
import time
import unittest

from harness import TendTest, main, wait_until

LINES = 20_000
ROTATIONS = 7
RSYSLOGD = shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")

# 2,000 lines a second; a record of 105 bytes.
WORKER = f"""#!/usr/bin/python3
import sys, time
for n in range({LINES}):
    sys.stdout.write(f'line {{n:06}} ' + 'x' * 46 + '\\n')
    if n % 20 == 19:
        sys.stdout.flush()
        time.sleep(0.01)
time.sleep(600)
"""

CONFIG = """
global(workDirectory="{folder}")
module(load="imfile" mode="inotify")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="keep") {{ action(type="omfile" file="{folder}/got" template="line") }}
input(type="imfile" file="{logs}/gen/*.log" tag="gen" ruleset="keep")
"""


@unittest.skipIf(RSYSLOGD is None, "needs rsyslogd")
class TailerTest(TendTest):
    def start_tailer(self):
        folder = self.tend.home / "rsyslog"
        folder.mkdir()
        config = self.tend.write("rsyslog/rsyslog.conf",
                                 CONFIG.format(folder=folder, logs=self.tend.home / "logs"))
        tailer = subprocess.Popen([RSYSLOGD, "-n", "-f", config, "-i", folder / "pid"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop_tailer, tailer)
        return folder / "got"

    @staticmethod
    def stop_tailer(tailer):
        tailer.terminate()
        try:
            tailer.wait(10)
        except subprocess.TimeoutExpired:
            tailer.kill()
            tailer.wait()

    def test_it_sees_every_line_once(self):
        (self.tend.home / "logs" / "gen").mkdir(parents=True)
        got = self.start_tailer()
        self.tend.write("gen.py", WORKER, 0o755)
        self.tend.config({"name": "gen", "script": "./gen.py", "logs": {"max_size": "272K"}})
        time.sleep(1)  # until it watches the folder
        self.start("tend.yaml")
        wait_until(lambda: len(self.tend.records("gen")) == LINES, 60, "all lines are written", interval=0.5)
        rotations = self.tend.metric("tend_app_log_rotations_total", app="gen", reason="size")
        self.assertEqual(rotations, ROTATIONS)
        try:
            wait_until(lambda: got.read_bytes().count(b"\n") >= LINES, 15, "the tailer is done", interval=0.5)
            time.sleep(2)  # what it would read twice
        except AssertionError:
            pass  # what it lost is said below
        seen = [int(line.split()[5]) for line in got.read_text().splitlines()]
        lost, doubled = LINES - len(set(seen)), len(seen) - len(set(seen))
        self.assertEqual((lost, doubled), (0, 0))
        self.assertEqual(seen, sorted(seen))


if __name__ == "__main__":
    main()
