"""The Node preload, in real Node processes: what it reports, and that nobody notices it."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from calm import calmly

PRELOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "..", "collector", "preload", "tend-preload.cjs")
HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "base", "telemetry.h")


@unittest.skipIf(shutil.which("node") is None, "no node on this machine")
class PreloadTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_app(self, source, **options):
        """Runs a program under the preload, undisturbed; returns (completed process, frames)."""
        return calmly(lambda: self.run_once(source, **options))

    def run_once(self, source, name="app.js", node_options=None, keep_reader=True, command=None, all_options=None):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as file:
            file.write(source)
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        env = dict(os.environ, TEND_TELEMETRY_FD=str(writer))
        require = "--require " + os.path.abspath(PRELOAD)
        env["NODE_OPTIONS"] = require if node_options is None else require + " " + node_options
        if node_options is not None:
            env["TEND_NODE_OPTIONS"] = node_options
        if all_options is not None:
            env["NODE_OPTIONS"] = all_options
        if not keep_reader:
            os.close(reader)
        done = subprocess.run(command or ["node", path], env=env, pass_fds=[writer], timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        os.close(writer)
        if not keep_reader:
            return done, []
        with os.fdopen(reader) as file:
            frames = [json.loads(line) for line in file]
        return done, frames

    def test_reports_lag_heap_and_runtime(self):
        done, frames = self.run_app("setTimeout(() => {}, 2500)")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertGreaterEqual(len(frames), 2)
        self.assertRegex(frames[0]["rt"], r"^node \d+\.")
        self.assertNotIn("rt", frames[1])
        self.assertEqual(len(frames[0]["heap"]), 3)
        samples = sum(n for frame in frames for _, n in frame["lag"])
        self.assertGreater(samples, 30)

    def test_works_for_es_modules(self):
        done, frames = self.run_app("import fs from 'fs'; await new Promise(r => setTimeout(r, 400));"
                                    "console.log(typeof fs.readFileSync)", name="app.mjs")
        self.assertEqual((done.returncode, done.stdout), (0, "function\n"))
        self.assertGreaterEqual(len(frames), 1)

    def test_sees_a_blocked_loop_and_the_samples_it_missed(self):
        _, frames = self.run_app(
            "setTimeout(() => { const t = Date.now(); while (Date.now() - t < 400); }, 300);"
            "setTimeout(() => {}, 2500)")
        self.assertGreater(max(frame["max"] for frame in frames), 0.3)
        late = sum(n for frame in frames for bucket, n in frame["lag"] if bucket >= 27)
        self.assertGreaterEqual(late, 10)

    def test_gives_the_app_its_own_environment_back(self):
        source = ("console.log(JSON.stringify([process.env.NODE_OPTIONS, process.env.TEND_TELEMETRY_FD,"
                  "process.env.TEND_NODE_OPTIONS, process.execArgv]))")
        done, _ = self.run_app(source)
        self.assertEqual(json.loads(done.stdout), [None, None, None, []])
        done, _ = self.run_app(source, node_options="--max-old-space-size=300")
        self.assertEqual(json.loads(done.stdout), ["--max-old-space-size=300", None, None, []])

    def test_leaves_what_a_script_in_between_has_added(self):
        # With a path that has to be quoted, as core does it.
        folder = os.path.join(self.folder.name, 'a "b" \\c')
        os.mkdir(folder)
        shutil.copy(PRELOAD, folder)
        ours = '--require "%s/tend-preload.cjs"' % folder.replace("\\", "\\\\").replace('"', '\\"')
        other = os.path.join(folder, "other.cjs")
        with open(other, "w"):
            pass
        theirs = '--require "%s"' % other.replace("\\", "\\\\").replace('"', '\\"')
        for before, now, left in (("", ours, None),
                                  ("--no-warnings", f"{ours} --no-warnings", "--no-warnings"),
                                  ("", f"{ours} --no-deprecation", "--no-deprecation"),
                                  ("", f"--no-deprecation {ours}", "--no-deprecation"),
                                  ("--no-warnings", f"{theirs} {ours} --no-warnings --no-deprecation",
                                   f"{theirs} --no-warnings --no-deprecation")):
            with self.subTest(now=now):
                done, _ = self.run_app("console.log(JSON.stringify([process.env.NODE_OPTIONS]))",
                                       node_options=before, all_options=now)
                self.assertEqual(json.loads(done.stdout), [left], done.stderr)

    def test_keeps_the_users_options_in_force(self):
        done, _ = self.run_app("console.log(require('v8').getHeapStatistics().heap_size_limit < 500e6)",
                               node_options="--max-old-space-size=300")
        self.assertEqual(done.stdout, "true\n", done.stderr)

    def test_leaves_no_empty_options_where_there_were_none(self):
        done, _ = self.run_app("console.log('NODE_OPTIONS' in process.env)", node_options="")
        self.assertEqual(done.stdout, "false\n", done.stderr)

    def test_does_not_count_what_an_app_does_while_it_is_loaded(self):
        _, frames = self.run_app("const t = Date.now(); while (Date.now() - t < 800);"
                                 "setTimeout(() => {}, 1500)")
        self.assertGreaterEqual(len(frames), 1)
        self.assertLess(max(frame["max"] for frame in frames), 0.5)

    def test_reports_stalls_collections_memory_and_resources(self):
        _, frames = self.run_app(
            "setTimeout(() => { const t = Date.now(); while (Date.now() - t < 400); }, 300);"
            "global.kept = []; for (let i = 0; i < 40; i++) kept.push(new Array(1e5).fill({}));"
            "require('net').createServer().listen(0, '127.0.0.1'); global.buffer = new ArrayBuffer(5e6);"
            "setTimeout(() => process.exit(), 2500)")
        self.assertEqual(set(frames[0]["gc"]), {"minor", "major", "incremental", "weakcb"})
        collections = sum(n for f in frames for n, _ in f["gc"].values())
        paused = sum(s for f in frames for _, s in f["gc"].values())
        self.assertGreater(collections, 0)
        self.assertGreater(paused, 0)
        stalls = [f["stalls"] for f in frames if "stalls" in f]
        self.assertEqual(sum(n for n, _ in stalls), 1, stalls)
        self.assertGreater(stalls[0][1], 0.3)
        external, buffers = frames[-1]["ext"]
        self.assertGreaterEqual(external, buffers)
        self.assertGreaterEqual(buffers, 5_000_000)
        self.assertGreaterEqual(frames[0]["res"], 2)
        self.assertGreater(frames[0]["spaces"]["old_space"], 0)
        self.assertNotIn("spaces", frames[1])
        self.assertEqual((frames[-1]["exc"], frames[-1]["rej"]), (0, 0))

    def errors(self, frames):
        return sum(f["exc"] for f in frames), sum(f["rej"] for f in frames)

    def test_counts_an_error_that_ends_the_app_and_leaves_its_end_alone(self):
        for source, want in (("throw new Error('x')", (1, 0)), ("Promise.reject(new Error('x'))", (0, 1)),
                             ("Promise.reject(7)", (0, 1))):
            source = f"setTimeout(() => {{ {source} }}, 50); setTimeout(() => console.log('lives'), 400)"
            done, frames = self.run_app(source)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            self.assertEqual(self.errors(frames), want, source)
            plain = subprocess.run(["node", os.path.join(self.folder.name, "app.js")], timeout=60,
                                   capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (plain.returncode, plain.stderr))

    def test_counts_errors_that_the_app_handles(self):
        done, frames = self.run_app(
            "process.on('uncaughtException', () => console.log('caught'));"
            "process.on('unhandledRejection', (r) => console.log('rejected ' + r));"
            "setTimeout(() => { Promise.reject(1); Promise.reject(2); throw new Error('x') }, 50);"
            "setTimeout(() => {}, 1300)")
        self.assertEqual((done.returncode, done.stdout), (0, "caught\nrejected 1\nrejected 2\n"), done.stderr)
        self.assertEqual(self.errors(frames), (1, 2))

    def test_counts_a_rejection_once_where_it_is_an_exception_and_told(self):
        done, frames = self.run_app(
            "process.on('uncaughtException', () => {}); process.on('unhandledRejection', () => {});"
            "setTimeout(() => Promise.reject(new Error('x')), 50); setTimeout(() => {}, 1300)",
            node_options="--unhandled-rejections=strict")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.errors(frames), (0, 1))

    def test_a_handler_that_was_taken_away_handles_nothing(self):
        for take in ("process.removeListener('unhandledRejection', f)",
                     "process.removeAllListeners('unhandledRejection')"):
            done, frames = self.run_app(
                "const f = () => console.log('handled'); process.on('unhandledRejection', f);"
                f"{take}; console.log(process.listenerCount('unhandledRejection'));"
                "setTimeout(() => Promise.reject(new Error('x')), 50)")
            self.assertEqual((done.returncode, done.stdout), (1, "0\n"), done.stderr)
            self.assertEqual(self.errors(frames), (0, 1))
        done, frames = self.run_app(
            "process.once('unhandledRejection', () => console.log('handled'));"
            "setTimeout(() => Promise.reject(1), 50); setTimeout(() => Promise.reject(2), 300);"
            "setTimeout(() => console.log('lives'), 800)")
        self.assertEqual((done.returncode, done.stdout), (1, "handled\n"), done.stderr)
        self.assertEqual(self.errors(frames), (0, 2))

    def test_does_not_keep_the_app_alive(self):
        done, _ = self.run_app("console.log('bye')")
        self.assertEqual((done.returncode, done.stdout), (0, "bye\n"))

    def test_is_silent_in_worker_threads_and_children(self):
        _, frames = self.run_app(
            "const { Worker } = require('worker_threads');"
            "new Worker('setTimeout(() => {}, 600)', { eval: true });"
            "require('child_process').spawnSync(process.execPath, ['-e', 'setTimeout(() => {}, 600)'],"
            " { stdio: 'inherit' });")
        self.assertEqual(sum(1 for frame in frames if "rt" in frame), min(1, len(frames)))

    @unittest.skipIf(shutil.which("npm") is None, "no npm on this machine")
    def test_is_silent_in_npm(self):
        done, frames = self.run_app("", command=["npm", "--version"])
        self.assertEqual((done.returncode, done.stderr, frames), (0, "", []))

    @unittest.skipIf(shutil.which("npm") is None, "no npm on this machine")
    def test_leaves_nothing_to_what_npm_starts(self):
        # There the number of the pipe belongs to something else, at times to libuv itself. Not
        # looked at from a Node program: that would clean up before.
        with open(os.path.join(self.folder.name, "package.json"), "w") as file:
            json.dump({"scripts": {"start": "env | grep -E '^(TEND_|NODE_OPTIONS=)'"}}, file)
        done, frames = self.run_app("", node_options="--no-deprecation",
                                    command=["npm", "--silent", "--prefix", self.folder.name, "start"])
        self.assertEqual((done.returncode, done.stdout, frames),
                         (0, "NODE_OPTIONS=--no-deprecation\n", []), done.stderr)

    def test_gives_children_the_options_that_the_user_wrote(self):
        done, _ = self.run_app(
            "require('child_process').spawnSync(process.execPath, ['-p', "
            "'[process.env.NODE_OPTIONS, process.env.TEND_TELEMETRY_FD, process.env.TEND_NODE_OPTIONS]'],"
            " { stdio: 'inherit' })", node_options="--no-deprecation")
        self.assertEqual(done.stdout, "[ '--no-deprecation', undefined, undefined ]\n", done.stderr)

    def test_loses_nothing_while_nobody_reads(self):
        path = os.path.join(self.folder.name, "app.js")
        with open(path, "w") as file:
            file.write("setTimeout(() => {}, 3600)")
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        filled = 0
        try:
            while True:
                filled += os.write(writer, b"x" * 4096)
        except BlockingIOError:
            pass
        env = dict(os.environ, TEND_TELEMETRY_FD=str(writer),
                   NODE_OPTIONS="--require " + os.path.abspath(PRELOAD))
        app = subprocess.Popen(["node", path], env=env, pass_fds=[writer], stdin=subprocess.DEVNULL)
        os.close(writer)
        try:
            with self.assertRaises(subprocess.TimeoutExpired):
                app.wait(timeout=2.5)
            while filled > 0:
                filled -= len(os.read(reader, filled))
        finally:
            self.assertEqual(app.wait(timeout=60), 0)
        text = b""
        while chunk := os.read(reader, 65536):
            text += chunk
        frames = [json.loads(line) for line in text.splitlines()]
        samples = sum(n for _, n in frames[0]["lag"])
        # 20 ms apart, over the two seconds and more in which nothing could be written.
        self.assertGreater(samples, 60)
        self.assertGreater(frames[0]["active"] + frames[0]["idle"], 1.5)
        self.assertIn("rt", frames[0])

    def test_never_writes_to_a_pipe_that_could_block(self):
        path = os.path.join(self.folder.name, "app.js")
        with open(path, "w") as file:
            file.write("setTimeout(() => console.log('fine'), 600)")
        reader, writer = os.pipe()
        env = dict(os.environ, TEND_TELEMETRY_FD=str(writer),
                   NODE_OPTIONS="--require " + os.path.abspath(PRELOAD))
        done = subprocess.run(["node", path], env=env, pass_fds=[writer], timeout=60,
                              capture_output=True, text=True)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            self.assertEqual((done.stdout, file.read()), ("fine\n", b""))

    def test_survives_an_app_that_replaces_what_it_uses(self):
        done, frames = self.run_app(
            "const fs = require('fs'); fs.writeSync = fs.fstatSync = () => { throw new Error('mocked'); };"
            "const real = setTimeout; globalThis.setInterval = globalThis.setTimeout = () => { throw new Error(); };"
            "JSON.stringify = () => 'no'; performance.now = () => 0;"
            "real(() => process.stdout.write('fine'), 1400)")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "fine", ""))
        self.assertGreaterEqual(len(frames), 2)

    def test_leaves_exit_codes_alone(self):
        self.assertEqual(self.run_app("process.exit(7)")[0].returncode, 7)
        self.assertEqual(self.run_app("setTimeout(() => process.exit(8), 300)")[0].returncode, 8)
        self.assertEqual(self.run_app("setTimeout(() => { throw new Error('x') }, 300)")[0].returncode, 1)

    def test_survives_a_reader_that_left(self):
        done, _ = self.run_app("setTimeout(() => console.log('fine'), 1300)", keep_reader=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "fine\n", ""))

    def test_never_writes_into_a_file_that_took_its_number(self):
        target = os.path.join(self.folder.name, "precious")
        done, frames = self.run_app(
            "const fs = require('fs');"
            "for (let fd = 3; fd < 64; fd++) { try { if (fs.fstatSync(fd).isFIFO()) "
            "{ fs.closeSync(fd); break; } } catch {} }"
            f"for (let i = 0; i < 20; i++) fs.openSync({json.dumps(target)}, 'a');"
            "setTimeout(() => console.log('fine'), 1300)")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.path.getsize(target), 0)

    def run_with_channel(self, source, said, env):
        """Runs a program with a channel, as a parent that says `said`; returns (code, what it printed)."""
        path = os.path.join(self.folder.name, "app.js")
        with open(path, "w") as file:
            file.write(source)
        ours, theirs = socket.socketpair()
        env = dict(os.environ, NODE_CHANNEL_FD=str(theirs.fileno()),
                   NODE_OPTIONS="--require " + os.path.abspath(PRELOAD), **env)
        app = subprocess.Popen(["node", path], env=env, pass_fds=[theirs.fileno()],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        theirs.close()
        with ours:
            for message in said:
                ours.sendall(json.dumps(message).encode() + b"\n")
            printed, _ = app.communicate(timeout=60)
        return app.returncode, printed

    def test_is_not_seen_on_a_channel_and_does_not_keep_it_open(self):
        source = ("console.log(JSON.stringify([process.env.TEND_HOLD, process.env.NODE_OPTIONS]));"
                  "if (process.env.SEES) process.on('message', (m) => { console.log(JSON.stringify(m));"
                  " if (m === 'end') process.disconnect(); })")
        private = [{"cmd": "NODE_TEND_RELEASE"}, {"cmd": "NODE_TEND_DRAIN"}, {"cmd": "NODE_TEND_DRAIN"},
                   {"cmd": "NODE_TEND_OTHER"}]
        for hold in ({}, {"TEND_HOLD": "1"}):
            env = dict(hold, TEND_TELEMETRY_FD="999")
            self.assertEqual(self.run_with_channel(source, private, env), (0, "[null,null]\n"))
            code, printed = self.run_with_channel(source, private + ["end"], dict(env, SEES="1"))
            self.assertEqual((code, printed), (0, '[null,null]\n"end"\n'))

    def test_drains_without_telemetry(self):
        source = ("const http = require('http');"
                  "process.on('message', () => {"
                  " const agent = new http.Agent({ keepAlive: true });"
                  " const server = http.createServer((q, r) => r.end()).listen(0, '127.0.0.1', () =>"
                  "  http.get({ port: server.address().port, agent }, (r) => {"
                  "   console.log(r.headers.connection); process.exit(); })); })")
        for env in ({}, {"TEND_TELEMETRY_FD": "999"}, {"TEND_HOLD": "1"}):
            self.assertEqual(self.run_with_channel(source, [1], env), (0, "keep-alive\n"))
            drained = self.run_with_channel(source, [{"cmd": "NODE_TEND_DRAIN"}, 1], env)
            self.assertEqual(drained, (0, "close\n"))

    def test_ignores_a_descriptor_that_is_none(self):
        env = dict(os.environ, TEND_TELEMETRY_FD="999",
                   NODE_OPTIONS="--require " + os.path.abspath(PRELOAD))
        done = subprocess.run(["node", "-e", "console.log('fine')"], env=env, timeout=60,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "fine\n", ""))

    def test_counts_in_the_buckets_of_the_header(self):
        with open(HEADER) as file:
            table = re.search(r"to_array<double>\(\s*\{(.*?)\}\)", file.read(), re.S).group(1)
        want = [float(number) for number in table.split(",")]
        with open(PRELOAD) as file:
            source = file.read()
        code = source[source.index("const BOUNDS"):source.index("const INTERVAL")]
        done = subprocess.run(["node", "-e", code + ";console.log(JSON.stringify(BOUNDS))"],
                              timeout=60, capture_output=True, text=True)
        got = [bound / 1000 for bound in json.loads(done.stdout)]
        self.assertEqual(len(got), len(want))
        for have, should in zip(got, want):
            self.assertAlmostEqual(have, should, places=9)


if __name__ == "__main__":
    unittest.main()
