"""Dashboards and alerts: each expression is one that Prometheus and Loki can read, names only metrics
and labels that tend has, and finds something in a real Prometheus that scraped real workers."""
import contextlib
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

from harness import HERE, TendTest, free_port, main, wait_until
from prometheus import INSTALLED, Prometheus

ROOT = HERE.parents[1]
GRAFANA = ROOT / "config/dist/grafana"
RULES = ROOT / "config/dist/prometheus"
GRAMMARS = ROOT / "build/grammars"  # made by ./dev test
# What Prometheus itself says of each target, and of alerts.
OF_PROMETHEUS = {"up": set(), "scrape_duration_seconds": set(),
                 "ALERTS": {"alertname", "alertstate", "severity", "app", "worker"},
                 "ALERTS_FOR_STATE": {"alertname", "severity", "app", "worker"}}
OF_EACH_TARGET = {"job", "instance"}
SUFFIXES = {"kCounter": {"_total": ()}, "kInfo": {"_info": ()}, "kGauge": {"": ()}, "kStateSet": {"": ()},
            "kSummary": {"_sum": (), "_count": ()},
            "kHistogram": {"_bucket": ("le",), "_sum": (), "_count": ()}}


def samples_of_tend():
    """{name of a sample: its labels}, from the table of metrics."""
    table = (ROOT / "exporter/metrics.def").read_text()
    found = {}
    for kind, name, labels in re.findall(r'^METRIC\(\w+, \w+, (\w+), "(\w+)", "\w*", "([\w,]*)"', table, re.M):
        for suffix, more in SUFFIXES[kind].items():
            found[name + suffix] = {label for label in labels.split(",") if label} | set(more)
    return found


def dashboards():
    return {file.name: json.loads(file.read_text()) for file in sorted(GRAFANA.glob("dashboards/*.json"))}


def expressions_of(dashboard):
    """(where, datasource's type, expression, it is asked for one moment)"""
    for panel in dashboard["panels"]:
        for query in panel.get("targets", []):
            yield (f"{dashboard['title']}: {panel['title']} {query['refId']}", query["datasource"]["type"],
                   query["expr"], query.get("instant", False))


def filled_in(expression, interval):
    """With what Grafana puts in the place of its variables: all of everything."""
    expression = re.sub(r"\$__(rate_interval|auto|interval|range)\b", interval, expression)
    return re.sub(r"\$\{?\w+\}?", ".*", expression)


def alerts():
    """(name, expression) of all rules. promtool has read the file: it has the form that it has here."""
    done = subprocess.run(["promtool", "check", "rules", RULES / "tend.rules.yml"], capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError((done.stdout + done.stderr).decode())
    text = (RULES / "tend.rules.yml").read_text()
    for name, block, line in re.findall(r"- alert: (\w+)\n +expr: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)", text):
        yield name, block or line


def parse(pairs):
    """What grammars/parse.mjs finds in each (language, expression)."""
    done = subprocess.run(["node", GRAMMARS / "parse.mjs"], capture_output=True, timeout=60,
                          input=json.dumps([{"language": l, "expression": e} for l, e in pairs]).encode())
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode())
    return json.loads(done.stdout)


class FilesTest(unittest.TestCase):
    def test_dashboards_are_what_the_generator_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-B", GRAFANA / "generate.py", folder], check=True, timeout=60)
            written = {file.name: file.read_text() for file in pathlib.Path(folder).iterdir()}
        there = {file.name: file.read_text() for file in GRAFANA.glob("dashboards/*.json")}
        self.assertEqual(sorted(written), sorted(there))
        for name, text in written.items():
            self.assertTrue(text == there[name], f"{name} is old: run config/dist/grafana/generate.py")

    def test_panels_do_not_overlap_and_say_what_they_show(self):
        for name, dashboard in dashboards().items():
            taken = {}
            for panel in dashboard["panels"]:
                where = panel["gridPos"]
                self.assertLessEqual(where["x"] + where["w"], 24, name)
                for x in range(where["x"], where["x"] + where["w"]):
                    for y in range(where["y"], where["y"] + where["h"]):
                        self.assertIsNone(taken.get((x, y)), f"{name}: {panel['title']} lies on another")
                        taken[x, y] = panel["title"]
                if panel["type"] != "row":
                    self.assertTrue(panel["description"], f"{name}: {panel['title']}")

    @unittest.skipUnless(INSTALLED, "prometheus is not installed")
    def test_promtool_takes_rules_and_configuration(self):
        for command in (["check", "rules", "tend.rules.yml"], ["test", "rules", "tend.rules.test.yml"],
                        ["check", "config", "--syntax-only", "scrape.yml"]):
            done = subprocess.run(["promtool", *command], cwd=RULES, capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())

    @unittest.skipUnless(INSTALLED, "prometheus is not installed")
    def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(self):
        tests = (RULES / "tend.rules.test.yml").read_text()
        for name, _ in alerts():
            self.assertRegex(tests, rf"eval_time: \w+\n +alertname: {name}\n +exp_alerts:\n +- exp_labels", name)
            self.assertRegex(tests, rf"alertname: {name}, exp_alerts: \[\]", name)


