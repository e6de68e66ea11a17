"""A real rsyslogd that reads files of tend, and an app that does not run away from it: a reader that is
more than a segment behind misses one when two are sealed at once, as after a disk stood still."""
import os
import pathlib
import shutil
import subprocess

from harness import wait_until

RSYSLOGD = shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")

# LINES FILE SIZE AHEAD: 2,000 lines a second; records of 105 bytes. It waits while it is more than AHEAD
# lines before the reader, of whom FILE has SIZE bytes a line; but 20 s in all, as some may be lost.
GENERATOR = """#!/usr/bin/python3
import os, sys, time
file = sys.argv[2]
lines, size, ahead = (int(sys.argv[i]) for i in (1, 3, 4))
patience = 1000
for n in range(lines):
    sys.stdout.write(f'line {n:06} ' + 'x' * 46 + '\\n')
    if n % 20 == 19:
        sys.stdout.flush()
        time.sleep(0.01)
        while patience and n - (os.path.getsize(file) if os.path.exists(file) else 0) // size > ahead:
            patience -= 1
            time.sleep(0.02)
time.sleep(600)
"""


def start_rsyslogd(test, config, folder):
    """Ends with the test. Returns when it watches `folder`."""
    process = subprocess.Popen([RSYSLOGD, "-n", "-f", config, "-i", config.parent / "pid"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    test.addCleanup(stop, process)
    inode = f" ino:{folder.stat().st_ino:x} "
    wait_until(lambda: any(line.startswith("inotify") and inode in line
                           for fd in pathlib.Path(f"/proc/{process.pid}/fdinfo").iterdir()
                           for line in fd.read_text().splitlines()), what="rsyslogd watches the folder")


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
