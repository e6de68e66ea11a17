"""A Loki that keeps what it is sent in memory, and answers as Loki 3.4 does: which bodies, labels and
times it takes, what of a batch it stores when some of it is wrong, and what it says then. It can be
told to be away, slow or full."""
import gzip
import http.server
import json
import re
import socket
import socketserver
import struct
import threading
import time

import snappy

from harness import free_port

PUSH = "/loki/api/v1/push"
BODY_MAX = 4 << 20
LINE_MAX = 256 << 10
LABELS_MAX = 15
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
HOUR, WEEK, MINUTE = 3600 * 10**9, 7 * 24 * 3600 * 10**9, 60 * 10**9


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status, self.text = status, text


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of each field of a protobuf message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value = data[at:at + size]
            if len(value) != size:
                raise ValueError("a field that ends too early")
            at += size
        elif tag & 7 == 1:
            value, at = data[at:at + 8], at + 8
        else:
            raise ValueError("unknown wire type")
        yield tag >> 3, value


def labels_of(text):
    """{a="b", c="d"} as Loki reads it."""
    if not (text.startswith("{") and text.endswith("}")):
        raise Refused(400, "error parsing labels")
    labels, rest = {}, text[1:-1]
    while rest:
        match = re.match(r'([^=]+)=("(?:[^"\\]|\\.)*")(?:, )?', rest)
        if not match:
            raise Refused(400, "error parsing labels")
        labels[match[1]] = json.loads(match[2])
        rest = rest[match.end():]
    return labels


def from_protobuf(body):
    streams = []
    for number, stream in fields(body):
        assert number == 1
        labels, entries = None, []
        for kind, value in fields(stream):
            if kind == 1:
                labels = labels_of(value.decode())
            elif kind == 2:
                stamp, line, metadata = 0, b"", {}
                for part, inner in fields(value):
                    if part == 1:
                        stamp = sum(v * (10**9 if n == 1 else 1) for n, v in fields(inner))
                    elif part == 2:
                        line = inner
                    else:
                        pair = dict(fields(inner))
                        metadata[pair[1].decode()] = pair[2].decode()
                entries.append((stamp, line.decode(errors="replace"), metadata))
        streams.append((labels, entries))
    return streams


def from_json(body):
    streams = []
    for stream in json.loads(body)["streams"]:
        entries = []
        for stamp, line, *metadata in stream["values"]:
            if not isinstance(stamp, str):
                raise Refused(400, "a timestamp that is no string")
            entries.append((int(stamp), line, metadata[0] if metadata else {}))
        streams.append((stream["stream"], entries))
    return streams


def rfc3339(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ns // 10**9))


class FakeLoki:
    """`streams`: labels → [(ns, line, metadata)] in the order of arrival. `script`: what is done with the
    next requests, each "hang", "reset" or a status, or a function of the request's headers."""

    def __init__(self, port=0):
        self.lock = threading.Lock()
        self.streams, self.script = {}, []
        self.requests = self.duplicates = self.rejected = 0
        self.token = self.rate = None
        self.newest, self.budget, self.budget_time = {}, 0.0, time.monotonic()
        self.largest = 0
        self.server, self.port = None, port or free_port()  # it comes back to where it was
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, text = fake.handle(self, body)
                except Refused as refused:
                    status, text = refused.status, refused.text
                except (ValueError, KeyError, AssertionError, IndexError, snappy.UncompressError, OSError) as e:
                    status, text = 400, f"unreadable body: {e}"
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self):
                self.send_error(405)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            connections = set()

            def process_request(self, request, address):
                self.connections.add(request)
                super().process_request(request, address)

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.connections = set()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        """Refuses connections, and ends those that there are."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server = None

    def handle(self, request, body):
        with self.lock:
            self.requests += 1
            step = self.script.pop(0) if self.script else None
        if step == "hang":
            time.sleep(3600)
        if step == "reset":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
            return None, ""
        if step == "lose":  # stored, but nobody learns of it
            self.push(request, body)
            return None, ""
        if step is not None:
            return step, f"scripted {step}"
        return self.push(request, body)

    def push(self, request, body):
        if request.path != PUSH:
            raise Refused(404, "404 page not found")
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            raise Refused(401, "no org id")
        if request.headers["Content-Type"] == "application/json":
            text = gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body
            decode = from_json
        else:
            text, decode = snappy.uncompress(body), from_protobuf
        if len(text) > BODY_MAX:
            raise Refused(500, "rpc error: code = ResourceExhausted desc = grpc: received message larger than max "
                               f"({len(text)} vs. {BODY_MAX})")
        streams = decode(text)
        if not streams:
            raise Refused(422, "error at least one valid stream is required for ingestion")
        with self.lock:
            self.largest = max(self.largest, len(text))
            self.limit(len(text))
            wrong = [self.store(labels, entries) for labels, entries in streams]
        wrong = [w for w in wrong if w]
        if wrong:
            raise Refused(400, "\n".join(wrong))
        return 204, ""

    def limit(self, size):
        if self.rate is None:
            return
        now = time.monotonic()
        self.budget = min(1.5 * self.rate, self.budget + (now - self.budget_time) * self.rate)
        self.budget_time = now
        if size > self.budget:
            raise Refused(429, "ingestion rate limit exceeded")
        self.budget -= size

    def store(self, labels, entries):
        if len(labels) > LABELS_MAX:
            raise Refused(400, "entry has too many label names")
        if not all(NAME.fullmatch(name) for name in labels):
            raise Refused(400, "error parsing labels")
        key, now, ignored, why = tuple(sorted(labels.items())), time.time_ns(), 0, ""
        kept = self.streams.setdefault(key, {})
        for stamp, line, metadata in entries:
            newest = self.newest.get(key, stamp)
            if len(line.encode()) > LINE_MAX:
                why = f"max entry size '{LINE_MAX}' bytes exceeded"
            elif stamp < now - WEEK:
                why = f"timestamp too old: {rfc3339(stamp)}"
            elif stamp > now + 10 * MINUTE:
                why = f"timestamp too new: {rfc3339(stamp)}"
            elif stamp < newest - HOUR:
                why = f"entry too far behind, oldest acceptable timestamp is: {rfc3339(newest - HOUR)}"
            else:
                self.newest[key] = max(newest, stamp)
                if (stamp, line) in kept:
                    self.duplicates += 1
                kept.setdefault((stamp, line), metadata)
                continue
            ignored += 1
        self.rejected += ignored
        return why and f"entry ignored, reason: '{why}',\nuser 'fake', total ignored: {ignored} out of {len(entries)}"

    # What is there

    def lines(self, **labels):
        """(ns, line, metadata), in the order in which they were stored, of the streams that have these labels."""
        with self.lock:
            return [(stamp, line, metadata) for key, kept in self.streams.items()
                    if labels.items() <= dict(key).items() for (stamp, line), metadata in kept.items()]

    def count(self):
        with self.lock:
            return sum(map(len, self.streams.values()))
