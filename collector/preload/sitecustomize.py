"""Runs inside a Python worker before its own code (PYTHONPATH) and reports on the descriptor
TEND_TELEMETRY_FD how late its asyncio loop ran and how long its collections took
(frames: collector/telemetry_frame.h).

Never raises, never keeps the process alive, never speaks on any other descriptor, starts no thread and no
timer of its own but in a loop that runs, and leaves the environment as the user wrote it. What the worker
forks reports as well; what it executes does not.
"""
import os
import sys


def _tend_restore():
    """The app's own PYTHONPATH and sitecustomize; returns the descriptor as text, or None."""
    environ = os.environ
    folder = os.path.dirname(os.path.abspath(__file__))
    own = environ.pop("TEND_PYTHONPATH", None)
    now = environ.get("PYTHONPATH", "")
    if now == folder + (os.pathsep + own if own else ""):
        if own is None:
            del environ["PYTHONPATH"]
        else:
            environ["PYTHONPATH"] = own
    elif folder in now.split(os.pathsep):
        # A script in between has added something of its own.
        environ["PYTHONPATH"] = os.pathsep.join(path for path in now.split(os.pathsep) if path != folder)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != folder]
    sys.path_importer_cache.pop(folder, None)
    return environ.pop("TEND_TELEMETRY_FD", None)


def _tend_own_sitecustomize():
    """Runs the user's, which ours hid; it may raise, as without us."""
    # What importlib is made of; to import that would cost each start of each program.
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder
    spec = PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


def _tend_observe(fd_text):
    import fcntl
    import gc
    import stat
    import time
    from _bisect import bisect_left
    from _contextvars import Context
    from _frozen_importlib_external import PathFinder
    from _thread import get_ident

    # All that is needed later is taken now: the app may replace it (fake clocks).
    now, write, fstat = time.monotonic, os.write, os.fstat
    main_thread = get_ident()

    fd = int(fd_text)
    pipe = fstat(fd)
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    # A pipe that could block would stop the app when nobody reads.
    if not stat.S_ISFIFO(pipe.st_mode) or not flags & os.O_NONBLOCK or flags & os.O_ACCMODE == os.O_RDONLY:
        return
    os.set_inheritable(fd, False)

    # kLagBounds of base/telemetry.h.
    bounds = [step * 1e-4 for step in (1, 1.5, 2, 3, 4, 5, 6, 8)]
    for decade in (1e-3, 1e-2, 1e-1, 1.0):
        bounds += [step * decade for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)]
    bounds += [10.0, 15.0, 20.0, 30.0, 60.0]

    INTERVAL = 0.05
    REPORT = 1.0
    STALL = 0.25  # kStallSeconds of base/telemetry.h
    KINDS = ("gen0", "gen1", "gen2")

    class State:
        loop = None      # the one that is observed
        thread = None    # that it runs in
        timer = None
        due = 0.0
        begun = None     # the collection that goes on
        reported = 0.0
        silent = False   # the descriptor is not ours any more

    state = State()

    def forget():
        state.counts = {}
        state.sum = state.max = state.stalled = 0.0
        state.stalls = 0
        state.pauses = [[0, 0.0] for _ in KINDS]

    def frame(first):
        lag = ",".join("[%d,%d]" % pair for pair in state.counts.items())
        pauses = ",".join('"%s":[%d,%.6f]' % (kind, pair[0], pair[1])
                          for kind, pair in zip(KINDS, state.pauses) if first or pair[0])
        text = '{"v":1,"lag":[%s],"sum":%.6f,"max":%.6f,"gc":{%s}' % (lag, state.sum, state.max, pauses)
        if state.stalls:
            text += ',"stalls":[%d,%.6f]' % (state.stalls, state.stalled)
        if first:
            text += ',"rt":"python %s"' % ".".join(map(str, sys.version_info[:3]))
        return (text + "}\n").encode()

    def report(first=False):
        if state.silent:
            return
        state.reported = now()
        try:
            # The app may have closed the descriptor, and something else may have its number now.
            there = fstat(fd)
            if (there.st_ino, there.st_dev) != (pipe.st_ino, pipe.st_dev):
                state.silent = True
                return
            write(fd, frame(first))
            forget()
        except BlockingIOError:
            pass  # Nobody reads just now: what was counted goes into the next report.
        except Exception:
            state.silent = True

    def count(delay):
        bucket = bisect_left(bounds, delay)
        state.counts[bucket] = state.counts.get(bucket, 0) + 1
        state.sum += delay
        state.max = max(state.max, delay)

    def tick(loop):
        if loop is not state.loop:
            return
        try:
            delay = max(0.0, now() - state.due)
            count(delay)
            if delay > STALL:
                state.stalls += 1
                state.stalled += delay
            # While the loop stood still no sample was taken; those that are missing were late, too.
            missing, late = 0, delay - INTERVAL
            while late > 0 and missing < 10000:
                count(late)
                missing, late = missing + 1, late - INTERVAL
            if now() - state.reported >= REPORT:
                report()
            if not state.silent:
                sample(loop)
        except Exception:
            state.silent = True

    def sample(loop):
        state.due = now() + INTERVAL
        state.timer = loop.call_later(INTERVAL, tick, loop, context=Context())

    def runs(loop):
        """A loop begins to run in this thread, or, if None, ends to."""
        if state.silent:
            return
        this = get_ident()
        if loop is None:
            if state.thread == this and state.loop is not None:
                state.loop = state.thread = None
                state.timer.cancel()
            return
        # One loop is observed, that of the main thread if there is one. The timer of one that is not any
        # more does nothing when it is due.
        if state.loop is not None and (this != main_thread or state.thread == this):
            return
        state.loop, state.thread = loop, this
        sample(loop)

    def watch(events):
        """All kinds of loops say by this one function that they run, uvloop as well."""
        set_running_loop = events._set_running_loop

        def _set_running_loop(loop):
            set_running_loop(loop)
            try:
                runs(loop)
            except Exception:
                state.silent = True

        events._set_running_loop = _set_running_loop

    class Watcher:
        """asyncio is watched once the app imports it, so that others do not pay for it."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name != "asyncio.events":
                return None
            sys.meta_path.remove(Watcher)
            spec = PathFinder.find_spec(name, path, target)
            if spec is None or spec.loader is None:
                return None
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                try:
                    watch(module)
                except Exception:
                    pass

            spec.loader.exec_module = exec_module
            return spec

    def on_collection(phase, info):
        try:
            if phase == "start":
                state.begun = now()
            elif state.begun is not None:
                pauses = state.pauses[info["generation"]]
                pauses[0] += 1
                pauses[1] += now() - state.begun
                state.begun = None
                # A program without a loop has no other occasion.
                if state.loop is None and now() - state.reported >= REPORT:
                    report()
        except Exception:
            pass

    def forked():
        forget()
        state.loop = state.thread = state.timer = state.begun = None

    forget()
    report(first=True)
    gc.callbacks.append(on_collection)
    sys.meta_path.insert(0, Watcher)
    os.register_at_fork(after_in_child=forked)
    import atexit
    atexit.register(report)


def _tend_begin():
    fd_text = None
    try:
        fd_text = _tend_restore()
    except Exception:
        pass
    try:
        if fd_text is not None:
            _tend_observe(fd_text)
    except Exception:
        pass


_tend_begin()
_tend_own_sitecustomize()
