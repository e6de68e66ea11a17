"""What a worker is born with, and what is left when it is stopped."""
import os
import re
import time
import unittest

from harness import TendTest, alive, main, wait_until, worker


class BirthTest(TendTest):
    def born(self, **more):
        self.tend.config({"name": "born", "script": worker("inherited"), "interpreter": "none", **more})
        self.start("tend.yaml")
        return wait_until(lambda: (lambda t: t if "done" in t else None)(self.tend.texts("born")))

    def test_three_descriptors_and_no_more(self):
        texts = self.born()
        fds = {int(t.split()[1]): t.split(" ", 2)[2] for t in texts if t.startswith("fd ")}
        self.assertEqual(set(fds), {0, 1, 2}, fds)
        self.assertEqual(fds[0], "/dev/null")
        self.assertTrue(fds[1].startswith("pipe:"))
        self.assertTrue(fds[2].startswith("pipe:"))
        self.assertNotEqual(fds[1], fds[2])

    def test_own_session_clean_signals_and_the_keeper_as_parent(self):
        texts = self.born()
        pid, sid, pgid, ppid = map(int, re.findall(r"\d+", next(t for t in texts if t.startswith("pid "))))
        self.assertEqual((sid, pgid), (pid, pid))
        self.assertEqual(ppid, self.tend.daemon("tendd"))
        self.assertEqual([t for t in texts if t.startswith(("blocked", "ignored"))], [])

    def test_environment_that_pm2_gives(self):
        self.tend.write("env.sh", 'echo "$TEND_APP $TEND_WORKER $NODE_APP_INSTANCE $name $pm_id $MINE"\n'
                                  "exec sleep 60\n")
        self.tend.config({"name": "env", "script": "./env.sh", "instances": 2, "env": {"MINE": "yes"}})
        self.start("tend.yaml")
        lines = wait_until(lambda: (lambda t: t if len(t) == 2 else None)(sorted(self.tend.texts("env"))))
        ids = [self.tend.worker("env", s)["id"] for s in (0, 1)]
        self.assertEqual(lines, [f"env 0 0 env {ids[0]} yes", f"env 1 1 env {ids[1]} yes"])

    def test_another_user(self):
        if os.getuid() != 0:
            self.skipTest("only root may choose")
        os.chmod(self.tend.home, 0o755)
        self.tend.write("who.sh", "id -un; id -gn; id -Gn\nexec sleep 60\n", mode=0o755)
        self.tend.config({"name": "who", "script": "./who.sh", "uid": "nobody"})
        self.start("tend.yaml")
        wait_until(lambda: self.tend.texts("who") == ["nobody", "nogroup", "nogroup"], 5)
        code, _, err = self.tend.run("start", "who.sh", "--name", "x", "--uid", "no-such-user")
        self.assertNotEqual(code, 0)
        self.assertIn("no-such-user", err)

    def test_a_worker_may_open_its_stdout_again(self):
        """/dev/stdout of a worker of another user: the pipe belongs to it."""
        self.tend.write("again.sh", "echo through /dev/stdout > /dev/stdout\n"
                                    "echo through /dev/stderr > /dev/stderr\nexec sleep 60\n", mode=0o755)
        os.chmod(self.tend.home, 0o755)
        app = {"name": "again", "script": "./again.sh"}
        self.tend.config({**app, "uid": "nobody"} if os.getuid() == 0 else app)
        self.start("tend.yaml")
        wait_until(lambda: sorted(self.tend.texts("again")) == ["through /dev/stderr", "through /dev/stdout"], 5)


class DeathTest(TendTest):
    def pids_in(self, name):
        return [int(p) for p in (self.tend.home / name).read_text().split()]

    def test_the_whole_tree_is_stopped(self):
        self.tend.write("tree.sh", "sh -c 'echo $$ >> pids; sleep 100 & echo $! >> pids; wait' &\n"
                                   "setsid sh -c 'echo $$ >> pids; exec sleep 100' &\n"
                                   "echo $$ >> pids\nwait\n")
        self.tend.config({"name": "tree", "script": "./tree.sh"})
        self.start("tend.yaml")
        pids = wait_until(lambda: (lambda p: p if len(p) == 4 else None)(self.pids_in("pids")))
        self.tend.ok("stop", "tree")
        wait_until(lambda: not any(alive(p) for p in pids), 5, "all four have ended")

    def test_a_worker_that_ignores_the_signal_is_killed(self):
        self.tend.write("deaf.sh", "trap '' INT TERM\nwhile :; do sleep 0.1; done\n")
        self.tend.config({"name": "deaf", "script": "./deaf.sh", "kill_timeout": "500ms"})
        self.start("tend.yaml")
        begun = time.monotonic()
        self.tend.ok("stop", "deaf")
        took = time.monotonic() - begun
        self.assertGreaterEqual(took, 0.45)
        self.assertLess(took, 5)
        self.assertEqual(self.tend.worker("deaf")["last_exit"]["signal"], "SIGKILL")

    def test_another_kill_signal(self):
        self.tend.write("term.sh", "trap 'echo got term; exit 0' TERM\ntrap 'echo got int' INT\n"
                                   "while :; do sleep 0.05; done\n")
        self.tend.config({"name": "term", "script": "./term.sh", "kill_signal": "SIGTERM"})
        self.start("tend.yaml")
        self.tend.ok("stop", "term")
        wait_until(lambda: "got term" in self.tend.texts("term"), 5)
        self.assertNotIn("got int", self.tend.texts("term"))

    def test_the_daemons_hold_no_descriptor_of_a_deleted_app(self):
        def count():
            return {n: len(os.listdir(f"/proc/{self.tend.daemon(n)}/fd"))
                    for n in ("tendd", "tend-core", "tend-sidecar")}
        self.tend.config({"name": "keep", "script": worker("idle"), "interpreter": "none"})
        self.start("tend.yaml")
        self.tend.list()
        before = count()
        for _ in range(3):
            self.start(worker("idle"), "--name", "many", "-i", "20", "--interpreter", "none")
            self.tend.ok("delete", "many")
        wait_until(lambda: all(count()[n] <= before[n] + 1 for n in before), 10,
                   f"descriptors are given back: {before}")


if __name__ == "__main__":
    main()
