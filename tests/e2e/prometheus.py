"""A real Prometheus, as Debian has it, and what it answers."""
import json
import pathlib
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import free_port, wait_until

INSTALLED = shutil.which("prometheus") is not None and shutil.which("promtool") is not None


class Prometheus:
    """Runs in a folder of its own below `folder`. `jobs` are scrape_configs; `rules` are files."""

    def __init__(self, folder, jobs, rules=(), interval="1s"):
        self.folder = pathlib.Path(folder) / f"prometheus-{free_port()}"
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.file = self.folder / "prometheus.yml"
        self.file.write_text(json.dumps({
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": [str(rule) for rule in rules], "scrape_configs": jobs}))
        checked = subprocess.run(["promtool", "check", "config", self.file], capture_output=True, timeout=30)
        if checked.returncode != 0:
            raise AssertionError((checked.stdout + checked.stderr).decode())
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.file}", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"], stdout=log, stderr=log)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, path, **query):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:  # what is wrong with a query is in the body
            raise AssertionError(f"{query}: {error.read().decode()[:500]}") from error

    def query(self, expression):
        """[(labels, value)] of now."""
        return [(sample["metric"], float(sample["value"][1]))
                for sample in self.ask("query", query=expression)["result"]]

    def value(self, expression):
        """Of the one sample that there is."""
        (_, value), = self.query(expression)
        return value

    def over(self, expression, seconds=60, step=1):
        """Series of the last so many seconds, as a graph asks for them."""
        now = time.time()
        return self.ask("query_range", query=expression, start=now - seconds, end=now, step=step)["result"]

    def targets(self):
        return self.ask("targets")["activeTargets"]

    def wait_scraped(self, count=1, timeout=30):
        """So many targets, each of which was scraped at least once."""
        return wait_until(lambda: (lambda t: t if len(t) >= count and all(x["health"] != "unknown" for x in t)
                                   else None)(self.targets()), timeout, "everything has been scraped", interval=0.2)

    def troubles(self):
        """Samples that it had to throw away."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            return sum(float(line.split()[-1]) for line in page.read().decode().splitlines()
                       if line.startswith(("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                                           "prometheus_target_scrapes_sample_out_of_order_total",
                                           "prometheus_target_scrapes_exceeded_sample_limit_total")))
