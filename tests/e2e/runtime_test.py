"""What workers tell about themselves: Node's and Python's runtime, and numbers that apps make up."""
import os
import pwd
import shutil
import socket
import time
import unittest
import urllib.request

from harness import HERE, TendTest, free_port, main, wait_until

NPM_APPS = HERE.parents[1] / "build/npm_apps"

# Stands still when it is told to by a file.
NODE = """
const fs = require('fs');
global.buffer = new ArrayBuffer(8e6);
setInterval(() => {
  global.rubbish = new Array(1e5).fill({});
  if (!fs.existsSync('stall')) return;
  const end = Date.now() + Number(fs.readFileSync('stall'));
  fs.unlinkSync('stall');
  while (Date.now() < end);
}, 20);
"""

PYTHON = """
import asyncio, os, time
async def main():
    while True:
        await asyncio.sleep(0.02)
        if os.path.exists('stall'):
            os.unlink('stall')
            time.sleep(0.6)
print(os.environ.get('PYTHONPATH'), flush=True)
asyncio.run(main())
"""

STATSD = """
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text):
    try:
        s.sendto(text.encode(), os.environ['TEND_STATSD_SOCKET'])
    except OSError:
        pass  # no sidecar just now
# What it says once must be heard: not before the test has seen what it says all the time.
known = f'known-{os.getpid()}'
if os.fork() == 0:
    while True:
        say('of_child:7|g')
        time.sleep(0.2)
while True:
    say(f'requests:1|c\\nqueue:3|g\\nquery:20|ms\\nsize:300|h\\nlife:{os.getpid()}|g\\nnonsense')
    if known and os.path.exists(known):
        say('starts:1|c')
        known = None
    time.sleep(0.1)
"""


class RuntimeTest(TendTest):
    def value(self, metric, /, app="app", worker="0", **labels):
        labels = sorted({"app": app, "worker": worker, **labels}.items())
        return self.tend.metrics().get((metric, *labels))

    def wait_value(self, metric, /, at_least=0, timeout=15, **labels):
        def reached():
            value = self.value(metric, **labels)
            return value is not None and value >= at_least and (value,)
        return wait_until(reached, timeout, f"{metric} {labels} >= {at_least}")[0]

    def wait_absent(self, metric, /, **labels):
        wait_until(lambda: self.value(metric, **labels) is None, 10, f"{metric} {labels} is absent")

    def custom(self, name, **labels):
        return self.value("tend_worker_custom", name=name, **labels)


class NodeRuntimeTest(RuntimeTest):
    def test_everything_is_reported_and_counters_outlive_the_process(self):
        self.tend.write("app.js", NODE)
        self.start("app.js", "--name", "app")
        self.wait_value("tend_worker_eventloop_idle_seconds_total", 1)
        self.tend.write("stall", "600")
        self.wait_value("tend_worker_eventloop_stalls_total", 1)
        stalled = self.wait_value("tend_worker_eventloop_stalled_seconds_total", 0.5)
        self.assertGreater(self.value("tend_worker_eventloop_active_seconds_total"), 0.4)
        self.wait_value("tend_worker_gc_pause_seconds_count", 1, kind="minor")
        for kind in ("major", "incremental", "weakcb"):
            self.assertIsNotNone(self.value("tend_worker_gc_pause_seconds_sum", kind=kind), kind)
        self.assertGreater(self.value("tend_worker_external_memory_bytes"), 8e6)
        self.assertGreaterEqual(self.value("tend_worker_array_buffers_bytes"), 8e6)
        self.assertGreaterEqual(self.value("tend_worker_active_resources"), 1)
        for name in ("tend_worker_uncaught_exceptions_total", "tend_worker_unhandled_rejections_total"):
            self.assertEqual(self.value(name), 0, name)
        self.tend.ok("restart", "app")
        self.wait_value("tend_worker_heap_used_bytes", 1)
        self.assertGreaterEqual(self.value("tend_worker_eventloop_stalled_seconds_total"), stalled)
        self.tend.ok("stop", "app")
        self.wait_absent("tend_worker_heap_used_bytes")
        self.assertIsNone(self.value("tend_worker_heartbeat_age_seconds"))
        self.assertGreaterEqual(self.value("tend_worker_eventloop_stalls_total"), 1)

    def test_the_heartbeat_ages_while_the_loop_stands_still(self):
        self.tend.write("app.js", NODE)
        self.start("app.js", "--name", "app")
        self.wait_value("tend_worker_heartbeat_age_seconds")
        self.assertLess(self.value("tend_worker_heartbeat_age_seconds"), 2.5)
        self.tend.write("stall", "5000")
        self.wait_value("tend_worker_heartbeat_age_seconds", 3, timeout=6)
        wait_until(lambda: self.value("tend_worker_heartbeat_age_seconds") < 1.5, 10)

    def test_errors_that_end_the_worker_are_counted(self):
        self.tend.write("bad.js", "setTimeout(() => { throw new Error('unlucky') }, 1200)\n")
        self.tend.write("worse.js", "setTimeout(() => Promise.reject(new Error('unlucky')), 1200)\n")
        self.tend.config({"name": "bad", "script": "./bad.js"}, {"name": "worse", "script": "./worse.js"})
        self.tend.run("start", "tend.yaml", "--no-wait")
        self.wait_value("tend_worker_uncaught_exceptions_total", 2, app="bad")
        self.wait_value("tend_worker_unhandled_rejections_total", 2, app="worse")
        self.assertEqual(self.value("tend_worker_unhandled_rejections_total", app="bad"), 0)
        self.assertEqual(self.value("tend_worker_uncaught_exceptions_total", app="worse"), 0)

    def test_off_is_off(self):
        self.tend.write("app.js", "console.log([process.env.TEND_STATSD_SOCKET, process.env.TEND_TELEMETRY_FD,"
                        "process.env.NODE_OPTIONS].join()); setInterval(() => {}, 1000)\n")
        self.tend.config({"name": "app", "script": "./app.js", "telemetry": "off"})
        self.start("tend.yaml")
        wait_until(lambda: ",," in self.tend.texts("app"), 5)
        self.wait_value("tend_worker_resident_memory_bytes")
        time.sleep(1.5)  # when it would have reported
        self.assertIsNone(self.value("tend_worker_heartbeat_age_seconds"))


