"""The Python preload, in real Python processes: what it reports, and that nobody notices it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from calm import calmly

FOLDER = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "collector", "preload"))
HEADER = os.path.join(FOLDER, "..", "..", "base", "telemetry.h")
# Does nothing for 300 ms, stands still for 400, does nothing for a second more.
STALLS = ("import asyncio, time\n"
          "async def main():\n"
          "    await asyncio.sleep(0.3)\n"
          "    time.sleep(0.4)\n"
          "    await asyncio.sleep(1.2)\n")


class PythonPreloadTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_app(self, source, **options):
        """Runs a program under the preload, undisturbed; returns (completed process, frames)."""
        return calmly(lambda: self.run_once(source, **options))

    def run_once(self, source, own_path=None, blocking=False, keep_reader=True, python_path=None):
        path = os.path.join(self.folder, "app.py")
        with open(path, "w") as file:
            file.write(source)
        reader, writer = os.pipe()
        os.set_blocking(writer, blocking)
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        env.update(TEND_TELEMETRY_FD=str(writer), PYTHONPATH=FOLDER, PYTHONDONTWRITEBYTECODE="1")
        if own_path is not None:
            env.update(PYTHONPATH=FOLDER + ":" + own_path, TEND_PYTHONPATH=own_path)
        if python_path is not None:
            env.update(PYTHONPATH=python_path)
        if not keep_reader:
            os.close(reader)
        done = subprocess.run([sys.executable, path], env=env, pass_fds=[writer], timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        os.close(writer)
        if not keep_reader:
            return done, []
        with os.fdopen(reader) as file:
            return done, [json.loads(line) for line in file]

    def assert_seen(self, frames, stalls=1):
        """A stall of 400 ms, and the samples that it hid."""
        self.assertEqual(sum(f.get("stalls", [0])[0] for f in frames), stalls, frames)
        self.assertGreater(max(f["max"] for f in frames), 0.3)
        late = sum(n for f in frames for bucket, n in f["lag"] if bucket >= 24)
        self.assertGreaterEqual(late, 5)

    def test_reports_lag_stalls_and_runtime(self):
        done, frames = self.run_app(STALLS + "asyncio.run(main())\nprint('fine')")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "fine\n", ""))
        self.assertEqual(frames[0]["rt"], "python " + sys.version.split()[0])
        self.assertEqual(set(frames[0]["gc"]), {"gen0", "gen1", "gen2"})
        self.assertNotIn("rt", frames[1])
        self.assert_seen(frames)
        self.assertGreater(sum(n for f in frames for _, n in f["lag"]), 20)

    def test_sees_uvloop(self):
        try:
            import uvloop  # noqa: F401
        except ImportError:
            self.skipTest("no uvloop on this machine")
        done, frames = self.run_app(STALLS + "import uvloop\nuvloop.install()\nasyncio.run(main())")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_seen(frames)

    def test_sees_a_loop_of_another_thread(self):
        _, frames = self.run_app(STALLS + "import threading\n"
                                 "t = threading.Thread(target=lambda: asyncio.run(main()))\nt.start()\nt.join()")
        self.assert_seen(frames)

    def test_a_loop_that_does_not_run_is_not_late(self):
        _, frames = self.run_app("import asyncio, time\nloop = asyncio.new_event_loop()\n"
                                 "for _ in range(3):\n"
                                 "    loop.run_until_complete(asyncio.sleep(0.3))\n    time.sleep(0.4)\n")
        self.assertGreater(sum(n for f in frames for _, n in f["lag"]), 6)
        self.assertLess(max(f["max"] for f in frames), 0.25)

    def test_the_main_threads_loop_comes_first(self):
        _, frames = self.run_app(
            STALLS + "import threading\n"
            "async def still():\n    await asyncio.sleep(1.5)\n"
            "t = threading.Thread(target=lambda: asyncio.run(main()))\nt.start()\n"
            "time.sleep(0.1)\nasyncio.run(still())\nt.join()")
        self.assertLess(max(f["max"] for f in frames), 0.25)
        self.assertGreater(sum(n for f in frames for _, n in f["lag"]), 15)

    def test_reports_collections_without_a_loop(self):
        _, frames = self.run_app("import gc\nfor _ in range(5): gc.collect()")
        self.assertGreaterEqual(sum(f["gc"].get("gen2", [0])[0] for f in frames), 5)
        self.assertGreater(sum(f["gc"].get("gen2", [0, 0])[1] for f in frames), 0)

    def test_gives_the_app_its_own_environment_back(self):
        source = ("import json, os, sys\nprint(json.dumps([{k: v for k, v in os.environ.items() if k.startswith"
                  "(('TEND_', 'PYTHONPATH'))}, [p for p in sys.path if p.endswith('preload')], sys.path[1]]))")
        done, _ = self.run_app(source)
        self.assertEqual(json.loads(done.stdout)[:2], [{}, []])
        done, _ = self.run_app(source, own_path="/srv/lib")
        self.assertEqual(json.loads(done.stdout), [{"PYTHONPATH": "/srv/lib"}, [], "/srv/lib"])
        done, _ = self.run_app(source, own_path="")
        self.assertEqual(json.loads(done.stdout)[:2], [{"PYTHONPATH": ""}, []])

    def test_leaves_what_a_script_in_between_has_added(self):
        source = "import os\nprint(os.environ.get('PYTHONPATH'))"
        for own, changed, left in ((None, f"/venv:{FOLDER}", "/venv"),
                                   ("", f"/venv:{FOLDER}", "/venv"),
                                   ("/srv", f"/venv:{FOLDER}:/srv", "/venv:/srv"),
                                   ("/srv", f"{FOLDER}:/srv:/venv", "/srv:/venv")):
            with self.subTest(changed=changed, own=own):
                done, _ = self.run_app(source, own_path=own, python_path=changed)
                self.assertEqual(done.stdout, left + "\n", done.stderr)

    def test_runs_the_users_sitecustomize(self):
        own = os.path.join(self.folder, "own")
        os.mkdir(own)
        with open(os.path.join(own, "sitecustomize.py"), "w") as file:
            file.write("import builtins\nbuiltins.mine = 'mine'\n")
        done, frames = self.run_app("import sitecustomize\nprint(mine, sitecustomize.__file__)", own_path=own)
        self.assertEqual((done.stdout, done.stderr), (f"mine {own}/sitecustomize.py\n", ""))
        self.assertGreaterEqual(len(frames), 1)

    def test_what_it_executes_is_left_alone(self):
        done, frames = self.run_app(
            "import os, subprocess, sys\n"
            "subprocess.run([sys.executable, '-c', 'import os; print(os.environ.get(\"TEND_TELEMETRY_FD\"), "
            "[f for f in os.listdir(\"/proc/self/fd\") if int(f) > 3])'], close_fds=False)")
        self.assertEqual(done.stdout, "None []\n", done.stderr)
        self.assertEqual(sum("rt" in f for f in frames), 1)

    def test_what_it_forks_reports_as_well(self):
        done, frames = self.run_app(
            STALLS + "import os\nif os.fork() == 0:\n    asyncio.run(main())\n    os._exit(0)\nos.wait()")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_seen(frames)
        self.assertEqual(sum("rt" in f for f in frames), 1)

    def test_leaves_exit_codes_and_ends_alone(self):
        self.assertEqual(self.run_app("raise SystemExit(7)")[0].returncode, 7)
        done, _ = self.run_app("raise ValueError('x')")
        self.assertEqual((done.returncode, done.stderr.splitlines()[-1]), (1, "ValueError: x"))

    def test_survives_a_reader_that_left(self):
        done, _ = self.run_app(STALLS + "import signal\nasyncio.run(main())\nprint('fine')", keep_reader=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "fine\n", ""))

    def test_never_writes_to_a_pipe_that_could_block(self):
        done, frames = self.run_app(STALLS + "asyncio.run(main())\nprint('fine')", blocking=True)
        self.assertEqual((done.stdout, frames), ("fine\n", []))

    def test_never_writes_into_a_file_that_took_its_number(self):
        target = os.path.join(self.folder, "precious")
        done, _ = self.run_app(
            "import os, stat\n"
            "for fd in range(3, 64):\n    try:\n        if stat.S_ISFIFO(os.fstat(fd).st_mode): os.close(fd); break\n"
            "    except OSError: pass\n"
            f"for _ in range(20): os.open({target!r}, os.O_WRONLY | os.O_CREAT)\n"
            + STALLS + "asyncio.run(main())\nprint('fine')")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "fine\n", ""))
        self.assertEqual(os.path.getsize(target), 0)

    def test_counts_in_the_buckets_of_the_header(self):
        with open(HEADER) as file:
            table = re.search(r"to_array<double>\(\s*\{(.*?)\}\)", file.read(), re.S).group(1)
        want = [float(number) for number in table.split(",")]
        with open(os.path.join(FOLDER, "sitecustomize.py")) as file:
            source = file.read()
        code = source[source.index("    bounds = "):source.index("    INTERVAL")]
        names = {}
        exec("if True:\n" + code, names)  # its own text, to see what it makes
        self.assertEqual(len(names["bounds"]), len(want))
        for have, should in zip(names["bounds"], want):
            self.assertAlmostEqual(have, should, places=9)


if __name__ == "__main__":
    unittest.main()
