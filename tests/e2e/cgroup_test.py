"""Of a worker that has a control group of its own, the kernel's numbers of that group. tend makes
none: a script, a runtime or the test here puts a worker into one."""
import os
import signal
import subprocess

from harness import TendTest, main, own_mounts, wait_until

ROOT = "/sys/fs/cgroup"

# Three that want one CPU, at SIGUSR1, until they have had a tenth of a second of it each.
BUSY = """import os, signal, time
def burst(*_):
    for _ in range(3):
        if os.fork() == 0:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            while time.process_time() < 0.1:
                pass
            os._exit(0)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, burst)
while True:
    signal.pause()
"""


def read(path):
    with open(path) as file:
        return file.read()


def waited(group, resource="cpu"):
    """Seconds, from the line "some avg10=0.00 avg60=0.00 avg300=0.00 total=123"."""
    return int(read(f"{group}/{resource}.pressure").split("\n")[0].rpartition("total=")[2]) / 1e6


class CgroupTest(TendTest):
    def make_group(self):
        """A group of the unified hierarchy, which is mounted where tend looks for it."""
        if not os.path.exists(ROOT + "/cgroup.procs"):
            # Both hierarchies side by side, or none at all: a place of our own for this one.
            if not own_mounts():
                self.skipTest("/sys/fs/cgroup is not the unified hierarchy, and this user mounts nothing")
            if subprocess.run(["mount", "-t", "cgroup2", "none", ROOT], stderr=subprocess.DEVNULL).returncode != 0:
                self.skipTest("this kernel has no unified hierarchy of control groups")
        group = f"{ROOT}/tend-test-{os.getpid()}"
        try:
            os.mkdir(group)
        except OSError as error:
            self.skipTest(f"no control group can be made: {error}")
        self.groups.append(group)
        try:
            waited(group)
        except OSError as error:
            self.skipTest(f"this kernel does not count pressure: {error}")
        return group

    def setUp(self):
        self.groups = []
        self.addCleanup(lambda: [os.rmdir(group) for group in self.groups])  # behind the end of their workers
        super().setUp()

    def pressure(self, slot=0, resource="cpu"):
        return self.tend.metric("tend_worker_pressure_waiting_seconds_total", app="busy", worker=str(slot),
                                resource=resource)

    def move(self, pid, group):
        with open(group + "/cgroup.procs", "w") as procs:
            procs.write(str(pid))

    def test_pressure_is_the_kernels_number(self):
        group = self.make_group()
        self.tend.write("busy.py", BUSY)
        self.tend.config({"name": "busy", "script": "busy.py", "instances": 2}, metrics={"level": "full"})
        self.start("tend.yaml")
        own, other = self.tend.pids("busy").values()
        self.move(own, group)
        os.kill(own, signal.SIGUSR1)
        wait_until(lambda: waited(group) > 0.1 and read(group + "/cgroup.procs").split() == [str(own)], 20,
                   "three have waited for one another, and ended")
        least = waited(group)
        # It is looked there every 15 s.
        number = wait_until(lambda: (number := self.pressure()) and number >= least and number, 40, "it is told")
        self.assertLessEqual(number, waited(group))
        for resource in ("memory", "io"):
            self.assertLessEqual(self.pressure(resource=resource), waited(group, resource))
        self.assertIsNone(self.pressure(1), "the other one's group is everybody's")
        self.move(other, group)
        wait_until(lambda: self.pressure() is None and self.pressure(1) is None, 40, "they share a group")


if __name__ == "__main__":
    main()