@unittest.skipUnless((GRAMMARS / "node_modules").is_dir(), "./dev test prepares build/grammars")
class GrammarTest(unittest.TestCase):
    def check(self, where, found, known):
        self.assertEqual(found["errors"], [], where)
        labels = set(OF_EACH_TARGET)
        for selector in found["selectors"]:
            self.assertIn(selector["metric"], known, where)
            of_metric = known[selector["metric"]] | OF_EACH_TARGET
            self.assertLessEqual(set(selector["labels"]), of_metric, f"{where}: {selector['text']}")
            labels |= of_metric
        self.assertLessEqual(set(found["grouping"]), labels, where)

    def test_every_expression_can_be_read_and_names_only_what_there_is(self):
        known = {**samples_of_tend(), **OF_PROMETHEUS}
        cases = [(f"alert {name}", "promql", expression) for name, expression in alerts()]
        for dashboard in dashboards().values():
            for where, kind, expression, _ in expressions_of(dashboard):
                cases.append((where, "logql" if kind == "loki" else "promql", filled_in(expression, "5m")))
            for variable in dashboard["templating"]["list"]:
                if variable["type"] == "query":
                    asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
                    cases.append((f"{dashboard['title']}: variable {variable['name']}", "promql",
                                  f"count by ({asked[2]}) ({filled_in(asked[1], '5m')})"))
        self.assertGreater(len(cases), 100)
        for (where, language, _), found in zip(cases, parse([(l, e) for _, l, e in cases])):
            with self.subTest(where):
                self.check(where, found, known if language == "promql" else {})

    def test_what_is_wrong_is_found(self):
        known = {"tend_worker_up": {"app", "worker"}}
        for language, expression in (("promql", "sum by (app (tend_worker_up)"), ("promql", "tend_worker_down"),
                                     ("promql", 'tend_worker_up{pid="1"}'), ("promql", "sum by (pid) (tend_worker_up)"),
                                     ("promql", "tend_worker_up[5m"), ("logql", '{app="x"} | worker=~')):
            with self.subTest(expression), self.assertRaises(AssertionError):
                self.check(expression, parse([(language, expression)])[0], known)


WEB = """
const http = require('http');
let kept = [];
http.createServer((request, response) => { kept = [Buffer.alloc(1 << 20)]; response.end('ok'); })
  .listen(process.env.PORT);
setInterval(() => { console.log('a line of some length, so that files fill ' + 'x'.repeat(900)); }, 5);
setInterval(() => { console.error('an error'); kept.push(new Array(10000).fill({})); kept = kept.slice(-9); }, 200);
setInterval(() => { const end = Date.now() + 400; while (Date.now() < end); }, 3000);
"""
TALKER = """
import os, time
telemetry = int(os.environ["TEND_TELEMETRY_FD"])
while True:
    print("too much", flush=True)
    os.write(telemetry, b"requests:1|c\\ntemperature:21|g\\nlatency:12|ms\\n")
    time.sleep(0.01)
"""
FLAKY = "sleep 1.5\nexit 3\n"


class Taker(http.server.BaseHTTPRequestHandler):
    """Says yes to whatever it is sent, as Loki would."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


@unittest.skipUnless(INSTALLED and (GRAMMARS / "node_modules").is_dir(), "needs prometheus and build/grammars")
class LiveTest(TendTest):
    maxDiff = None

    def loki(self):
        """The URL of somebody who takes all lines."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def start_everything(self):
        self.tend.write("web.js", WEB)
        self.tend.write("talker.py", TALKER)
        self.tend.write("flaky.sh", "#!/bin/sh\n" + FLAKY, 0o755)
        self.tend.config(
            {"name": "web", "script": "./web.js", "instances": 2, "exec_mode": "cluster",
             "env": {"PORT": str(free_port())}, "max_memory_restart": "1G",
             "logs": {"max_size": "64K", "max_files": 2, "compress": {"delay": "0s"}}},
            {"name": "talker", "script": "./talker.py", "interpreter": "/usr/bin/python3", "telemetry": "pipe",
             "logs": {"rate_limit": 20}},
            {"name": "flaky", "script": "./flaky.sh", "max_restarts": 1000, "min_uptime": "1s"},
            {"name": "broken", "script": "/bin/false", "max_restarts": 1},
            metrics={"level": "full"},
            export={"works": {"type": "loki", "url": self.loki()},
                    "dead": {"type": "loki", "url": f"http://127.0.0.1:{free_port()}"}})
        self.start("tend.yaml", code=7)  # one of them is broken
        self.tend.wait_state("broken", "errored", 30)
        server = Prometheus(self.tend.home, [
            {"job_name": "tend", "static_configs": [{"targets": ["{}:{}".format(*self.tend.address())]}]}],
            rules=[RULES / "tend.rules.yml"])
        self.addCleanup(server.stop)
        server.wait_scraped()
        return server

    def questions(self):
        """{where: (expression, it is asked for one moment)}; of alerts, what they look at."""
        asked = {}
        for dashboard in dashboards().values():
            for where, kind, expression, instant in expressions_of(dashboard):
                if kind == "prometheus":
                    asked[where] = (filled_in(expression, "10s"), instant)
        rules = list(alerts())
        for (name, _), found in zip(rules, parse([("promql", expression) for _, expression in rules])):
            for selector in found["selectors"]:
                asked[f"alert {name}: {selector['text']}"] = (selector["text"], True)
        return asked

    def test_every_expression_finds_something(self):
        server = self.start_everything()
        self.tend.ok("reload", "web")
        asked = self.questions()
        open_ones = dict(asked)

        def look():
            for where, (expression, instant) in list(open_ones.items()):
                if server.query(expression) if instant else server.over(expression):
                    del open_ones[where]
            return not open_ones
        with contextlib.suppress(AssertionError):
            wait_until(look, 60, interval=2)
        self.assertEqual(sorted(open_ones), [], "these find nothing")
        firing = {(labels["alertname"], labels.get("app")) for labels, _ in server.query('ALERTS{alertstate="firing"}')}
        self.assertIn(("TendWorkerErrored", "broken"), firing)
        self.assertNotIn(("TendWorkerErrored", "web"), firing)
        self.assertFalse({name for name, _ in firing} & {"TendDown", "TendLogsDropped", "TendCannotRead"}, firing)


if __name__ == "__main__":
    main()
