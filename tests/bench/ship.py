#!/usr/bin/env python3
"""What shipping costs: lines of a log that grows, to a receiver that takes everything at once. CPU time of the shipper
alone (tests/support/ship_lines.cc), for Loki in both encodings; then how fast a backlog goes out. Prints a table and
writes OUT/ship.json. Run it on a machine that does nothing else.

    TEND_BIN=build/release/bin tests/bench/ship.py [--rate 50000] [--seconds 20] [--out build/bench]
"""
import argparse
import http.server
import json
import os
import pathlib
import shutil
import socketserver
import subprocess
import tempfile
import threading
import time

BIN = pathlib.Path(os.environ["TEND_BIN"]).resolve()
TMPFS = "/dev/shm"


class Receiver(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    requests = 0

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.requests += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Shipper:
    def __init__(self, folder, **arguments):
        self.receiver = Receiver()
        url = f"http://127.0.0.1:{self.receiver.server_address[1]}"
        arguments = {"logs": folder / "logs", "state": folder / "state", "type": "loki", "url": url, **arguments}
        self.process = subprocess.Popen([BIN / "ship_lines", *(f"{k}={v}" for k, v in arguments.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def sent(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["sent"]

    def cpu(self):
        return time.clock_gettime(~self.process.pid << 3 | 2)  # clock_getcpuclockid(3), in nanoseconds

    def rss_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)
        self.receiver.shutdown()
        self.receiver.server_close()


def write(file, begin, end):
    now = time.time_ns()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + f".{now % 10**9:09}Z"
    file.write("".join(
        f"{stamp} stdout F api:{n % 4} GET /api/v1/orders?id={n} HTTP/1.1 200 1234 Mozilla/5.0 (X11; Linux x86_64) 12 ms\n"
        for n in range(begin, end)).encode())


def wait_sent(shipper, lines):
    deadline = time.monotonic() + 60
    while shipper.sent() < lines:
        if time.monotonic() > deadline:
            raise SystemExit("not all lines were sent")
        time.sleep(0.05)


def measure(folder, options, **arguments):
    """(cores at the rate, lines a second of a backlog, MiB resident, lines a request)."""
    log = folder / "logs/api/api.log"
    log.parent.mkdir(parents=True)
    with open(log, "ab", 0) as file:
        shipper = Shipper(folder, **arguments)
        try:
            lines, cpu, begun = 0, shipper.cpu(), time.monotonic()
            while (passed := time.monotonic() - begun) < options.seconds:
                due = int(passed * options.rate)
                write(file, lines, due)
                lines = due
                time.sleep(0.02)
            cores = (shipper.cpu() - cpu) / passed
            wait_sent(shipper, lines)
            resident, batch = shipper.rss_mib(), lines / shipper.receiver.requests
        finally:
            shipper.close()
    (folder / "state").unlink()
    begun = time.monotonic()
    shipper = Shipper(folder, **arguments)
    try:
        wait_sent(shipper, lines)
        return cores, lines / (time.monotonic() - begun), resident, batch
    finally:
        shipper.close()


def main():
    parser = argparse.ArgumentParser(prog="./dev bench ship")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    results = {}
    print(f"\nship: {options.rate} lines/s to Loki: cores; backlog lines/s; MiB resident; lines a request")
    for name, arguments in (("protobuf", {}), ("json", {"json": 1})):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tend-bench-ship-", dir=TMPFS))
        try:
            results[name] = measure(folder, options, **arguments)
        finally:
            shutil.rmtree(folder)
        cores, speed, resident, batch = results[name]
        print(f"  {name:8} {cores:7.3f} {speed:10.0f} {resident:7.1f} {batch:8.0f}")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "ship.json").write_text(json.dumps(
            {"bench": "ship", "rate": options.rate, "cpus": os.cpu_count(), "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
