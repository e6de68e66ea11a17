"""What a real tailer sees of files that we rotate: rsyslog's imfile, as Debian has it."""
import time
import unittest

from harness import TendTest, main, wait_until
from rsyslog import GENERATOR, RSYSLOGD, start_rsyslogd

LINES = 20_000
ROTATIONS = 7
RECORD, SEGMENT = 105, 272  # bytes, KiB

CONFIG = """
global(workDirectory="{folder}")
module(load="imfile" mode="inotify")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="keep") {{ action(type="omfile" file="{folder}/got" template="line") }}
input(type="imfile" file="{logs}/gen/*.log" tag="gen" ruleset="keep")
"""


@unittest.skipIf(RSYSLOGD is None, "needs rsyslogd")
class TailerTest(TendTest):
    def test_it_sees_every_line_once(self):
        logs, folder = self.tend.home / "logs", self.tend.home / "rsyslog"
        got = folder / "got"
        (logs / "gen").mkdir(parents=True)
        start_rsyslogd(self, self.tend.write("rsyslog/rsyslog.conf", CONFIG.format(folder=folder, logs=logs)), logs / "gen")
        self.tend.write("gen.py", GENERATOR, 0o755)
        self.tend.config({"name": "gen", "script": "./gen.py", "logs": {"max_size": f"{SEGMENT}K"},
                          "args": [str(a) for a in (LINES, got, RECORD, SEGMENT * 1024 // RECORD // 2)]})
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