class PythonRuntimeTest(RuntimeTest):
    def test_an_asyncio_program(self):
        self.tend.write("app.py", PYTHON)
        self.tend.config({"name": "app", "script": "./app.py", "interpreter": "/usr/bin/python3",
                          "telemetry": "python", "env": {"PYTHONPATH": "/srv/mine"}})
        self.start("tend.yaml")
        wait_until(lambda: self.tend.texts("app") == ["/srv/mine"], 5)
        self.wait_value("tend_worker_eventloop_lag_seconds_count", 10)
        self.assertLess(self.value("tend_worker_eventloop_lag_p50_seconds"), 0.2)
        self.tend.write("stall", "")
        self.wait_value("tend_worker_eventloop_stalls_total", 1)
        self.wait_value("tend_worker_eventloop_lag_max_seconds", 0.4)
        self.assertIsNotNone(self.value("tend_worker_gc_pause_seconds_count", kind="gen2"))
        self.assertLess(self.value("tend_worker_heartbeat_age_seconds"), 3)
        for absent in ("tend_worker_heap_used_bytes", "tend_worker_uncaught_exceptions_total"):
            self.assertIsNone(self.value(absent), absent)
        info = next(dict(sample[1:]) for sample in self.tend.metrics() if sample[0] == "tend_worker_info")
        self.assertEqual(info["runtime"], "python")

    def test_a_program_without_a_loop(self):
        self.tend.write("app.py", "import gc, time\nwhile True:\n    gc.collect()\n    time.sleep(0.3)\n")
        self.tend.config({"name": "app", "script": "./app.py", "interpreter": "/usr/bin/python3",
                          "telemetry": "python"})
        self.start("tend.yaml")
        self.wait_value("tend_worker_gc_pause_seconds_count", 3, kind="gen2")
        for absent in ("tend_worker_eventloop_lag_seconds_count", "tend_worker_heartbeat_age_seconds"):
            self.assertIsNone(self.value(absent), absent)


