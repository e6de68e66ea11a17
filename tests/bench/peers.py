"""Supervisors under the same load: each starts N copies of one program, and says what it is made of."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

BIN = pathlib.Path(os.environ["TEND_BIN"])


def wait_for(condition, timeout=30.0, interval=0.0005):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        time.sleep(interval)
    return value


class Peer:
    name = ""

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="tend-bench-"))
        self.env = dict(os.environ, TEND_HOME=str(self.home), PM2_HOME=str(self.home), TEND_LISTEN="127.0.0.1:0")

    def run(self, *words):
        subprocess.run(words, env=self.env, cwd=self.home, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def processes(self):
        """pids of its own processes: all that have its home in their environment, and are no worker."""
        marker = str(self.home).encode()
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                environ = pathlib.Path(f"/proc/{name}/environ").read_bytes()
                program = os.path.basename(os.readlink(f"/proc/{name}/exe"))
            except OSError:
                continue
            if marker in environ and program not in ("stamp", "idle"):
                found.append(int(name))
        return found

    def close(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Tend(Peer):
    name = "tend"
    list_command = [str(BIN / "tend"), "list"]

    @staticmethod
    def available():
        return (BIN / "tend").exists()

    def start(self, count, program, *arguments):
        (self.home / "tend.yaml").write_text(json.dumps({"apps": [
            {"name": "w", "script": program, "args": list(arguments), "interpreter": "none", "instances": count,
             "max_restarts": 10000, "min_uptime": "100ms"}]}))
        self.run(BIN / "tend", "start", "tend.yaml")

    def stop(self):
        self.run(BIN / "tend", "kill")


class Pm2(Peer):
    name = "PM2"
    program = pathlib.Path(os.environ.get("TEND_BENCH_NPM", "")) / "node_modules/.bin/pm2"
    list_command = [str(program), "list"]

    @classmethod
    def available(cls):
        return cls.program.exists()

    def start(self, count, program, *arguments):
        (self.home / "ecosystem.json").write_text(json.dumps({"apps": [
            {"name": "w", "script": program, "args": list(arguments), "interpreter": "none", "exec_mode": "fork",
             "instances": count, "max_restarts": 10000, "min_uptime": 100}]}))
        self.run(self.program, "start", "ecosystem.json")

    def stop(self):
        self.run(self.program, "kill")


class Runit(Peer):
    name = "runit"
    list_command = ["sh", "-c", 'sv status "$TEND_HOME"/sv/*']

    @staticmethod
    def available():
        return shutil.which("runsvdir") is not None

    def start(self, count, program, *arguments):
        words = " ".join([program, *arguments])
        for i in range(count):
            folder = self.home / "sv" / f"w{i}"
            folder.mkdir(parents=True)
            (folder / "run").write_text(f"#!/bin/sh\nexec {words}\n")
            (folder / "run").chmod(0o755)
        self.process = subprocess.Popen(["runsvdir", self.home / "sv"], env=self.env)
        time.sleep(6)  # it looks for new services every 5 s

    def stop(self):
        self.process.send_signal(1)
        self.process.wait(30)


PEERS = [Tend, Pm2, Runit]


def pss_mib(pids):
    total = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
    return total / 1024


def median(values):
    return sorted(values)[len(values) // 2]
