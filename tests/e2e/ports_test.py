"""Ports that tend keeps: over restarts and crashes, between apps, for Node and for any language."""
import http.client
import os
import pathlib
import shutil
import signal
import socket
import time
import unittest
import urllib.request

from cluster import LISTEN, ClusterTest
from harness import TendTest, UnixConnection, alive, free_port, main, wait_until
from load import explain

# A second of work before it listens: time in which nobody is there to answer.
SLOW_TO_LISTEN = "setTimeout(() => " + LISTEN.rstrip(";") + ", 1000);"

# As a program for systemd's sockets is written: descriptors from 3 on are its own if LISTEN_PID is.
LISTEN_FDS = """#!/usr/bin/python3
import http.server, os, signal, socket, sys, threading
assert os.environ['LISTEN_PID'] == str(os.getpid()), os.environ.get('LISTEN_PID')
count = int(os.environ['LISTEN_FDS'])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('X-Pid', str(os.getpid()))
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    def log_message(self, *_): pass
    def address_string(self): return 'somebody'
servers = []
for fd in range(3, 3 + count):
    one = socket.socket(fileno=fd)
    print(fd, one.family.name, one.getsockname(), one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), flush=True)
    server = http.server.ThreadingHTTPServer(('', 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = one
    servers.append(server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
def stop(*_):
    for server in servers: threading.Thread(target=server.shutdown).start()
    done.set()
done = threading.Event()
signal.signal(signal.SIGTERM, stop)
done.wait()
"""

GUNICORN_APP = """
import os
def application(environ, start_response):
    start_response('200 OK', [('Content-Length', '6'), ('X-Pid', str(os.getpid()))])
    return [b'python']
"""


class RestartTest(ClusterTest):
    """Of the only worker: connections wait for the next one."""

    def lives_through(self, happen):
        before = self.start_web(start=SLOW_TO_LISTEN, instances=1, listen_timeout=10000)
        load = self.load(close=True, connections=16, rate=400)
        time.sleep(0.3)
        begun = time.monotonic()
        happen(before[0])
        wait_until(lambda: self.tend.worker("web")["state"] == "online"
                   and self.tend.worker("web")["pid"] != before[0], 15)
        time.sleep(0.5)
        result = load.stop()
        self.assertEqual((result["connect"], result["timeout"], result["status"]), (0, 0, 0), explain(result))
        self.assertGreater(result["max_ms"], 900, "they have waited")
        # What was accepted by the one that went is lost with it, at most what was under way then.
        self.assertLessEqual(result["failed"], 16, explain(result))
        for failure in result["failures"]:
            self.assertLess(failure["time"], begun + 2)
        self.assertEqual(len(result["pids"]), 2)

    def test_restart(self):
        self.lives_through(lambda pid: self.tend.ok("restart", "web"))

    def test_kill(self):
        self.lives_through(lambda pid: os.kill(pid, signal.SIGKILL))

    def test_stop_and_delete_give_the_port_back(self):
        self.start_web(instances=2)
        self.tend.ok("delete", "web")
        with socket.create_server(("127.0.0.1", self.port)):
            pass

    def test_clients_of_a_stopped_app_are_refused(self):
        self.start_web(instances=2)
        self.tend.ok("stop", "web")
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port), 5)
        self.tend.ok("start", "web")
        self.assertEqual(self.ask()[0], 200)