class CustomTest(RuntimeTest):
    def let_it_say_starts(self):
        """Worker 0, when what it says in this life is heard."""
        pid = self.tend.worker("app")["pid"]
        wait_until(lambda: self.custom("life") == pid, 15, "this life is heard")
        self.tend.write(f"known-{pid}", "")

    def test_statsd(self):
        self.tend.write("app.py", STATSD)
        self.tend.config({"name": "app", "script": "./app.py", "interpreter": "/usr/bin/python3", "instances": 2})
        self.start("tend.yaml")
        self.wait_value("tend_worker_custom_events_total", 5, name="requests")
        self.wait_value("tend_worker_custom_events_total", 5, name="requests", worker="1")
        self.assertEqual(self.custom("queue"), 3)
        self.assertEqual(self.custom("of_child"), 7)
        page = self.tend.metrics()
        of_query = (("app", "app"), ("name", "query"), ("worker", "0"))
        count = page["tend_worker_custom_timing_seconds_count", *of_query]
        self.assertGreaterEqual(count, 5)
        self.assertAlmostEqual(page["tend_worker_custom_timing_seconds_sum", *of_query] / count, 0.02, 3)
        self.assertAlmostEqual(self.value("tend_worker_custom_timing_p99_seconds", name="query"), 0.02, 3)
        self.assertEqual(self.value("tend_worker_custom_samples_p99", name="size"), 300)
        self.assertGreaterEqual(self.value("tend_worker_custom_refused_total"), 5)
        self.let_it_say_starts()
        self.wait_value("tend_worker_custom_events_total", 1, name="starts")
        self.tend.ok("restart", "app:0")
        self.let_it_say_starts()
        self.wait_value("tend_worker_custom_events_total", 2, name="starts")
        self.tend.ok("stop", "app:0")
        self.wait_absent("tend_worker_custom", name="queue")
        self.assertEqual(self.custom("queue", worker="1"), 3)
        self.assertGreaterEqual(self.value("tend_worker_custom_events_total", name="starts"), 2)

    def test_what_comes_from_nobodys_worker_is_dropped(self):
        self.tend.write("app.py", "import time\ntime.sleep(60)\n")
        self.start("app.py", "--name", "app")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            wait_until(lambda: sender.sendto(b"requests:1|c", str(self.tend.home / "statsd.sock")),
                       what="the sidecar is there")
        wait_until(lambda: self.tend.metric("tend_collector_errors_total", collector="statsd") == 1, 10)
        self.assertNotIn("tend_worker_custom_events_total", {sample[0] for sample in self.tend.metrics()})

    def test_statsd_goes_on_with_the_next_sidecar(self):
        self.tend.write("app.py", STATSD)
        self.start("app.py", "--name", "app")
        self.wait_value("tend_worker_custom_events_total", 2, name="requests")
        before = self.wait_value("tend_worker_custom_events_total", 10, name="requests")
        os.kill(self.tend.daemon("tend-sidecar"), 9)
        self.wait_value("tend_worker_custom_events_total", before + 1, name="requests")
        wait_until(lambda: self.custom("queue") == 3, 10)

    @unittest.skipIf(os.getuid() != 0, "only root may choose the user")
    def test_statsd_of_another_user(self):
        self.tend.home.chmod(0o711)
        self.tend.write("app.py", STATSD)
        self.tend.config({"name": "app", "script": "./app.py", "interpreter": "/usr/bin/python3",
                          "uid": pwd.getpwnam("nobody").pw_name})
        self.start("tend.yaml")
        self.wait_value("tend_worker_custom_events_total", 2, name="requests")

    def test_lines_on_the_pipe(self):
        self.tend.write("app.sh", "#!/bin/bash\nwhile :; do\n"
                        "printf 'jobs:2|c\\n{\"v\":1,\"rt\":\"bash 5\",\"idle\":0.1}\\n' >&$TEND_TELEMETRY_FD\n"
                        "sleep 0.1\ndone\n",
                        0o755)
        self.tend.config({"name": "app", "script": "./app.sh", "interpreter": "none", "telemetry": "pipe"})
        self.start("tend.yaml")
        self.wait_value("tend_worker_custom_events_total", 6, name="jobs")
        self.wait_value("tend_worker_eventloop_idle_seconds_total", 0.1)
        self.assertEqual(self.value("tend_worker_custom_refused_total"), 0)

    @unittest.skipIf(shutil.which("node") is None, "no node on this machine")
    def test_pm2_io(self):
        port = free_port()
        self.start(NPM_APPS / "metrics/server.js", "--name", "app", "-i", "2", env={"PORT": str(port)})
        for worker in ("0", "1"):
            wait_until(lambda: self.custom("Realtime users", worker=worker) == 42, 15)  # noqa: B023
        wait_until(lambda: self.custom("Heap Size", unit="MiB") is not None, 15)
        latency = wait_until(lambda: self.custom("Event Loop Latency p95", unit="ms"), 15)
        self.assertLess(latency, 10_000)
        for _ in range(6):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read()
        wait_until(lambda: sum(self.custom("Requests served", worker=w) or 0 for w in ("0", "1")) == 6, 10)
        self.tend.ok("stop", "app")
        self.wait_absent("tend_worker_custom", name="Realtime users")


if __name__ == "__main__":
    main()
