"""Programs that keep logs, each under the same load: how fast, for how much CPU, and is all there."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from peers import BIN

TOOLS = BIN / "bench"
PRODUCER = TOOLS / "bench_producer"
NPM_PM2 = pathlib.Path(os.environ.get("TEND_BENCH_NPM", "")) / "node_modules/.bin/pm2"
SEGMENT = 16_000_000
TMPFS = "/dev/shm"
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
LAST_CPU = os.cpu_count() - 1
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids):
    """CPU time of processes: all threads, ended ones too, and of their children that have ended."""
    total = 0.0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[13:15])) / TICKS
        total += time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3), in nanoseconds
    return total


def files_of(folder):
    found = {}
    for path in folder.rglob("*"):
        try:
            state = path.stat()
        except FileNotFoundError:  # renamed just now
            continue
        if path.is_file():
            found[state.st_ino] = (path, state.st_size)
    return found


def lines_of(folder):
    total = 0
    for path, _ in files_of(folder).values():
        if path.name == "config":
            continue
        if path.suffix == ".zst":
            text = subprocess.run(["zstd", "-dcq", path], check=True, stdout=subprocess.PIPE).stdout
        else:
            text = path.read_bytes()
        total += text.count(b"\n")
    return total


def on_program_cpu():
    os.sched_setaffinity(0, {0})


class Run:
    """What to write: `total` bytes by `producers`, in lines of `kind`, at `rate` lines a second each (0: all out)."""

    def __init__(self, kind, producers, total, rate=0):
        self.kind, self.producers, self.rate = kind, producers, rate
        self.each = total // producers

    def command(self, home, go="-"):
        return [str(PRODUCER), self.kind, str(self.each), str(self.rate), str(go), str(home / "done"), str(LAST_CPU)]

    def written(self, home):
        """(lines, bytes) of all producers, or None while some still write."""
        done = [file.read_text().split() for file in home.glob("done.*") if not file.name.endswith("~")]
        if len(done) < self.producers:
            return None
        return sum(int(lines) for lines, _ in done), sum(int(size) for _, size in done)

    def result(self, home, seconds, cpu):
        lines, size = self.written(home)
        return {"mb_s": size / 1e6 / seconds, "cpu_s_gb": cpu / (size / 1e9), "core_percent": 100 * cpu / seconds,
                "lost": lines - lines_of(home / "logs")}


class Filter:
    """A program that reads pipes until their end. With `own_pipes` it gets one per producer, else they share one."""

    def __init__(self, name, note, command, own_pipes=False, config=""):
        self.name, self.note, self.command, self.own_pipes, self.config = name, note, command, own_pipes, config

    def available(self):
        return shutil.which(self.command(pathlib.Path("."), [0])[0]) is not None

    def measure(self, run, home):
        pipes = [os.pipe() for _ in range(run.producers if self.own_pipes else 1)]
        (home / "logs").mkdir()
        if self.config:
            (home / "logs" / "config").write_text(self.config)
        reads = [read for read, _ in pipes]
        program = subprocess.Popen(self.command(home / "logs", reads), stdin=reads[0], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, pass_fds=reads, preexec_fn=on_program_cpu,
                                   env=dict(os.environ, TEND_HOME=str(home), TEND_LISTEN="off"))
        time.sleep(0.3)
        begun = time.monotonic()
        producers = [subprocess.Popen(run.command(home), stdout=pipes[i % len(pipes)][1])
                     for i in range(run.producers)]
        for pipe in pipes:
            os.close(pipe[0])
            os.close(pipe[1])
        _, status, usage = os.wait4(program.pid, 0)
        seconds = time.monotonic() - begun
        program.returncode = os.waitstatus_to_exitcode(status)
        for producer in producers:
            producer.wait(30)
        return run.result(home, seconds, usage.ru_utime + usage.ru_stime)


class Daemon:
    """A supervisor that starts the producers itself. Its time ends with the last line it stores."""

    note = ""

    def measure(self, run, home):
        go = home / "go"
        self.env = dict(os.environ, TEND_HOME=str(home), PM2_HOME=str(home), TEND_LISTEN="off")
        self.start(run, home, run.command(home, go))
        try:
            time.sleep(2)
            pids = self.pids(home)
            before = cpu_seconds(pids)
            begun = time.monotonic()
            go.touch()
            seconds, cpu = self.until_quiet(run, home, pids, begun)
            return run.result(home, seconds, cpu - before)
        finally:
            self.stop(home)

    def until_quiet(self, run, home, pids, begun):
        """(seconds to the last line stored, CPU seconds of `pids` to the last change of any file)."""
        state = stored = None
        changed = lines_end = begun
        cpu = 0.0
        while run.written(home) is None or time.monotonic() - changed < 1.5:
            now = files_of(home / "logs")
            if now != state:
                state, changed, cpu = now, time.monotonic(), cpu_seconds(pids)
            # Compression makes other files, under other names; it takes and adds no line.
            plain = {inode: file for inode, file in now.items()
                     if file[0].suffix not in (".zst", ".tmp") and (stored is None or stored.get(inode) != file[1])}
            if plain:
                lines_end = time.monotonic()
                stored = {**(stored or {}), **{inode: file[1] for inode, file in plain.items()}}
            if time.monotonic() - begun > 120:
                raise TimeoutError(f"{self.name} still writes after 120 s")
            time.sleep(0.01)
        return lines_end - begun, cpu

    def call(self, *words):
        subprocess.run(words, env=self.env, check=True, timeout=120, preexec_fn=on_program_cpu, **QUIET)


class Tend(Daemon):
    def __init__(self, name, compress, note=""):
        self.name, self.compress, self.note = name, compress, note

    def available(self):
        return (BIN / "tend").exists()

    def start(self, run, home, command):
        compress = {"level": 1, "delay": 0} if self.compress else False
        (home / "tend.yaml").write_text(json.dumps({"apps": [
            {"name": "w", "script": command[0], "args": command[1:], "interpreter": "none", "instances": run.producers,
             "logs": {"max_size": SEGMENT, "max_files": 1000, "max_total": "8GiB", "compress": compress}}]}))
        self.call(BIN / "tend", "start", home / "tend.yaml")

    def pids(self, home):
        """Of all its processes: keeper, core and sidecar."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                program = os.path.basename(os.readlink(f"/proc/{name}/exe"))
                environ = pathlib.Path(f"/proc/{name}/environ").read_bytes()
            except OSError:
                continue
            if program.startswith("tend") and str(home).encode() in environ:
                found.append(int(name))
        return found

    def stop(self, home):
        self.call(BIN / "tend", "kill")


