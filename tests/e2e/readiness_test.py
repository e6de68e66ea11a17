"""When a worker counts as up, when as sick, and what restarts it besides a crash."""
import os
import signal
import time

from cluster import ClusterTest
from harness import PATIENCE, TendTest, alive, free_port, main, wait_until
from load import Load, explain

# Gets sick, fat or deaf when it is asked to.
NODE = """
const http = require('http');
let healthy = true;
const kept = [];
http.createServer((request, response) => {
  response.setHeader('X-Pid', String(process.pid));
  const url = request.url;
  if (url === '/sick') healthy = false;
  if (url === '/block') { const end = Date.now() + 60000; while (Date.now() < end); }
  if (url === '/eat') for (let i = 0; i < 150; ++i) kept.push(Buffer.alloc(1 << 20, 1));
  if (url === '/health' && !healthy) response.statusCode = 500;
  response.end('ok');
}).listen(process.env.PORT);
"""


def when_let(javascript):
    """That is done as soon as the test lets it."""
    return ("const let_in = setInterval(() => { if (!require('fs').existsSync('let')) return; clearInterval(let_in);"
            + javascript + "}, 20);\n")


WAIT_LET = "import os, time\nwhile not os.path.exists('let'): time.sleep(0.02)\n"
READY_WHEN_LET = NODE + when_let("process.send('ready');")

NOTIFY = """#!/usr/bin/python3
import os, socket, time
def say(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        path = os.environ['NOTIFY_SOCKET']
        s.connect('\\0' + path[1:] if path[0] == '@' else path)
        s.send(text)
"""
READY = "say(b'STATUS=warm\\nREADY=1\\n')\n"


class ReadyTest(TendTest):
    """`tend start` returns when the worker is up, by whatever it says so."""

    def started(self, script, content, late=0.6, early=2, code=0, **more):
        """The start takes `late` seconds at least, and fewer than `early` after the worker was let. A machine
        that stands still makes that longer, but not three times running."""
        self.tend.write(script, content)
        self.port = free_port()
        self.tend.config({"name": "app", "script": f"./{script}", "env": {"PORT": str(self.port)}, **more})
        for _ in range(3):
            took = self.started_once(late, code)
            if not early or PATIENCE > 1 or took < early:
                return
            self.tend.ok("kill")
        self.fail(f"it was let, and up {took:.1f} s later")

    def started_once(self, late, code):
        """Seconds from when the worker was let until the start had ended; before that it was starting."""
        let = self.tend.home / "let"
        let.unlink(missing_ok=True)
        begun = time.monotonic()
        start = self.tend.spawn("start", "tend.yaml")
        if late:
            wait_until(lambda: self.tend.worker("app")["state"] == "starting", 10)
            time.sleep(0.6)
            self.assertIsNone(start.poll(), "it waits for the worker")
        let.touch()
        let_at = time.monotonic()
        self.assertEqual(start.wait(30 * PATIENCE), code)
        ended = time.monotonic()
        self.assertGreaterEqual(ended - begun, late)
        if code == 0:
            self.assertEqual(self.tend.worker("app")["state"], "online")
        return ended - let_at

    def test_process_send_ready(self):
        self.started("app.js", READY_WHEN_LET, wait_ready=True, listen_timeout=10000)

    def test_process_send_ready_in_a_cluster(self):
        self.started("app.js", READY_WHEN_LET, wait_ready=True, listen_timeout=10000, exec_mode="cluster", instances=2)

    def test_a_cluster_is_up_when_it_listens(self):
        self.started("app.js", when_let(NODE), exec_mode="cluster", listen_timeout=10000)

    def test_sd_notify(self):
        self.started("app.py", NOTIFY + WAIT_LET + READY + "time.sleep(600)\n", wait_ready=True, listen_timeout=10000)

    def test_http(self):
        self.started("app.js", NODE.replace("let healthy = true", "let healthy = false")
                     + when_let("healthy = true;"), ready={"http": "/health", "timeout": "10s"})

    def test_tcp(self):
        port = free_port()
        self.started("app.js", when_let(f"require('net').createServer().listen({port});"),
                     ready={"tcp": str(port), "timeout": "10s"})

    def test_log(self):
        self.started("app.py", "print('warming up', flush=True)\n" + WAIT_LET +
                     "print('Ready to serve 12 clients', flush=True)\ntime.sleep(600)\n",
                     ready={"log": r"^Ready to serve \d+ clients$", "timeout": "10s"})

    def test_who_never_says_so_counts_as_up_after_listen_timeout(self):
        """As with PM2, but it is said."""
        self.started("app.js", NODE, wait_ready=True, listen_timeout=3000, late=2.9, early=5, code=7)
        self.assertTrue(alive(self.tend.worker("app")["pid"]))
        self.assertEqual(self.tend.worker("app")["restarts"], 0)

    def test_who_is_late_for_ready_timeout_is_restarted(self):
        self.started("app.js", NODE.replace("true", "false"), ready={"http": "/health", "timeout": "500ms"}, late=0, code=7, early=None,
                     max_restarts=3)
        self.assertGreater(self.tend.worker("app")["restarts_by_reason"]["ready_timeout"], 0)

    def test_who_dies_before_it_is_ready(self):
        self.started("app.js", "setTimeout(() => { console.error('no database'); process.exit(3); }, 300);",
                     wait_ready=True, listen_timeout=10000, late=0, code=7, early=None, max_restarts=2)


