"""Reload: new workers take the place of old ones while clients ask; none of them is let down."""
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from cluster import LISTEN, ClusterTest
from harness import alive, main, own_network, wait_until
from load import explain

# Enough for clients that ask every 16 ms on each of their connections.
FAST = {"settle": "100ms", "drain": "100ms", "parallel": 4}
MIGRATE = pathlib.Path("/proc/sys/net/ipv4/tcp_migrate_req")


class UnderLoadTest(ClusterTest):
    BALANCE = "shared"
    ROW = 20

    def loads(self, kept=2000, closed=1000):
        """Clients that keep their connections, and some with one for each request."""
        return [self.load(rate=kept), self.load(close=True, rate=closed)]

    def checked_reload(self, before):
        """A reload after which every worker is another one, and it is the new release that answers."""
        said, seconds = self.reload()
        after = self.tend.pids("web")
        self.assertEqual(len(after), len(before), said)
        self.assertFalse(set(after.values()) & set(before.values()), f"{before} {after} {said}")
        return after, seconds

    def test_four_workers(self):
        """As it is out of the box, without a key under `reload`."""
        before = self.start_web(balance=self.BALANCE)
        loads = self.loads()
        time.sleep(0.5)
        self.release(2)
        after, _ = self.checked_reload(before)
        self.assertEqual(self.ask("/release")[2], "2")
        done = time.monotonic()
        time.sleep(0.5)
        results = [load.stop() for load in loads]
        self.assert_none_failed(*results)
        for result in results:
            late = {pid for pid, seen in result["pids"].items() if seen["last"] > done + 0.2}
            self.assertLessEqual(late, set(after.values()))
            self.assertTrue(set(result["pids"]) & set(before.values()))
        self.assertFalse([pid for pid in before.values() if alive(pid)])

    def test_many_in_a_row(self):
        pids = self.start_web(balance=self.BALANCE, reload=FAST)
        loads = self.loads()
        for number in range(self.ROW):
            self.release(number)
            pids, _ = self.checked_reload(pids)
            self.assertEqual(self.ask("/release")[2], str(number))
        self.assert_none_failed(*[load.stop() for load in loads], least=200 * self.ROW)
        self.assertEqual([w["restarts_by_reason"].get("crash", 0) for w in self.tend.app("web")["workers"]], [0] * 4)

    def test_slow_responses_are_finished(self):
        before = self.start_web(balance=self.BALANCE, reload=FAST)
        loads = [self.load(connections=40, path="/slow"), self.load(connections=40, path="/slow", close=True)]
        time.sleep(0.5)
        self.checked_reload(before)
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_a_crash_in_the_middle(self):
        """What the killed one had accepted is lost with it; nobody else's, and the reload gets through."""
        before = self.start_web(balance=self.BALANCE, reload={"parallel": 1}, env=self.accepted())
        loads = self.loads()
        time.sleep(0.5)
        victim = before[3]  # the last in turn
        reload = self.tend.spawn("reload", "web", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(0.5)
        os.kill(victim, signal.SIGKILL)
        said = reload.communicate(timeout=60)[0].decode()
        self.assertEqual(reload.returncode, 0, said)
        workers = self.assert_online(4)
        self.assertFalse({w["pid"] for w in workers} & set(before.values()), said)
        results = [load.stop() for load in loads]
        self.assert_only_those_of(victim, *results)

    def accepted(self):
        folder = self.tend.home / "accepted"
        folder.mkdir()
        return {"ACCEPTED": str(folder)}

    def assert_only_those_of(self, victim, *results):
        theirs = self.accepted_by(victim)
        for result in results:
            self.assertGreater(result["requests"], 100)
            self.assertEqual(result["failed"], result["before_response"] + result["mid_response"], explain(result))
            strangers = [f for f in result["failures"] if f["port"] not in theirs]
            # One may be accepted by the kernel's account and not yet by the program's.
            self.assertLessEqual(len(strangers), 1, f"{strangers} {explain(result)}")

    def test_two_at_once(self):
        """The second waits, or is refused and says so."""
        before = self.start_web(balance=self.BALANCE, reload=FAST)
        loads = self.loads()
        both = [self.tend.spawn("reload", "web", stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
        said = [one.communicate(timeout=60)[0].decode() for one in both]
        codes = sorted(one.returncode for one in both)
        self.assertIn(codes, ([0, 0], [0, 1]), said)
        if codes == [0, 1]:
            refused = next(text for one, text in zip(both, said) if one.returncode == 1)
            self.assertIn("reload", refused)
        after = {w["pid"] for w in self.assert_online(4)}
        self.assertFalse(after & set(before.values()))
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_as_fast_as_it_can(self):
        """No worker is ever idle: those that go have work to the last moment."""
        pids = self.start_web(balance=self.BALANCE, instances=2, listen_timeout=20000)
        loads = [self.load(connections=24), self.load(connections=8, close=True)]
        time.sleep(0.5)
        for _ in range(2):
            pids, _ = self.checked_reload(pids)
        self.assert_none_failed(*[load.stop() for load in loads], least=1000)

    @unittest.skipIf(shutil.which("wrk") is None, "wrk is not installed")
    def test_wrk_sees_no_error(self):
        before = self.start_web(balance=self.BALANCE, instances=2)
        runs = [subprocess.Popen(["wrk", "-t1", "-c16", "-d5s", *header, f"http://{self.target}/"],
                                 stdout=subprocess.PIPE, text=True) for header in ([], ["-H", "Connection: close"])]
        time.sleep(0.5)
        self.checked_reload(before)
        for run in runs:
            out = run.communicate(timeout=30)[0]
            self.assertIn("requests in", out)
            self.assertNotIn("Socket errors", out)
            self.assertNotIn("Non-2xx", out)


class RoundRobinTest(UnderLoadTest):
    BALANCE = "round_robin"


class ReuseportTest(UnderLoadTest):
    """In a network of the test's own, where connections of a closed socket go to another one."""
    BALANCE, ROW = "reuseport", 5
    test_wrk_sees_no_error = None
    # A crash takes the queue of its socket along.
    test_a_crash_in_the_middle = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not own_network() or not MIGRATE.exists():
            raise unittest.SkipTest("no network of its own is allowed here")

    def setUp(self):
        super().setUp()
        MIGRATE.write_text("1")

    def test_it_is_said_when_connections_do_not_move(self):
        def said():
            _, err = self.start("tend.yaml")
            return err
        self.release(1)
        self.tend.config(self.config(instances=1, balance="reuseport"))
        self.assertNotIn("tcp_migrate_req", said())
        self.tend.ok("delete", "web")
        MIGRATE.write_text("0")
        self.assertIn("tcp_migrate_req", said())


class BadReleaseTest(ClusterTest):
    """A release that is no good: exit code 7, the old workers serve, and no client has noticed."""
    BALANCE = "shared"

    def refused(self, broken, said=None, restored=False, good=LISTEN, **more):
        """Old pids serve on after a reload to this; the next, good one gets through."""
        before = self.start_web(start=good, balance=self.BALANCE, **more)
        loads = [self.load(rate=1500), self.load(close=True, rate=700)]
        time.sleep(0.3)
        self.release(666, broken)
        text, _ = self.reload(code=7)
        done = time.monotonic()
        if said:
            self.assertIn(said, text)
        self.assertEqual(self.tend.pids("web"), before, text)
        self.assert_online(len(before))
        time.sleep(0.5)
        results = [load.stop() for load in loads]
        self.assert_none_failed(*results)
        for result in results:
            self.assertLessEqual(set(result["pids"]), set(before.values()), "it has never served")
            self.assertTrue(any(seen["last"] > done for seen in result["pids"].values()))
        self.assertEqual(self.ask("/release")[2], "1")
        if restored:
            self.release(2, good)
            self.reload()
            self.assertEqual(self.ask("/release")[2], "2")
            self.assertFalse(set(self.tend.pids("web").values()) & set(before.values()))

    def test_it_throws_at_load(self):
        self.refused("throw new Error('this release is broken');", "this release is broken", restored=True)

    def test_a_syntax_error(self):
        self.refused("server.listen((;", "SyntaxError")

    def test_it_listens_nowhere(self):
        self.refused("setInterval(() => {}, 1000);", listen_timeout=1500)

    def test_it_never_says_that_it_is_ready(self):
        ready = "server.listen(process.env.PORT, () => { if (release === 666) return; process.send('ready'); });"
        self.refused(ready, good=ready, wait_ready=True, listen_timeout=1500)

    def test_its_health_path_never_answers(self):
        self.refused("server.removeAllListeners('request'); server.on('request', (q, s) => "
                     "{ s.statusCode = 503; s.end(); });" + LISTEN, ready={"http": "/", "timeout": "1500ms"})

    def test_it_exits_after_it_was_ready(self):
        self.refused("server.listen(process.env.PORT, () => setTimeout(() => process.exit(7), 400));", "7")

    def test_it_is_killed_after_it_was_ready(self):
        self.refused("server.listen(process.env.PORT, () => setTimeout(() => process.kill(process.pid, 'SIGSEGV'), "
                     "400));", "SIGSEGV")

    def test_the_file_is_gone(self):
        before = self.start_web(instances=2)
        (self.tend.home / "server.js").rename(self.tend.home / "away.js")
        with self.load(rate=500) as load:
            self.reload(code=7)
            self.assert_none_failed(load.stop(), least=10)
        self.assertEqual(self.tend.pids("web"), before)


class InterruptedTest(ClusterTest):
    """Something else happens while a reload is on its way."""

    def begun(self, drain="200ms"):
        before = self.start_web(reload={"settle": "500ms", "drain": drain})
        reload = self.tend.spawn("reload", "web", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_until(lambda: len(self.node_processes()) > 4, 10)
        return before, reload

    def node_processes(self):
        return {pid for pid, name in self.tend.processes().items() if name in ("node", "MainThread") and alive(pid)}

    def ended(self, reload):
        said = reload.communicate(timeout=30)[0].decode()
        return reload.returncode, said

    def test_a_stop(self):
        _, reload = self.begun()
        self.tend.ok("stop", "web")
        self.assertEqual({w["state"] for w in self.tend.app("web")["workers"]}, {"stopped"})
        wait_until(lambda: not self.node_processes(), 5)
        code, said = self.ended(reload)
        self.assertTrue(code == 0 or said, "it says what became of it")

    def test_a_deletion(self):
        _, reload = self.begun()
        self.tend.ok("delete", "web")
        wait_until(lambda: not self.node_processes(), 5)
        self.assertEqual(self.tend.list(), [])
        self.ended(reload)

    def core_dies(self, drain, when):
        """A core after it has neither too many workers nor too few, and the next reload is as any other."""
        before, reload = self.begun(drain=drain)
        loads = [self.load(rate=500), self.load(close=True, rate=300), self.load(connections=40, path="/slow")]
        wait_until(lambda: when(before), 10, interval=0.005)
        core = self.tend.daemon("tend-core")
        os.kill(core, signal.SIGKILL)
        wait_until(lambda: self.tend.daemon("tend-core") != core, 10)
        self.ended(reload)
        pids = {w["pid"] for w in self.assert_online(4)}
        wait_until(lambda: self.node_processes() == pids, 10, "nobody else is left of the reload")
        self.reload()
        pids = {w["pid"] for w in self.assert_online(4)}
        wait_until(lambda: self.node_processes() == pids, 10)
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_the_death_of_core_while_the_first_one_starts(self):
        self.core_dies("200ms", lambda before: True)

    def test_the_death_of_core_while_an_old_one_has_its_last_responses(self):
        self.core_dies("1500ms", lambda before: self.tend.pids("web")[0] != before[0])

    def test_ctrl_c_of_the_command(self):
        """Who waits for it goes; the reload goes on."""
        before, reload = self.begun()
        reload.send_signal(signal.SIGINT)
        self.assertEqual(self.ended(reload)[0], 130)
        wait_until(lambda: not set(self.tend.pids("web").values()) & set(before.values()), 20)
        pids = {w["pid"] for w in self.assert_online(4)}
        wait_until(lambda: self.node_processes() == pids, 10)

    def test_a_release_that_fails_in_one_worker_only(self):
        before = self.start_web(reload={"settle": "200ms"})
        loads = [self.load(rate=1000), self.load(close=True, rate=500)]
        self.release(2, "if (process.env.NODE_APP_INSTANCE === '2') throw new Error('not here');" + LISTEN)
        said, _ = self.reload(code=7)
        self.assertIn("not here", said)
        self.assert_online(4)
        self.assertEqual(self.tend.pids("web")[2], before[2])
        self.assert_none_failed(*[load.stop() for load in loads])


class BadReleaseRoundRobinTest(BadReleaseTest):
    BALANCE = "round_robin"
    test_a_syntax_error = test_it_is_killed_after_it_was_ready = test_the_file_is_gone = None
    test_it_never_says_that_it_is_ready = test_its_health_path_never_answers = None


class SignalTest(ClusterTest):
    def test_old_handlers_of_pm2_still_work(self):
        """As PM2's manual has it: SIGINT, server.close(), process.exit()."""
        before = self.start_web(start=LISTEN + "process.on('SIGINT', () => server.close((e) => process.exit(e ? 1 : 0)));"
                                "process.on('exit', (code) => console.log('exit', code));", reload=FAST, instances=2)
        loads = [self.load(rate=1000), self.load(close=True, rate=500)]
        self.reload()
        self.assert_none_failed(*[load.stop() for load in loads])
        wait_until(lambda: sum(text.startswith("exit") for text in self.tend.texts("web")) == 2, 5)
        self.assertFalse(any(alive(pid) for pid in before.values()))

    def test_a_worker_that_does_not_want_to_go(self):
        """A connection without an end holds no reload up for longer than kill_timeout."""
        before = self.start_web(start="process.on('SIGINT', () => {});" + LISTEN, reload=FAST, instances=2,
                                kill_timeout=1000)
        with self.load(rate=500) as load:
            self.assert_bounded(20, self.reload)
            self.assert_none_failed(load.stop(), least=10)
        wait_until(lambda: not any(alive(pid) for pid in before.values()), 10)


if __name__ == "__main__":
    main()
