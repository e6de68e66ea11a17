"""Drives the real programs: each test has a TEND_HOME of its own, and leaves nothing behind.

TEND_BIN is the folder of the programs. Every wait has a deadline; what is not there by then fails
the test and prints what tend itself had to say.
"""
import ctypes
import fcntl
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ["TEND_BIN"])
WORKERS = pathlib.Path(os.environ.get("TEND_TEST_WORKERS", BIN / "workers"))
SANITIZED = os.environ.get("TEND_SANITIZED", "")
# Sanitized programs are slower; no test is about speed then.
PATIENCE = 4 if SANITIZED else 1
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000  # sched.h
DAEMONS = ("tendd", "tend-core", "tend-sidecar")

LINE = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) ([^ ]+):(\d+|-) (.*)", re.S)


# Numbered lines with so many bytes behind the number, some 2,000 a second, until it is told to stop;
# the file then says how many there were.
COUNTER = """#!/usr/bin/python3
import signal, sys, time
file, padding = sys.argv[1], 'x' * int(sys.argv[2])
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGINT, stop)
n = 0
while going:
    for _ in range(20):
        n += 1
        sys.stdout.write(f'line {n} {padding}\\n')
    sys.stdout.flush()
    time.sleep(0.01)
open(file, 'w').write(str(n))
"""


def wait_until(condition, timeout=10.0, what=None, interval=0.02):
    """The first true value of condition(), which may raise meanwhile; AssertionError at the deadline."""
    deadline = time.monotonic() + timeout * PATIENCE
    error = None
    while True:
        try:
            value = condition()
            if value:
                return value
            error = None
        except (AssertionError, OSError, LookupError, StopIteration, ValueError,
                http.client.HTTPException) as e:
            error = e
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", "condition")
            raise AssertionError(f"not within {timeout * PATIENCE:.0f} s: {name} ({error!r})")
        time.sleep(interval)


def run_folder(home):
    """Where tend keeps what must outlive its processes: FNV-1a of TEND_HOME, as base/paths.cc has it."""
    value = 0xCBF29CE484222325
    for byte in str(home).encode():
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    digits = "".join("0123456789abcdef"[(value >> (4 * i)) & 15] for i in range(12))
    return pathlib.Path(f"/dev/shm/tend-{os.getuid()}-{digits}")


def read_proc(pid, name):
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def parent_and_state(pid):
    fields = read_proc(pid, "stat").rpartition(b")")[2].split()
    return (int(fields[1]), fields[0].decode()) if len(fields) > 1 else (0, "")


def alive(pid):
    return parent_and_state(pid)[1] not in ("", "Z", "X")