class HealthTest(TendTest):
    """A worker that is sick gets a successor; one that is well is left alone."""
    FAST = {"every": "200ms", "failures": 2, "grace": "500ms", "timeout": "1s"}

    def setUp(self):
        super().setUp()
        self.port = free_port()

    def start_app(self, **more):
        self.tend.write("app.js", NODE)
        self.tend.config({"name": "app", "script": "./app.js", "env": {"PORT": str(self.port)}, **more})
        self.start("tend.yaml")
        wait_until(lambda: self.ask("/"), 5)
        return self.tend.worker("app")["pid"]

    def ask(self, path, timeout=5):
        return ClusterTest.ask(self, path)

    def restarted(self, pid, reason, timeout=15):
        def by_reason():
            worker = self.tend.worker("app")
            return worker["pid"] not in (None, pid) and worker["state"] == "online" and worker["restarts_by_reason"]
        reasons = wait_until(by_reason, timeout, f"a restart for {reason}")
        self.assertEqual({k: n for k, n in reasons.items() if n}, {reason: 1})
        wait_until(lambda: self.ask("/"), 5)
        self.assertEqual(self.tend.metric("tend_worker_restarts_total", app="app", worker="0", reason=reason), 1)

    def test_http(self):
        pid = self.start_app(health={"http": "/health", **self.FAST})
        time.sleep(1.5)
        self.assertEqual(self.tend.worker("app")["pid"], pid, "it is well")
        self.ask("/sick")
        self.restarted(pid, "unresponsive")

    def test_http_of_each_worker_of_a_cluster(self):
        self.start_app(health={"http": "/health", **self.FAST}, exec_mode="cluster", instances=2)
        before = self.tend.pids("app")
        sick = self.ask("/sick")[1]
        slot = next(s for s, pid in before.items() if pid == sick)
        wait_until(lambda: self.tend.pids("app")[slot] not in (None, sick), 15)
        time.sleep(1)
        self.assertEqual(self.tend.pids("app")[1 - slot], before[1 - slot], "the other one was well")

    def test_tcp(self):
        """A program whose port is closed while it goes on."""
        self.tend.write("app.py", "import os, signal, socket, time\n"
                        "s = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n"
                        "signal.signal(signal.SIGUSR1, lambda *_: s.close())\nwhile True: time.sleep(1)\n")
        self.tend.config({"name": "app", "script": "./app.py", "env": {"PORT": str(self.port)},
                          "ready": {"tcp": str(self.port), "timeout": "10s"},
                          "health": {"tcp": str(self.port), **self.FAST}})
        self.start("tend.yaml")
        pid = self.tend.worker("app")["pid"]
        time.sleep(1)
        self.assertEqual(self.tend.worker("app")["pid"], pid)
        os.kill(pid, signal.SIGUSR1)
        wait_until(lambda: self.tend.worker("app")["restarts_by_reason"]["unresponsive"] == 1, 15)

    def test_exec(self):
        pid = self.start_app(health={"exec": "test ! -e sick && test -n \"$TEND_PID\"", **self.FAST})
        time.sleep(1.2)
        self.assertEqual(self.tend.worker("app")["pid"], pid)
        self.tend.write("sick", "")
        wait_until(lambda: self.tend.worker("app")["restarts_by_reason"]["unresponsive"] == 1, 15)

    def test_nobody_is_restarted_for_what_dies_of_tend(self):
        """The strictest checks, while core and sidecar are killed again and again. But a machine that stands
        still for a second makes nobody sick."""
        health = {"every": "100ms", "failures": 1, "grace": "500ms", "timeout": "10s"}
        self.start_app(health={"http": "/health", **health}, exec_mode="cluster", instances=2, max_memory_restart="1G")
        before = self.tend.pids("app")
        time.sleep(1)
        for role in ("tend-sidecar", "tend-core") * 2:
            os.kill(self.tend.daemon(role), signal.SIGKILL)
            time.sleep(1.5)
        wait_until(lambda: self.tend.pids("app") == before, 10, "the same workers")
        self.assertEqual(sum(w["restarts"] for w in self.tend.app("app")["workers"]), 0)
        sick = self.ask("/sick")[1]
        wait_until(lambda: sick not in self.tend.pids("app").values(), 15)

    def test_grace(self):
        """Nothing is held against a worker that has just come up."""
        pid = self.start_app(health={"http": "/health", **self.FAST, "grace": "1m"})
        self.ask("/sick")
        time.sleep(2)
        self.assertEqual(self.tend.worker("app")["pid"], pid)

    def test_an_event_loop_that_stands_still(self):
        pid = self.start_app(health={"event_loop": "3s", "grace": 0}, kill_timeout=500)
        time.sleep(2)  # that it has reported
        with self.assertRaises(OSError):
            ask = ClusterTest.ask(self, "/block")
            self.fail(f"it answered: {ask}")
        self.restarted(pid, "unresponsive", timeout=20)

    def test_watchdog(self):
        self.tend.write("app.py", NOTIFY + READY + "for _ in range(5):\n    say(b'WATCHDOG=1')\n    time.sleep(0.3)\n"
                        "time.sleep(600)\n")
        self.tend.config({"name": "app", "script": "./app.py", "wait_ready": True,
                          "health": {"watchdog": "1s", "grace": 0}})
        self.start("tend.yaml")
        wait_until(lambda: self.tend.worker("app")["restarts_by_reason"]["unresponsive"] == 1, 15)

    def test_max_memory_restart(self):
        pid = self.start_app(max_memory_restart="120M")
        time.sleep(1)
        self.assertEqual(self.tend.worker("app")["pid"], pid)
        self.ask("/eat")
        self.restarted(pid, "memory_limit", timeout=40)

    def test_memory_of_a_cluster_is_given_back_without_a_failed_request(self):
        self.start_app(max_memory_restart="120M", exec_mode="cluster", instances=2, reload={"settle": "200ms"})
        with Load(f"127.0.0.1:{self.port}", rate=500).begun() as load:
            fat = self.ask("/eat")[1]
            wait_until(lambda: fat not in self.tend.pids("app").values(), 40)
            time.sleep(1)
            result = load.stop()
        self.assertEqual(result["failed"], 0, explain(result))


