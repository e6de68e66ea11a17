"""A client that asks without pause and counts every failure: workers/load.c, driven."""
import json
import signal
import subprocess

from harness import PATIENCE, worker


class Load:
    """Load on `target`, "HOST:PORT" or "unix:PATH", from its begin to stop(); a `with` stops it, too.

    `close`: a connection for each request; else they are kept. `rate`: requests a second in all, as
    many as there is time for if 0.
    """

    def __init__(self, target, close=False, connections=32, rate=0, path="/"):
        words = [worker("load"), target, "close" if close else "keepalive", str(connections), str(rate), path]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.result = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdout.close()
        self.process.wait()

    def begun(self):
        """Waits for the first response."""
        line = self.process.stdout.readline()
        assert line == "begun\n", f"no response: {line}"
        return self

    def stop(self):
        """What it has counted, once all that was under way has its end (10 s at the most)."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=15 * PATIENCE)
        self.result = json.loads(out.removeprefix("begun\n"))
        self.result["pids"] = {int(pid): seen for pid, seen in self.result["pids"].items()}
        return self.result


def explain(result):
    """For a failed assertion: what there was, and the first failures."""
    kinds = ("requests", "failed", "connect", "before_response", "mid_response", "timeout", "status")
    return f"{ {k: result[k] for k in kinds} } {result['failures'][:5]} max {result['max_ms']:.0f} ms"