class Pm2(Daemon):
    name = "PM2"
    note = "`--time`; does not rotate by itself"

    def available(self):
        return NPM_PM2.exists()

    def start(self, run, home, command):
        (home / "ecosystem.json").write_text(json.dumps({"apps": [
            {"name": "w", "script": command[0], "args": command[1:], "interpreter": "none", "exec_mode": "fork",
             "instances": run.producers, "time": True}]}))
        self.call(NPM_PM2, "start", home / "ecosystem.json")

    def pids(self, home):
        return [int((home / "pm2.pid").read_text())]

    def stop(self, home):
        self.call(NPM_PM2, "kill")


class Supervisord(Daemon):
    name = "supervisord"
    note = "no stamps"

    def available(self):
        return shutil.which("supervisord") is not None

    def start(self, run, home, command):
        (home / "logs").mkdir()
        (home / "conf").write_text(
            f"[supervisord]\nnodaemon=true\nlogfile={home}/own.log\npidfile={home}/pid\nchildlogdir={home}\n"
            f"[program:w]\ncommand={' '.join(command)}\nnumprocs={run.producers}\nprocess_name=w%(process_num)d\n"
            f"stdout_logfile={home}/logs/w%(process_num)d\nstdout_logfile_maxbytes={SEGMENT}\n"
            "stdout_logfile_backups=1000\n")
        self.process = subprocess.Popen(["supervisord", "-c", home / "conf"], preexec_fn=on_program_cpu, **QUIET)

    def pids(self, home):
        return [self.process.pid]

    def stop(self, home):
        self.process.terminate()
        self.process.wait(30)


BOUND = Filter("C bound", "`tests/bench/logs/bound.cc`",
               lambda d, fds: [str(TOOLS / "bench_bound"), str(d), str(SEGMENT), *map(str, fds)], own_pipes=True)
TEND = Tend("tend", compress=False)
OTHERS = [
    Tend("tend, zstd", compress=True, note="each segment compressed at once"),
    Filter("tend pipe", "one stream; compresses all but the newest segment",
           lambda d, _: [str(BIN / "tend"), "pipe", "w", "--log-dir", str(d), "--max-size", str(SEGMENT),
                         "--max-files", "1000", "--max-total", "8GiB"]),
    Filter("s6-log", "`T`", lambda d, _: ["s6-log", "T", "n1000", f"s{SEGMENT}", str(d)]),
    Filter("svlogd", "`-tt`", lambda d, _: ["svlogd", "-tt", str(d)], config=f"s{SEGMENT}\nn0\n"),
    Filter("multilog", "`t`", lambda d, _: ["multilog", "t", f"s{SEGMENT}", "n1000", str(d)]),
    Filter("rotatelogs", "no stamps", lambda d, _: ["rotatelogs", "-n", "1000", f"{d}/log", "16M"]),
    Supervisord(),
    Pm2(),
]


def warm(size):
    """Takes memory from the hypervisor and gives it back: pages it has to find first cost several times a write."""
    with tempfile.TemporaryFile(dir=TMPFS) as file:
        for _ in range(size // (1 << 20)):
            file.write(bytes(1 << 20))


def measure(program, run):
    home = pathlib.Path(tempfile.mkdtemp(prefix="tend-bench-", dir=TMPFS))
    try:
        warm(run.each * run.producers * 3 // 2)
        return program.measure(run, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