class ChangeTest(TendTest):
    """Restarts by files and by the clock."""

    def restarts(self, reason):
        return self.tend.worker("app")["restarts_by_reason"].get(reason, 0)

    def app(self, **more):
        self.tend.write("app/app.py", "import time\nprint('up', flush=True)\ntime.sleep(600)\n")
        self.tend.config({"name": "app", "script": "./app.py", "cwd": str(self.tend.home / "app"), **more})
        self.start("tend.yaml")
        return self.tend.worker("app")["pid"]

    def release(self, said):
        """In one step: half of it is no change of its own, and no worker begins with it."""
        new = self.tend.write("new.py", f"import time\nprint('{said}', flush=True)\ntime.sleep(600)\n")
        os.rename(new, self.tend.home / "app/app.py")

    def test_watch(self):
        pid = self.app(watch=True)
        self.release("new")
        wait_until(lambda: self.tend.worker("app")["pid"] not in (None, pid), 10)
        wait_until(lambda: "new" in self.tend.texts("app"), 10)
        self.assertEqual(self.restarts("watch"), 1)

    def test_a_change_during_the_restart_is_not_lost(self):
        self.app(watch=True)
        for text in ("two", "three"):
            self.release(text)
            wait_until(lambda: text in self.tend.texts("app"), 15)
        self.tend.wait_state("app", "online")
        time.sleep(2)
        self.assertEqual(self.restarts("watch"), 2)

    def test_what_tend_writes_itself_is_no_change(self):
        """Its logs and state, and PM2's files, in the folder that is watched."""
        self.tend.write("app.py", "import time\nwhile True:\n    print('up', flush=True)\n    time.sleep(0.05)\n")
        self.tend.config({"name": "app", "script": "./app.py", "watch": True, "out_file": "out.log"})
        self.start("tend.yaml")
        pid = self.tend.worker("app")["pid"]
        time.sleep(2)
        self.assertEqual(self.tend.worker("app")["pid"], pid)

    def test_watch_sees_new_folders(self):
        self.app(watch=True)
        self.tend.write("app/lib/deep/a.py", "")
        wait_until(lambda: self.restarts("watch") >= 1, 10)
        time.sleep(1)
        seen = self.restarts("watch")
        self.tend.write("app/lib/deep/a.py", "pass")
        wait_until(lambda: self.restarts("watch") > seen, 10)

    def test_ignore_watch(self):
        (self.tend.home / "app/lib").mkdir(parents=True)
        self.app(watch=True, ignore_watch=["uploads", "*.tmp"])
        for names in (("uploads/a", "x.tmp", "lib/y.tmp"), ("uploads/a", "uploads/b/c", "x.tmp", "lib/y.tmp")):
            for name in names:
                self.tend.write(f"app/{name}", str(len(names)))
            time.sleep(1.5)
            self.assertEqual(self.restarts("watch"), 0)
        self.tend.write("app/lib/y", "")
        wait_until(lambda: self.restarts("watch") >= 1, 10, "the others are seen")

    def test_node_modules_and_dot_files_are_ignored(self):
        pid = self.app(watch=True)
        for name in ("node_modules/x/index.js", ".git/HEAD", ".cache"):
            self.tend.write(f"app/{name}", "1")
        time.sleep(1.5)
        self.assertEqual(self.tend.worker("app")["pid"], pid)

    def test_many_changes_are_one_restart(self):
        self.app(watch=True, watch_delay=500)
        for _ in range(3):
            before, longest = self.restarts("watch"), 0
            for i in range(30):
                begun = time.monotonic()
                self.tend.write(f"app/{i}.txt", str(i))
                time.sleep(0.01)
                longest = max(longest, time.monotonic() - begun)
            wait_until(lambda: self.restarts("watch") > before, 10)  # noqa: B023
            time.sleep(1.5)
            if longest < 0.3:  # else the machine stood still between two of them, for nearly as long as the delay
                break
        self.assertEqual(self.restarts("watch"), before + 1)

    def test_cron(self):
        """Six fields: every two seconds."""
        self.app(cron_restart="*/2 * * * * *")
        begun = time.monotonic()
        wait_until(lambda: self.restarts("cron") >= 3, 15)
        self.assertGreater(time.monotonic() - begun, 3.5)

    def test_cron_runs_a_job_again_that_has_ended(self):
        """`autorestart: false` and a cron expression: a job, as PM2's users write it."""
        self.tend.write("job.py", "print('done', flush=True)\n")
        self.tend.config({"name": "job", "script": "./job.py", "autorestart": False, "cron_restart": "*/2 * * * * *"})
        self.start("tend.yaml", "--no-wait")
        wait_until(lambda: self.tend.texts("job").count("done") >= 3, 15)

    def test_cron_leaves_alone_what_was_stopped(self):
        """PM2 would start it again."""
        self.app(cron_restart="*/2 * * * * *")
        self.tend.ok("stop", "app")
        time.sleep(3)
        self.assertEqual(self.tend.app("app")["state"], "stopped")


