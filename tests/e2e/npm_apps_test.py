"""Ten apps from npm, not one of which knows tend, from a PM2 ecosystem file (npm_apps/, made by ./dev test)."""
import base64
import contextlib
import http.client
import os
import pathlib
import re
import socket
import sys

from harness import HERE, PATIENCE, TendTest, alive, main, wait_until
from load import Load, explain

FOLDER = HERE.parents[1] / "build/npm_apps"
APPS = ("express", "fastify", "koa", "hapi", "nest", "socketio", "next", "typescript", "esm", "metrics")
PID = re.compile(r"pid\D{1,5}(\d+)")


def ports(count):
    """The first of so many free ports in a row."""
    for first in range(20000 + os.getpid() % 5000, 60000, count):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("::", port), family=socket.AF_INET6,
                                                             dualstack_ipv6=True))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


class TenAppsTest(TendTest):
    def setUp(self):
        super().setUp()
        first = ports(len(APPS))
        self.port = {name: first + i for i, name in enumerate(APPS)}
        self.tend.env["PORT"] = str(first)

    def ask(self, name, path="/"):
        """The pid that answers with 200."""
        connection = http.client.HTTPConnection("localhost", self.port[name], timeout=10 * PATIENCE)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            text = f"{answer.headers}{answer.read().decode()}"
            self.assertEqual(answer.status, 200, f"{name}: {text}")
            return int(PID.search(text).group(1))
        finally:
            connection.close()

    def start_some(self, *names):
        self.start(FOLDER / "ecosystem.config.js", "--only", ",".join(names), timeout=120)
        return {name: self.tend.pids(name) for name in names}

    def assert_two_online(self, names):
        apps = {app["name"]: app for app in self.tend.list()}
        for name in names:
            workers = apps[name]["workers"]
            self.assertEqual([w["state"] for w in workers], ["online"] * 2, name)
            self.assertEqual([w["restarts_by_reason"].get("crash", 0) for w in workers], [0, 0], name)

    def test_all_of_them(self):
        """Start, serve from both workers' port, reload, serve by others, stop, and nothing is left."""
        out, err = self.start(FOLDER / "ecosystem.config.js", timeout=120)
        self.assertNotIn("not supported", out + err)
        self.assertNotIn("warning", err.lower())
        before = {name: self.tend.pids(name) for name in APPS}
        self.assert_two_online(APPS)
        for name in APPS:
            for _ in range(10):
                self.assertIn(self.ask(name), before[name].values(), name)
        with contextlib.ExitStack() as stack:
            loads = {name: stack.enter_context(Load(f"127.0.0.1:{self.port[name]}", rate=50, connections=4,
                                                    close=i % 2 == 1)).begun() for i, name in enumerate(APPS)}
            out = self.tend.ok("reload", "all", timeout=180)
            results = {name: load.stop() for name, load in loads.items()}
        self.assert_two_online(APPS)
        for name in APPS:
            with self.subTest(name):
                self.assertEqual(results[name]["failed"], 0, f"{explain(results[name])} {out}")
                after = set(self.tend.pids(name).values())
                self.assertFalse(after & set(before[name].values()), out)
                for _ in range(10):
                    self.assertIn(self.ask(name), after)
        pids = [pid for name in APPS for pid in self.tend.pids(name).values()]
        self.tend.ok("stop", "all", timeout=60)
        self.assertFalse([pid for pid in pids if alive(pid)])
        for name in APPS:
            for w in self.tend.app(name)["workers"]:
                self.assertEqual(w["state"], "stopped", name)
                self.assertNotEqual((w["last_exit"] or {}).get("signal"), "SIGKILL", f"{name} did not want to go")
            with self.assertRaises(OSError, msg=name):
                socket.create_connection(("localhost", self.port[name]), 2)
        self.tend.ok("delete", "all")
        self.assertEqual(self.tend.list(), [])

    def test_a_websocket_of_socket_io(self):
        """One connection, so it needs no sticky sessions; it is held by one of the workers."""
        pids = self.start_some("socketio")["socketio"]
        with socket.create_connection(("localhost", self.port["socketio"]), 10) as connection:
            connection.settimeout(10)
            key = base64.b64encode(os.urandom(16)).decode()
            connection.sendall((f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n"
                                f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                f"Sec-WebSocket-Key: {key}\r\n\r\n").encode())
            got = b""

            def until(text):
                nonlocal got
                while text not in got:
                    more = connection.recv(4096)
                    self.assertTrue(more, got)
                    got += more
            until(b'"sid"')
            self.assertIn(b"101 Switching Protocols", got)
            # Text "40" in a frame of a client: with a mask, of zeros here. It asks for the default namespace.
            connection.sendall(bytes([0x81, 0x82, 0, 0, 0, 0]) + b"40")
            until(b'"hello"')
            pid = int(PID.search(got.decode(errors="replace")).group(1))
            self.assertIn(pid, pids.values())
            # It does not hold a reload up for ever.
            self.assert_bounded(30, self.tend.ok, "reload", "socketio")
            wait_until(lambda: not alive(pid), 10)

    def test_metrics_and_actions_of_pm2_io(self):
        self.start_some("metrics")
        for _ in range(5):
            self.ask("metrics")
        out = self.tend.ok("trigger", "metrics", "cache:clear")
        for pid in self.tend.pids("metrics").values():
            self.assertIn(str(pid), out)
        self.assertIn("you", self.tend.ok("trigger", "metrics", "greet", "you"))

    def test_env_of_a_reload(self):
        """A reload takes the file's environment, as it is now, to the new workers."""
        self.start_some("express")
        code, out, err = self.tend.run("reload", FOLDER / "ecosystem.config.js", "--only", "express", timeout=60)
        self.assertEqual(code, 0, out + err)
        self.assertIn(self.ask("express"), self.tend.pids("express").values())


if __name__ == "__main__":
    if not (FOLDER / "built").exists():
        print(f"skipped: {pathlib.Path(FOLDER)} is not there; ./dev test makes it")
        sys.exit(77)
    main()
