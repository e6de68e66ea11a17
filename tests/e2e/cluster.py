"""What tests of shared ports have in common: a Node server that knows nothing of tend, and load on it."""
import http.client
import os
import pathlib
import time

from harness import TendTest, free_port, wait_until
from load import Load, explain

# GET /slow takes 300 ms, /release says which one this is. ACCEPTED: a folder where each connection's
# port is written as it is accepted, into a file for each pid.
SERVER = """
const http = require('http');
const fs = require('fs');
const release = RELEASE;
const server = http.createServer((request, response) => {
  response.setHeader('X-Pid', String(process.pid));
  if (request.url === '/slow') return setTimeout(() => response.end('slow'), 300);
  response.end(request.url === '/release' ? String(release) : 'hello world');
});
if (process.env.ACCEPTED) {
  const file = fs.openSync(`${process.env.ACCEPTED}/${process.pid}`, 'a');
  server.on('connection', (socket) => fs.writeSync(file, `${socket.remotePort}\\n`));
}
START
"""
LISTEN = "server.listen(process.env.PORT || 3000);"


class ClusterTest(TendTest):
    """A test with an app `web` on `self.port`."""

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.target = f"127.0.0.1:{self.port}"

    def release(self, number, start=LISTEN):
        """Puts a server in place, as a deployment does: in one step."""
        new = self.tend.write("new.js", SERVER.replace("RELEASE", str(number)).replace("START", start))
        os.rename(new, self.tend.home / "server.js")

    def config(self, instances=4, env=None, **more):
        return {"name": "web", "script": "./server.js", "exec_mode": "cluster", "instances": instances,
                "env": {"PORT": str(self.port), **(env or {})}, **more}

    def start_web(self, start=LISTEN, **more):
        self.release(1, start)
        self.tend.config(self.config(**more))
        out, err = self.start("tend.yaml", timeout=90)
        self.assertEqual(self.tend.app("web")["state"], "online", out + err)
        return self.tend.pids("web")

    def load(self, **options):
        load = Load(options.pop("target", self.target), **options)
        self.addCleanup(load.__exit__)
        return load.begun()

    def reload(self, code=0, words=("web",)):
        """(stdout and stderr, seconds)"""
        begun = time.monotonic()
        got, out, err = self.tend.run("reload", *words, timeout=90)
        self.assertEqual(got, code, f"tend reload: {out}{err}")
        return out + err, time.monotonic() - begun

    def ask(self, path="/", port=None):
        """(status, its pid, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, int(answer.headers.get("X-Pid") or 0), answer.read().decode()
        finally:
            connection.close()

    def assert_none_failed(self, *results, least=100):
        for result in results:
            self.assertEqual(result["failed"], 0, explain(result))
            self.assertGreater(result["requests"], least, explain(result))

    def assert_online(self, count):
        def online():
            workers = self.tend.app("web")["workers"]
            return len(workers) == count and all(w["state"] == "online" for w in workers) and workers
        return wait_until(online, 20, f"{count} workers are online")

    def accepted_by(self, pid):
        """Ports of the connections that this worker has accepted (ACCEPTED)."""
        return {int(line) for line in pathlib.Path(self.tend.home / "accepted" / str(pid)).read_text().split()}
