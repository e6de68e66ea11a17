"""Any of tend's processes dies while workers share a port, also in the middle of a reload: clients do not notice."""
import os
import signal
import subprocess
import time

from cluster import ClusterTest
from harness import main, wait_until

RELOAD = {"settle": "500ms", "drain": "300ms"}


class PortsSurvivalTest(ClusterTest):
    BALANCE = "shared"

    def servers(self):
        """Pids of all processes that are workers of the app, also those that a reload has begun."""
        return {pid for pid, name in self.tend.processes().items() if name == "node"}

    def settled(self):
        """Two workers, and nothing that an interrupted reload has left behind."""
        self.assert_online(2)
        wait_until(lambda: self.servers() == set(self.tend.pids("web").values()), 20, "two processes are left")

    def interrupted(self, role, after):
        """Kills `role` so many seconds after a reload has begun."""
        reload = self.tend.spawn("reload", "web", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(after)
        os.kill(self.tend.daemon(role), signal.SIGKILL)
        reload.wait(timeout=60)
        return reload.returncode

    def test_the_core_dies_in_the_middle_of_a_reload(self):
        self.start_web(instances=2, balance=self.BALANCE, reload=RELOAD)
        loads = [self.load(rate=1000), self.load(close=True, rate=300)]
        for after in (0.05, 0.2, 0.5, 0.8, 0.9, 1.1, 1.3, 1.6):
            # Whoever asked does not hear what came of it, and is not told that all is well, unless
            # it is: the core died before it was asked, or after the reload.
            before = set(self.tend.pids("web").values())
            code = self.interrupted("tend-core", after)
            self.assertIn(code, (5, 0))
            self.settled()
            if code == 0:
                self.assertFalse(set(self.tend.pids("web").values()) & before, after)
        before = self.tend.pids("web")
        self.reload()
        self.assertFalse(set(self.tend.pids("web").values()) & set(before.values()))
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_the_sidecar_dies_in_the_middle_of_a_reload(self):
        self.start_web(instances=2, balance=self.BALANCE, reload=RELOAD)
        loads = [self.load(rate=1000), self.load(close=True, rate=300)]
        for after in (0.1, 0.7, 1.1):
            self.assertEqual(self.interrupted("tend-sidecar", after), 0)
        self.settled()
        self.assert_none_failed(*[load.stop() for load in loads])


class PortsSurvivalRoundRobinTest(PortsSurvivalTest):
    """The core is in between here: clients wait while it is away."""
    BALANCE = "round_robin"

    # What it had accepted and not handed over yet is lost with it: one connection a worker at most.
    test_the_core_dies_in_the_middle_of_a_reload = None

    def test_the_core_dies_and_connections_wait(self):
        self.start_web(instances=2, balance=self.BALANCE, reload=RELOAD)
        with self.load(close=True, rate=300) as load:
            for _ in range(5):
                core = self.tend.daemon("tend-core")
                os.kill(core, signal.SIGKILL)
                wait_until(lambda core=core: self.tend.daemon("tend-core") != core, 5, "another core")
                time.sleep(0.3)
            result = load.stop()
        self.assertLessEqual(result["failed"], 10, result)
        self.assertGreater(result["requests"], 100, result)
        self.reload()


class AllDeadTest(ClusterTest):
    def kill_all(self):
        for pid in [self.tend.daemon(name) for name in ("tendd", "tend-core", "tend-sidecar")]:
            os.kill(pid, signal.SIGKILL)

    def test_all_of_tend_dies_and_is_started_again(self):
        """The workers serve on; the next tend knows their port and their channels."""
        before = self.start_web(instances=2, reload=RELOAD)
        loads = [self.load(rate=1000), self.load(close=True, rate=300)]
        self.kill_all()
        time.sleep(1)
        self.assertEqual(self.ask()[0], 200)
        self.start("tend.yaml")
        self.assertEqual(self.tend.pids("web"), before)
        self.reload()
        self.assertFalse(set(self.tend.pids("web").values()) & set(before.values()))
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_all_of_tend_dies_in_the_middle_of_a_reload(self):
        self.start_web(instances=2, reload=RELOAD)
        with self.load(rate=500) as load:
            self.tend.spawn("reload", "web", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.3)
            self.kill_all()
            time.sleep(0.5)
            self.start("tend.yaml")
            self.assert_online(2)
            wait_until(lambda: sum(name == "node" for name in self.tend.processes().values()) == 2, 20,
                       "the process that the reload had begun is gone")
            self.assert_none_failed(load.stop())


if __name__ == "__main__":
    main()