class BalanceTest(ClusterTest):
    def answers(self, balance, count=400):
        self.start_web(instances=4, balance=balance)
        seen = {}
        for _ in range(count):
            pid = self.ask()[1]
            seen[pid] = seen.get(pid, 0) + 1
        self.assertLessEqual(set(seen), set(self.tend.pids("web").values()))
        return seen

    def test_round_robin_is_even(self):
        self.assertEqual(sorted(self.answers("round_robin").values()), [100] * 4)

    def test_reuseport_uses_all(self):
        self.assertEqual(len(self.answers("reuseport")), 4)

    def test_shared_uses_more_than_one_under_load(self):
        self.start_web(instances=4)
        with self.load(close=True, connections=64) as load:
            time.sleep(2)
            result = load.stop()
        self.assert_none_failed(result)
        self.assertEqual(len(result["pids"]), 4, explain(result))

    def test_a_blocked_worker_does_not_stop_the_others(self):
        for balance in ("shared", "round_robin"):
            with self.subTest(balance):
                self.start_web(instances=2, balance=balance, start=LISTEN +
                               "server.on('request', (q) => { if (q.url === '/block') { const end = Date.now() + 3000;"
                               " while (Date.now() < end); } });")
                blocked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                self.addCleanup(blocked.close)
                blocked.request("GET", "/block")
                time.sleep(0.3)
                begun = time.monotonic()
                waited = []
                for _ in range(20):
                    asked = time.monotonic()
                    try:
                        self.ask()
                    except OSError:
                        pass
                    waited.append(time.monotonic() - asked)
                # Round robin may have given it one before it knew.
                self.assertLessEqual(sum(w > 1 for w in waited), 1, waited)
                self.assertLess(time.monotonic() - begun, 5)
                self.tend.ok("delete", "web")

    def test_many_that_ask_for_any_port_get_the_same(self):
        self.start_web(instances=3, start="server.listen(0, () => console.log('port', server.address().port));")
        ports = wait_until(lambda: (lambda t: len(t) == 3 and t)(self.tend.texts("web")), 10)
        self.assertEqual(len(set(ports)), 1, ports)
        self.assertNotEqual(ports[0], "port 0")


class ConflictTest(ClusterTest):
    def test_two_apps_with_one_port(self):
        """PM2 mixes their traffic; here the second is told."""
        before = self.start_web(instances=2)
        self.tend.write("other.js", "require('http').createServer((q, s) => s.end('other')).listen(process.env.PORT);")
        self.tend.config({**self.config(instances=2), "name": "other", "script": "./other.js", "max_restarts": 2},
                         name="other.yaml")
        _, err = self.start("other.yaml", code=7)
        self.assertIn("EADDRINUSE", err)
        for _ in range(50):
            status, pid, body = self.ask()
            self.assertEqual((status, body), (200, "hello world"))
            self.assertIn(pid, before.values())
        self.assertEqual(self.tend.pids("web"), before)

    def test_a_port_that_another_program_has(self):
        with socket.create_server(("", self.port)):
            self.release(1)
            self.tend.config(self.config(instances=2, max_restarts=2))
            _, err = self.start("tend.yaml", code=7)
            self.assertIn("EADDRINUSE", err)
        self.tend.run("restart", "web")
        self.assertEqual(self.ask()[0], 200)

    def test_a_configured_port_that_another_program_has(self):
        with socket.create_server(("", self.port)):
            self.release(1)
            self.tend.config(self.config(instances=2, listen=[self.port]))
            code, out, err = self.tend.run("start", "tend.yaml")
            self.assertNotEqual(code, 0)
            self.assertIn(str(self.port), out + err)

    def test_one_worker_that_listens_twice(self):
        """Node says EADDRINUSE then; it does here."""
        self.start_web(instances=2, start=LISTEN + "require('net').createServer().on('error', (e) => "
                       "console.log('error', e.code)).listen(process.env.PORT);")
        wait_until(lambda: self.tend.texts("web").count("error EADDRINUSE") == 2, 10)