class ScaleTest(ClusterTest):
    def test_one_more_and_one_less_under_load(self):
        before = self.start_web(instances=2, reload={"settle": "200ms", "drain": "200ms"})
        loads = [self.load(rate=1000), self.load(close=True, rate=500)]
        self.tend.ok("scale", "web", "+1")
        self.assert_online(3)
        pids = self.tend.pids("web")
        self.assertEqual({s: p for s, p in pids.items() if s in before}, before)
        self.tend.ok("scale", "web", "-1")
        self.assert_online(2)
        self.assertEqual(self.tend.pids("web"), before)
        self.tend.ok("scale", "web", "4")
        self.assert_online(4)
        self.tend.ok("scale", "web", "1")
        self.assert_online(1)
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_what_cannot_be(self):
        self.start_web(instances=1)
        for words in (("web", "-1"), ("web", "0"), ("web", "x"), ("none", "2")):
            code, _, err = self.tend.run("scale", *words)
            self.assertNotEqual(code, 0, words)
            self.assertTrue(err)
        self.assertEqual(len(self.tend.app("web")["workers"]), 1)


class RollbackTest(ClusterTest):
    def test_back_to_the_configuration_before(self):
        self.start_web(instances=2, env={"COLOUR": "blue"}, reload={"settle": "200ms"},
                       start="server.on('request', () => {}); console.log('colour', process.env.COLOUR);"
                       "server.listen(process.env.PORT);")
        self.tend.config(self.config(instances=2, env={"COLOUR": "green"}, reload={"settle": "200ms"}))
        self.reload(words=("tend.yaml",))
        wait_until(lambda: self.tend.texts("web").count("colour green") == 2, 10)
        with self.load(rate=500) as load:
            self.tend.ok("rollback", "web")
            wait_until(lambda: self.tend.texts("web").count("colour blue") == 4, 10)
            self.assert_none_failed(load.stop(), least=10)
        self.assert_online(2)

    def test_nothing_to_go_back_to(self):
        self.start_web(instances=1)
        code, _, err = self.tend.run("rollback", "web")
        self.assertNotEqual(code, 0)
        self.assertTrue(err)


