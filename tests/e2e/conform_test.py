"""/metrics is OpenMetrics and Prometheus' text format as all their readers take them. The same checks
find what is wrong with servers that are."""
import collections
import gzip
import http.server
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from harness import TendTest, main, wait_until
from prometheus import INSTALLED, Prometheus

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
except ImportError:  # Debian: python3-prometheus-client
    parse_open_metrics = None

# As Prometheus 2.42 sends it.
ACCEPT = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
RATHER_CLASSIC = "application/openmetrics-text;q=0.1,text/plain;q=0.9"
OPEN, CLASSIC = "application/openmetrics-text; version=1.0.0; charset=utf-8", "text/plain; version=0.0.4; charset=utf-8"


def fetch(url, **headers):
    """(content type, content encoding, body)"""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers.get("Content-Type", ""), answer.headers.get("Content-Encoding", ""), answer.read()


def parsed(body):
    """(number of samples, what is wrong) of a page of OpenMetrics."""
    wrong, samples = [], 0
    try:
        for family in parse_open_metrics(body.decode()):
            samples += len(family.samples)
            if not family.documentation:
                wrong.append(f"no HELP: {family.name}")
            if family.unit and not family.name.endswith("_" + family.unit):
                wrong.append(f"unit is not in the name: {family.name}")
    except ValueError as error:
        wrong.append(f"strict parser: {error}")
    return samples, wrong


def complaints_about_bodies(url):
    wrong = []
    open_type, _, open_body = fetch(url, Accept=ACCEPT)
    if not open_type.startswith("application/openmetrics-text") or "version=1.0.0" not in open_type:
        wrong.append(f"asked for OpenMetrics, got {open_type}")
    if not open_body.endswith(b"\n# EOF\n"):
        wrong.append("no # EOF at the end")
    classic_type, _, classic = fetch(url)
    if not classic_type.startswith("text/plain") or "version=0.0.4" not in classic_type:
        wrong.append(f"asked for nothing, got {classic_type}")
    if not fetch(url, Accept=RATHER_CLASSIC)[0].startswith("text/plain"):
        wrong.append("q-values are ignored")
    _, encoding, body = fetch(url, Accept=ACCEPT, Accept_Encoding="gzip")
    try:
        if not (gzip.decompress(body) if encoding == "gzip" else body).endswith(b"\n# EOF\n"):
            wrong.append("gzip: no # EOF at the end")
    except (OSError, EOFError) as error:
        wrong.append(f"gzip: {error}")
    wrong += parsed(open_body)[1]
    linted = subprocess.run(["promtool", "check", "metrics"], input=classic, capture_output=True, timeout=60)
    if linted.returncode != 0:
        wrong.append(f"promtool: {(linted.stdout + linted.stderr).decode()[:1000]}")
    return wrong


def complaints_of_prometheus(url, folder):
    server = Prometheus(folder, [{"job_name": "tend", "static_configs": [{"targets": [url.split("/")[2]]}]}])
    try:
        server.wait_scraped()
        try:  # one scrape may fail on a machine that is busy
            wait_until(lambda: server.targets()[0]["health"] == "up", 10, interval=0.5)
        except AssertionError:
            return [f"Prometheus: {server.targets()[0]['lastError']}"]
        wrong = []
        try:  # series come while a worker starts, so one look may differ
            wait_until(lambda: server.value("scrape_samples_scraped")
                       == parsed(fetch(url, Accept=ACCEPT)[2])[0], 10, interval=0.5)
        except AssertionError:
            wrong.append("Prometheus does not see as many samples as the parser")
        wait_until(lambda: server.value("count_over_time(up[5m])") >= 3, 20, "three scrapes", interval=0.5)
        if server.troubles():
            wrong.append("Prometheus threw samples away")
        return wrong + [f"Prometheus: unit of {m['metric']} is {m['unit']}"
                        for m in server.ask("targets/metadata", limit=5000)
                        if m["unit"] and m["unit"] not in m["metric"]]
    finally:
        server.stop()


def complaints(url, folder):
    return complaints_about_bodies(url) + complaints_of_prometheus(url, folder)