class ConfiguredTest(ClusterTest):
    """`listen`: sockets that are there before any worker is."""

    def test_clients_wait_for_the_first_worker(self):
        self.release(1, SLOW_TO_LISTEN)
        self.tend.config(self.config(instances=1, listen=[self.port]))
        start = self.tend.spawn("start", "tend.yaml")
        wait_until(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() or True, 10)
        self.assertEqual(self.ask()[0], 200)
        self.assertEqual(start.wait(30), 0)

    def test_a_unix_socket(self):
        path = self.tend.home / "web.sock"
        self.start_web(instances=2, listen=[f"unix:{path}"], start="server.listen(process.env.SOCKET);",
                       env={"SOCKET": str(path)}, reload={"settle": "200ms"})
        connection = UnixConnection(path)
        self.addCleanup(connection.close)
        connection.request("GET", "/")
        self.assertEqual(connection.getresponse().status, 200)
        with self.load(target=f"unix:{path}", rate=1000) as kept, \
                self.load(target=f"unix:{path}", rate=500, close=True) as closed:
            self.reload()
            self.assert_none_failed(kept.stop(), closed.stop())
        self.tend.ok("delete", "web")
        self.assertFalse(path.exists())

    def test_a_unix_path_that_was_left_behind(self):
        path = self.tend.home / "web.sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        self.start_web(instances=2, start="server.listen(process.env.SOCKET);", env={"SOCKET": str(path)})
        connection = UnixConnection(path)
        self.addCleanup(connection.close)
        connection.request("GET", "/")
        self.assertEqual(connection.getresponse().status, 200)

    def test_ipv4_and_ipv6(self):
        self.start_web(instances=2)
        for host in ("127.0.0.1", "::1"):
            connection = http.client.HTTPConnection(host, self.port, timeout=5)
            self.addCleanup(connection.close)
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().status, 200, host)


class CoreTest(ClusterTest):
    """The core is killed under load: who listens goes on listening, and a reload after that is as any other."""

    def survives(self, balance):
        before = self.start_web(instances=2, balance=balance, reload={"settle": "200ms"})
        loads = [self.load(rate=1000), self.load(close=True, rate=500)]
        time.sleep(0.3)
        core = self.tend.daemon("tend-core")
        os.kill(core, signal.SIGKILL)
        wait_until(lambda: self.tend.daemon("tend-core") != core and self.tend.pids("web") == before, 10)
        time.sleep(0.3)
        self.reload()
        self.assertFalse(set(self.tend.pids("web").values()) & set(before.values()))
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_shared(self):
        self.survives("shared")

    def test_round_robin(self):
        self.survives("round_robin")


class ListenFdsTest(TendTest):
    """Any language: sockets from descriptor 3 on, as systemd gives them."""

    def setUp(self):
        super().setUp()
        self.port = free_port()

    def get(self, port=None):
        with urllib.request.urlopen(f"http://127.0.0.1:{port or self.port}/", timeout=10) as answer:
            return int(answer.headers["X-Pid"]), answer.read()

    def test_a_program_gets_its_sockets(self):
        self.tend.write("app.py", LISTEN_FDS)
        other, path = free_port(), self.tend.home / "app.sock"
        self.tend.config({"name": "app", "script": "./app.py", "kill_signal": "SIGTERM",
                          "listen": [self.port, f"127.0.0.1:{other}", f"unix:{path}"]})
        self.start("tend.yaml")
        lines = wait_until(lambda: (lambda t: len(t) == 3 and t)(self.tend.texts("app")), 5)
        self.assertIn(str(self.port), lines[0])
        self.assertIn(f"('127.0.0.1', {other})", lines[1])
        self.assertIn("AF_UNIX", lines[2])
        self.assertTrue(all(line.endswith(" 1") for line in lines), lines)
        pid = self.tend.worker("app")["pid"]
        self.assertEqual([self.get(), self.get(other)], [(pid, b"ok")] * 2)

    def test_several_workers_share_them(self):
        self.tend.write("app.py", LISTEN_FDS)
        self.tend.config({"name": "app", "script": "./app.py", "instances": 2, "kill_signal": "SIGTERM",
                          "listen": [self.port]})
        self.start("tend.yaml")
        pids = set(self.tend.pids("app").values())
        self.assertEqual(len(pids), 2)
        self.assertLessEqual({self.get()[0] for _ in range(50)}, pids)

    def test_connections_wait_over_a_restart(self):
        self.tend.write("app.py", LISTEN_FDS)
        self.tend.config({"name": "app", "script": "./app.py", "kill_signal": "SIGTERM", "listen": [self.port]})
        self.start("tend.yaml")
        pid = self.tend.worker("app")["pid"]
        os.kill(pid, signal.SIGKILL)
        for _ in range(20):
            self.assertEqual(self.get()[1], b"ok")
        self.assertNotEqual(self.get()[0], pid)


