"""Receivers of incidents, for tests: they take what they are sent, and answer as they are told."""
import hashlib
import hmac
import http.server
import json
import threading
import time


class Hook:
    """An HTTP server that keeps every POST: .requests has (path, headers, body, answered with)."""

    def __init__(self, answer=200):
        self.answer = answer  # a status, or a function of (path, body) that returns one
        self.requests = []
        self.lock = threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = hook.answer(self.path, body) if callable(hook.answer) else hook.answer
                with hook.lock:
                    hook.requests.append((self.path, dict(self.headers), body, status))
                said = b"ok" if status < 300 else b"no_service"
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:
                    self.close_connection = True  # it was not waited for

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def bodies(self, taken_only=True):
        with self.lock:
            return [json.loads(body) for _, _, body, status in self.requests
                    if status < 300 or not taken_only]

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def is_signed(headers, body, key):
    """As docs/guides/alerts.md tells people to verify it."""
    parts = dict(part.split("=", 1) for part in headers["X-Tend-Signature"].split(","))
    wanted = hmac.new(key, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, parts["v1"]) and abs(time.time() - int(parts["t"])) < 300