@unittest.skipUnless(parse_open_metrics and INSTALLED, "needs prometheus and python3-prometheus-client")
class TendConformsTest(TendTest):
    def start_apps(self, **top):
        self.tend.write("web.js", "setInterval(() => console.log('tick'), 50); console.error('up');\n")
        self.tend.write("job.py", "import time\nwhile True:\n    print('tock', flush=True)\n    time.sleep(0.1)\n")
        self.tend.config({"name": "web", "script": "./web.js", "instances": 2},
                         {"name": "job", "script": "./job.py", "interpreter": "/usr/bin/python3"},
                         {"name": "broken \\ \"app\"\u00e9", "script": "/bin/false", "max_restarts": 1}, **top)
        self.start("tend.yaml", code=7)  # one of them is broken
        wait_until(lambda: self.tend.metric("tend_worker_eventloop_lag_p99_seconds", app="web", worker="1")
                   is not None, 20, "everything is measured")
        return "http://{}:{}/metrics".format(*self.tend.address())

    def test_by_default(self):
        self.assertEqual(complaints(self.start_apps(), self.tend.home), [])

    def test_at_the_lowest_level(self):
        url = self.start_apps(metrics={"level": "basic"})
        self.assertEqual(complaints_about_bodies(url), [])
        self.assertIsNone(self.tend.metric("tend_worker_starts_total", app="web", worker="0"), "not a basic one")

    def test_at_the_highest_level_with_the_names_of_others(self):
        url = self.start_apps(metrics={"level": "full", "compat": ["pm2", "prom-client"]})
        wait_until(lambda: {"pm2_up", "nodejs_eventloop_lag_p99_seconds", "tend_worker_virtual_memory_bytes"}
                   <= {name for name, *_ in self.tend.metrics()}, 20, "all of it is there")
        self.assertEqual(complaints(url, self.tend.home), [])


BEGUN = time.time()
Page = collections.namedtuple("Page", "content_type body")
RIGHT = Page(OPEN, b"""# TYPE requests counter
# HELP requests Requests.
requests_total{code="200"} 3
# TYPE wait_seconds gauge
# UNIT wait_seconds seconds
# HELP wait_seconds Wait.
wait_seconds 0.5
# EOF
""")
RIGHT_CLASSIC = Page(CLASSIC, b"""# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200"} 3
# HELP wait_seconds Wait.
# TYPE wait_seconds gauge
wait_seconds 0.5
""")


def changed(before, after):
    return lambda page, accept: page._replace(body=page.body.replace(before, after))


# What each broken server makes of a right answer, and what is to be said of it.
BROKEN_BODIES = {
    "ignores Accept": (lambda page, accept: RIGHT_CLASSIC, "asked for OpenMetrics"),
    "always OpenMetrics": (lambda page, accept: RIGHT, "asked for nothing"),
    "ignores q": (lambda page, accept: RIGHT if accept == RATHER_CLASSIC else page, "q-values"),
    "no EOF": (changed(b"# EOF\n", b""), "no # EOF"),
    "no HELP": (changed(b"# HELP requests Requests.\n", b""), "no HELP: requests"),
    "unit is elsewhere": (changed(b"UNIT wait_seconds seconds", b"UNIT wait_seconds wait"), "strict parser"),
    "a suffix is missing": (changed(b"requests_total{", b"requests{"), "strict parser"),
    "HELP is torn": (changed(b"Wait.", b"Wait\nfor it."), "promtool"),
}
BROKEN_FOR_PROMETHEUS = {
    "no EOF": (changed(b"# EOF\n", b""), "does not end with # EOF"),
    "twice": (changed(b"wait_seconds 0.5\n", b"wait_seconds 0.5\nwait_seconds 0.6\n"), "as many samples"),
    "time goes back": (lambda page, accept: page._replace(body=page.body.replace(
        b"wait_seconds 0.5\n", f"wait_seconds 0.5 {2 * BEGUN - time.time():.3f}\n".encode())), "threw samples away"),
}


@unittest.skipUnless(parse_open_metrics and INSTALLED, "needs prometheus and python3-prometheus-client")
class BrokenServersTest(unittest.TestCase):
    def serve(self, change=lambda page, accept: page, zipped=gzip.compress):
        """URL of a server that breaks right pages by `change`."""
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                accept = self.headers.get("Accept", "")
                right = "openmetrics" in accept and accept != RATHER_CLASSIC
                page = change(RIGHT if right else RIGHT_CLASSIC, accept)
                self.send_response(200)
                self.send_header("Content-Type", page.content_type)
                if "gzip" in self.headers.get("Accept-Encoding", ""):
                    self.send_header("Content-Encoding", "gzip")
                    page = page._replace(body=zipped(page.body))
                self.end_headers()
                self.wfile.write(page.body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}/metrics"

    def folder(self):
        folder = tempfile.mkdtemp(prefix="tend-e2e-")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def test_one_that_is_right_is_not_complained_about(self):
        self.assertEqual(complaints(self.serve(), self.folder()), [])

    def test_what_is_wrong_is_found(self):
        for name, (change, said) in BROKEN_BODIES.items():
            with self.subTest(name):
                self.assertIn(said, "\n".join(complaints_about_bodies(self.serve(change))))
        with self.subTest("broken gzip"):
            wrong = complaints_about_bodies(self.serve(zipped=lambda body: gzip.compress(body)[:-9]))
            self.assertIn("gzip: ", "\n".join(wrong))

    def test_what_is_wrong_for_prometheus_is_found(self):
        for name, (change, said) in BROKEN_FOR_PROMETHEUS.items():
            with self.subTest(name):
                self.assertIn(said, "\n".join(complaints_of_prometheus(self.serve(change), self.folder())))


if __name__ == "__main__":
    main()