@unittest.skipIf(shutil.which("gunicorn") is None, "gunicorn is not installed")
class GunicornTest(ClusterTest):
    """A Python app behind gunicorn, which knows LISTEN_FDS and READY=1 by itself."""

    def start_gunicorn(self, arguments="--workers 2", **more):
        self.tend.write("hello.py", GUNICORN_APP)
        self.tend.config({"name": "web", "script": shutil.which("gunicorn"), "interpreter": "none",
                          "args": f"{arguments} hello:application", "kill_signal": "SIGTERM", "kill_timeout": "10s",
                          "listen": [f"127.0.0.1:{self.port}"], **more})
        self.start("tend.yaml")
        return self.tend.pids("web")

    def ask_until_served(self):
        return wait_until(lambda: self.ask()[0] == 200, 10)

    def test_it_serves_on_our_socket(self):
        self.start_gunicorn()
        self.ask_until_served()
        status, _, body = self.ask()
        self.assertEqual((status, body), (200, "python"))
        wait_until(lambda: "Listening at: http://127.0.0.1:%d" % self.port in "\n".join(self.tend.texts("web")), 5)

    def test_it_says_that_it_is_ready(self):
        self.start_gunicorn(wait_ready=True, listen_timeout="10s")
        self.assertEqual(self.ask()[0], 200)

    def reloaded(self, arguments, kept=True, **more):
        before = self.start_gunicorn(arguments, wait_ready=True, listen_timeout="10s", reload={"settle": "500ms"}, **more)
        self.ask_until_served()
        loads = [self.load(close=closes, connections=8, rate=300) for closes in (True, *([False] if kept else []))]
        for _ in range(3):
            self.reload()
            after = self.tend.pids("web")
            self.assertFalse(set(after.values()) & set(before.values()))
            before = after
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_three_reloads(self):
        self.reloaded("--workers 2")

    def test_three_reloads_of_two(self):
        self.reloaded("--workers 1", instances=2)

    def test_three_reloads_with_threads(self):
        """Without clients that keep connections: gunicorn's threads cut those when it ends, whoever ends it."""
        self.reloaded("--workers 1 --threads 4", kept=False)

    def test_a_reload_by_its_own_signal(self):
        before = self.start_gunicorn(wait_ready=True, listen_timeout="10s", reload={"signal": "SIGHUP"})
        self.ask_until_served()
        inner = {self.ask()[1] for _ in range(20)}
        loads = [self.load(close=True, connections=8, rate=300)]
        self.reload()
        wait_until(lambda: not {self.ask()[1] for _ in range(10)} & inner, 10, "others answer")
        self.assertEqual(self.tend.pids("web"), before)
        self.assert_none_failed(*[load.stop() for load in loads])

    def test_a_broken_release(self):
        before = self.start_gunicorn("--workers 1", wait_ready=True, listen_timeout="10s")
        self.ask_until_served()
        with self.load(close=True, connections=8, rate=300) as load:
            self.tend.write("hello.py", "raise RuntimeError('broken release')\n")
            said, _ = self.reload(code=7)
            self.assertIn("broken release", said)
            self.assert_none_failed(load.stop())
        self.assertEqual(self.tend.pids("web"), before)
        self.assertEqual(self.ask()[2], "python")

    def test_everything_of_it_is_gone_after_stop(self):
        pid = self.start_gunicorn()[0]
        self.ask_until_served()

        def two():
            found = {int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
            return len(found) == 2 and found
        children = wait_until(two, 10)
        self.tend.ok("stop", "web")
        self.assertFalse([p for p in {pid, *children} if alive(p)])
        wait_until(lambda: "Shutting down: Master" in "\n".join(self.tend.texts("web")), 5)


if __name__ == "__main__":
    main()
