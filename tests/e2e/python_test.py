"""A real Python HTTP server: its access log on stderr, its start and its stop."""
import http.client
import unittest

from harness import TendTest, free_port, main, wait_until

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'hello\\n')
        print('served', self.path)
server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler)
try:
    server.serve_forever()
except KeyboardInterrupt:
    print('bye')
"""


class PythonTest(TendTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.tend.write("server.py", SERVER)
        self.tend.config({"name": "py", "script": "./server.py", "args": str(self.port),
                          "env": {"PYTHONUNBUFFERED": "1"}})
        self.start("tend.yaml")

    def request(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        return connection.getresponse().read()

    def test_stdout_and_stderr_are_one_log_with_two_streams(self):
        self.assertEqual(wait_until(lambda: self.request("/one")), b"hello\n")
        wait_until(lambda: "served /one" in self.tend.texts("py", "stdout"), 5)
        wait_until(lambda: any('"GET /one HTTP/1.1" 200' in t for t in self.tend.texts("py", "stderr")), 5)
        self.assertEqual(self.tend.metric("tend_worker_log_lines_total", app="py", worker="0",
                                          stream="stdout"), 1)

    def test_it_is_stopped_by_sigint_and_says_bye(self):
        wait_until(lambda: self.request("/"), what="it serves, so that it takes a SIGINT")
        self.tend.ok("stop", "py")
        wait_until(lambda: "bye" in self.tend.texts("py"), 5)
        worker = self.tend.worker("py")
        self.assertEqual((worker["state"], worker["last_exit"]["code"]), ("stopped", 0))

    def test_resources_are_measured(self):
        labels = {"app": "py", "worker": "0"}

        def value(name, **more):
            return self.tend.metric(name, **labels, **more) or 0
        # The first look may come before it has a socket.
        wait_until(lambda: value("tend_worker_resident_memory_bytes") > 4 << 20, 15)
        wait_until(lambda: value("tend_worker_open_fds") > 3, 15)
        wait_until(lambda: value("tend_worker_cpu_seconds_total", mode="user") > 0, 15)
        self.assertGreater(self.tend.worker("py")["rss_bytes"], 4 << 20)


if __name__ == "__main__":
    main()