class TriggerTest(TendTest):
    """Actions as @pm2/io has them, without it: it is what goes over the channel."""
    APP = """
process.send({ type: 'axm:action', data: { action_name: 'add', action_type: 'custom', arity: 2 } });
process.send({ type: 'axm:action', data: { action_name: 'hello', action_type: 'custom', arity: 1 } });
process.on('message', (message) => {
  console.log('told', JSON.stringify(message));
  const name = typeof message === 'string' ? message : message.msg;
  const answer = { add: { sum: 1 + Number(message.opts) }, hello: { pid: process.pid } }[name];
  if (answer) process.send({ type: 'axm:reply', data: { at: Date.now(), action_name: name, return: answer } });
});
setInterval(() => {}, 1000);
"""

    def setUp(self):
        super().setUp()
        self.tend.write("app.js", self.APP)
        self.tend.config({"name": "app", "script": "./app.js", "instances": 2})
        self.start("tend.yaml")

    def trigger(self, *words):
        """stdout, once the workers have said which actions they have."""
        return wait_until(lambda: self.tend.ok("trigger", "app", *words), 25)  # one that nobody answers takes 10 s

    def test_each_worker_answers(self):
        out = self.trigger("hello")
        for pid in self.tend.pids("app").values():
            self.assertIn(str(pid), out)
        wait_until(lambda: 'told "hello"' in self.tend.texts("app"), 5)

    def test_a_parameter(self):
        self.assertIn("42", self.trigger("add", "41"))

    def test_no_such_action(self):
        code, _, err = self.tend.run("trigger", "app", "none")
        self.assertNotEqual(code, 0)
        self.assertIn("none", err)

    def test_no_such_app(self):
        self.assertEqual(self.tend.run("trigger", "other", "hello")[0], 4)


if __name__ == "__main__":
    main()