class Record:
    """One line of a log file."""

    def __init__(self, raw):
        match = LINE.fullmatch(raw)
        if not match:
            raise AssertionError(f"not a log line: {raw[:200]!r}")
        self.time, self.stream, flag, self.app, slot, self.text = match.groups()
        self.partial = flag == b"P"
        self.stream = self.stream.decode()
        self.app = self.app.decode()
        self.slot = None if slot == b"-" else int(slot)  # None: tend itself says it


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10 * PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Tend:
    """One tend of its own: its home, its commands, its HTTP."""

    def __init__(self, listen="127.0.0.1:0", env=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="tend-e2e-"))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("TEND_", "NODE_OPTIONS"))}
        # What the programs under test are linked with must not look into what they run.
        self.env.update(TEND_HOME=str(self.home), TEND_LISTEN=listen, NO_COLOR="1",
                        PATH=f"{BIN}:{os.environ['PATH']}", **(env or {}))
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            self.env[name] = os.environ.get(name, "") + f":log_path={self.home}/sanitizer"
        self.started = []
        self.page_read = 0.0  # when /metrics answered last

    # Files

    def write(self, name, content, mode=0o644):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def config(self, *apps, name="tend.yaml", **top):
        """A tend.yaml (JSON is YAML) with these apps."""
        return self.write(name, json.dumps({**top, "apps": list(apps)}, indent=1))

    def app_logs(self, app):
        return self.home / "logs" / app

    # Commands

    def run(self, *words, timeout=60, env=None, stdin=subprocess.DEVNULL, cwd=None):
        """(exit code, stdout, stderr) of `tend WORDS`."""
        done = subprocess.run([BIN / "tend", *map(str, words)], env={**self.env, **(env or {})},
                              stdin=stdin if stdin is None or isinstance(stdin, int) else None,
                              input=None if isinstance(stdin, int) else stdin,
                              capture_output=True, timeout=timeout * PATIENCE, cwd=cwd or self.home)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def ok(self, *words, **options):
        """stdout of a command that must succeed."""
        code, out, err = self.run(*words, **options)
        if code != 0:
            raise AssertionError(f"tend {' '.join(map(str, words))}: exit {code}\n{out}{err}")
        return out

    def spawn(self, *words, env=None, **options):
        """`tend WORDS` that goes on; it is ended with the test."""
        process = subprocess.Popen([BIN / "tend", *map(str, words)], env={**self.env, **(env or {})},
                                   cwd=self.home, **{"stdin": subprocess.DEVNULL, **options})
        self.started.append(process)
        return process

    def list(self):
        return json.loads(self.ok("list", "--json"))["apps"]

    def app(self, name):
        return next(a for a in self.list() if a["name"] == name)

    def worker(self, name, slot=0):
        return next(w for w in self.app(name)["workers"] if w["slot"] == slot)

    def pids(self, name):
        return {w["slot"]: w["pid"] for w in self.app(name)["workers"]}

    def wait_state(self, name, state, timeout=15):
        return wait_until(lambda: (lambda a: a if a["state"] == state else None)(self.app(name)),
                          timeout, f"{name} is {state}")

    # HTTP

    def address(self):
        host, _, port = (self.home / "listen").read_text().strip().rpartition(":")
        return host, int(port)

    def get(self, path, headers=None, unix=False):
        """(status, headers, body)"""
        if unix:
            connection = UnixConnection(self.home / "http.sock")
        else:
            connection = http.client.HTTPConnection(*self.address(), timeout=10 * PATIENCE)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def metrics(self):
        """{(name, (label, value), …): number} of the classic page, as it is now: a page is shared for a second."""
        time.sleep(max(0, self.page_read + 1.05 - time.monotonic()))
        try:
            status, _, body = self.get("/metrics", unix=True)
        finally:  # the page was made before this: its second ends before ours
            self.page_read = time.monotonic()
        assert status == 200, status
        samples = {}
        for line in body.decode().splitlines():
            if line.startswith("#") or not line.strip():
                continue
            head, _, value = line.rpartition(" ")
            name, _, labels = head.partition("{")
            samples[(name, *sorted(re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', labels)))] = float(value)
        return samples

    def metric(self, name, **labels):
        """Its value; None if there is no such sample."""
        return self.metrics().get((name, *sorted(labels.items())))

    # Logs on disk

    def sealed_files(self, app):
        """In order of their numbers. Both forms are there until an archive's original is deleted: the original
        counts."""
        sealed = {f.name: f for f in self.app_logs(app).glob(f"{app}.log.*") if not f.name.endswith(".tmp")}
        return sorted((f for f in sealed.values() if f.suffix != ".zst" or f.stem not in sealed), key=self.sequence)

    @staticmethod
    def sequence(sealed):
        return int(sealed.name.removesuffix(".zst").rpartition("-")[2])

    def log_files(self, app):
        """Sealed ones in order of their numbers, the active one last."""
        active = self.app_logs(app) / f"{app}.log"
        return self.sealed_files(app) + ([active] if active.exists() else [])

    @staticmethod
    def read_log(file):
        if file.suffix == ".zst":
            return subprocess.run(["zstdcat", file], capture_output=True, check=True).stdout
        return file.read_bytes()

    def all_records(self, app):
        """Workers' and tend's own, in order. Segments are compressed and pruned while we read; one that is sealed
        after we have listed them is in none of the files that we read; and of a line that is being written we may
        see the beginning."""
        for tries_left in reversed(range(21)):
            try:
                listed = self.sealed_files(app)
                records = [record for file in self.log_files(app) for record in self.records_of(file)]
                newest = self.sealed_files(app)[-1:]
                if not newest or listed and self.sequence(newest[0]) == self.sequence(listed[-1]):
                    return records
                error = AssertionError(f"{app}'s log is rotated faster than it can be read")
            except (AssertionError, FileNotFoundError, subprocess.CalledProcessError) as e:
                error = e
            if tries_left == 0:
                raise error
            time.sleep(0.1)

    def records(self, app):
        """Every record of the app's workers, in order."""
        return [record for record in self.all_records(app) if record.slot is not None]

    def gaps(self, app):
        """What tend itself wrote into the app's log: that there is a gap."""
        return [record.text.decode() for record in self.all_records(app) if record.slot is None]

    def records_of(self, file):
        content = self.read_log(file)
        assert not content or content.endswith(b"\n"), f"{file} ends in a torn line"
        return [Record(line) for line in content.split(b"\n")[:-1]]

    def texts(self, app, stream=None):
        return [r.text.decode(errors="replace") for r in self.records(app) if stream in (None, r.stream)]

    def own_log(self):
        return "".join(f"--- {f.name}\n" + f.read_text(errors="replace")[-6000:]
                       for f in sorted((self.home / "state" / "log").glob("*.log")))

    # Processes

    def processes(self):
        """Everything that was started with this TEND_HOME, apart from our own children."""
        mine = {p.pid for p in self.started}
        marker = b"TEND_HOME=" + str(self.home).encode()
        found = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) not in mine and marker in read_proc(name, "environ").split(b"\0"):
                found[int(name)] = read_proc(name, "comm").decode(errors="replace").strip()
        return found

    def daemon(self, comm):
        """pid of tendd, tend-core or tend-sidecar."""
        return next(pid for pid, name in self.processes().items() if name == comm and alive(pid))

    def zombies(self):
        ours = set(self.processes())
        return [int(n) for n in os.listdir("/proc") if n.isdigit()
                and parent_and_state(n)[0] in ours and parent_and_state(n)[1] == "Z"]

    def close(self):
        """Ends everything; returns what was still there after that, as text."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        left = ""
        if any(name in DAEMONS for name in self.processes().values()):
            try:
                code, _, err = self.run("kill", timeout=30)
                if code != 0:
                    left += f"tend kill: exit {code}: {err}"
            except subprocess.TimeoutExpired:
                left += "tend kill did not end. "
        for process in self.started:
            try:
                process.wait(10 * PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                left += f"{process.args[1:]} did not end. "
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        try:
            wait_until(lambda: not self.processes(), 10, "all processes have ended")
        except AssertionError:
            left += f"left running: {self.processes()}"
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return left

    def remove(self):
        shutil.rmtree(run_folder(self.home), ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)


class TendTest(unittest.TestCase):
    """A test with one tend, `self.tend`."""
    LISTEN = "127.0.0.1:0"

    def setUp(self):
        self.tend = Tend(self.LISTEN)
        self.addCleanup(self.clean_up)  # also if the rest of setUp fails, as tearDown is not

    def clean_up(self):
        result = self._outcome.result
        failed = any(test is self for test, _ in result.errors + result.failures)
        own_log = self.tend.own_log()
        left = self.tend.close()
        own_log = self.tend.own_log() or own_log
        if failed or left:
            print(own_log, file=sys.stderr)
        reports = "".join(f.read_text() for f in self.tend.home.glob("sanitizer.*"))
        if failed and os.environ.get("TEND_KEEP"):
            print(f"kept: {self.tend.home}", file=sys.stderr)
        else:
            self.tend.remove()
        self.assertEqual(left, "")
        self.assertEqual(reports, "")

    def start(self, *words, code=0, **options):
        """`tend start WORDS` with this exit code; (stdout, stderr)."""
        got, out, err = self.tend.run("start", *words, **options)
        self.assertEqual(got, code, f"tend start: {out}{err}")
        return out, err

    def assert_bounded(self, seconds, function, *arguments, **options):
        begun = time.monotonic()
        value = function(*arguments, **options)
        self.assertLess(time.monotonic() - begun, seconds * PATIENCE)
        return value


def worker(name):
    """Path of a test worker that CMake built from workers/."""
    return str(WORKERS / name)


def free_port():
    """One that nobody listens on, and that the kernel gives to no connection of other tests meanwhile."""
    below = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(1000):
        port = random.randrange(min(10000, below // 2), below)
        try:
            with socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True):
                return port
        except OSError:
            pass
    raise AssertionError("there is no free port")


def own_mounts():
    """A mount namespace of this process's own; False where that is not allowed."""
    if os.getuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return False
    return subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL).returncode == 0


def own_network():
    """A network of this process's own, with nothing but 127.0.0.1 and ::1; False where that is not allowed."""
    if os.getuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket() as any_socket:  # SIOCSIFFLAGS: IFF_UP | IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
    return True


def median(values):
    return sorted(values)[len(values) // 2]


def main():
    unittest.main(verbosity=2)
