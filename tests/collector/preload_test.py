"""The Node preload, in real Node processes: what it reports, and that nobody notices it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

PRELOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "..", "collector", "preload", "tend-preload.cjs")
HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "base", "telemetry.h")


@unittest.skipIf(shutil.which("node") is None, "no node on this machine")
class PreloadTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def run_app(self, source, name="app.js", node_options=None, keep_reader=True, command=None):
        """Runs a program under the preload; returns (completed process, frames)."""
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
        done, frames = self.run_app("setTimeout(() => {}, 1500)")
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
            "setTimeout(() => {}, 1500)")
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

    def test_keeps_the_users_options_in_force(self):
        done, _ = self.run_app("console.log(require('v8').getHeapStatistics().heap_size_limit < 500e6)",
                               node_options="--max-old-space-size=300")
        self.assertEqual(done.stdout, "true\n", done.stderr)

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
