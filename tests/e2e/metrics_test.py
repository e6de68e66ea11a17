"""/metrics as its readers see it: Prometheus itself, its strict parser, promtool."""
import concurrent.futures
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

from harness import TendTest, free_port, main, run_folder, wait_until

OPEN_METRICS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
    from prometheus_client.parser import text_string_to_metric_families as parse_classic
except ImportError:  # Debian: python3-prometheus-client
    parse_open_metrics = None

BASIC = """tend_worker tend_worker_state tend_worker_up tend_worker_start_time_seconds tend_worker_restarts
tend_app_instances tend_worker_cpu_seconds tend_worker_resident_memory_bytes tend_worker_open_fds
tend_worker_eventloop_lag_p50_seconds tend_worker_eventloop_lag_p99_seconds
tend_worker_eventloop_lag_max_seconds tend_worker_eventloop_utilization_ratio tend_worker_heap_used_bytes
tend_worker_log_lines tend_worker_log_bytes tend_app_log_dropped_lines tend_log_compression_queue_files
tend_log_filesystem_free_bytes tend_log_filesystem_size_bytes process_cpu_seconds
process_resident_memory_bytes process_virtual_memory_bytes process_start_time_seconds process_open_fds
process_max_fds tend_build tend_scrapes tend_metrics_series""".split()
STATES = {"stopped", "starting", "online", "reloading", "stopping", "backoff", "errored"}


class MetricsTest(TendTest):
    def setUp(self):
        super().setUp()
        self.tend.write("app.js", "setInterval(() => console.log('tick'), 100);console.error('up');\n")
        self.tend.write("bad.sh", "exit 3\n")
        self.tend.config({"name": "web", "script": "./app.js", "instances": 2},
                         {"name": "bad", "script": "./bad.sh", "max_restarts": 1})
        self.tend.run("start", "tend.yaml")
        wait_until(lambda: self.tend.metric("tend_worker_eventloop_lag_p99_seconds", app="web", worker="1")
                   is not None and self.tend.metric("tend_worker_open_fds", app="web", worker="1") is not None,
                   20, "everything is measured")

    def page(self, accept, **headers):
        status, answer, body = self.tend.get("/metrics", {**({"Accept": accept} if accept else {}), **headers})
        self.assertEqual(status, 200)
        return answer["Content-Type"], body, answer

    def families(self):
        _, body, _ = self.page(OPEN_METRICS)
        return {f.name: f for f in parse_open_metrics(body.decode())}

    def test_negotiation(self):
        self.assertRegex(self.page(OPEN_METRICS)[0], r"^application/openmetrics-text.*version=1\.0\.0")
        self.assertRegex(self.page(None)[0], r"^text/plain.*version=0\.0\.4")
        self.assertRegex(self.page("*/*")[0], r"^text/plain")
        self.assertRegex(self.page("application/openmetrics-text;q=0.1,text/plain;q=0.9")[0], r"^text/plain")
        self.assertTrue(self.page(OPEN_METRICS)[1].endswith(b"# EOF\n"))
        self.assertNotIn(b"# EOF", self.page(None)[1])

    def test_gzip_if_offered_is_gzip(self):
        _, body, headers = self.page(OPEN_METRICS, **{"Accept-Encoding": "gzip"})
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.assertTrue(body.endswith(b"# EOF\n"))

    @unittest.skipUnless(parse_open_metrics, "python3-prometheus-client is not installed")
    def test_the_strict_parser_takes_every_page(self):
        families = self.families()
        for family in families.values():
            self.assertTrue(family.documentation, f"{family.name} has no HELP")
            self.assertNotEqual(family.type, "unknown", family.name)
            if family.unit:
                self.assertTrue(family.name.endswith("_" + family.unit), family.name)
        missing = [name for name in BASIC if name not in families]
        self.assertEqual(missing, [], "the basic level is complete")
        self.assertEqual(families["tend_worker"].type, "info")
        self.assertEqual(families["tend_worker_state"].type, "stateset")
        self.assertEqual(families["tend_worker_restarts"].type, "counter")
        list(parse_classic(self.page(None)[1].decode()))

    @unittest.skipUnless(parse_open_metrics, "python3-prometheus-client is not installed")
    def test_labels_and_values(self):
        families = self.families()
        for family in families.values():
            if family.name.startswith("tend_worker"):
                for sample in family.samples:
                    self.assertIn("app", sample.labels, sample)
                    self.assertIn("worker", sample.labels, sample)
                    self.assertFalse({"pid", "message", "path"} & set(sample.labels), sample)
        states = [s for s in families["tend_worker_state"].samples
                  if (s.labels["app"], s.labels["worker"]) == ("web", "0")]
        self.assertEqual({s.labels["tend_worker_state"]: s.value for s in states},
                         {state: float(state == "online") for state in STATES})
        restarts = [s for s in families["tend_worker_restarts"].samples if s.labels["app"] == "web"]
        self.assertEqual({s.value for s in restarts}, {0.0})
        self.assertEqual(len(restarts), 2 * 10, "every reason is there from the beginning")
        desired = {s.labels["condition"]: s.value for s in families["tend_app_instances"].samples
                   if s.labels["app"] == "web"}
        self.assertEqual((desired["desired"], desired["online"], desired["failed"]), (2, 2, 0))
        exits = {s.labels["app"]: s.value for s in families["tend_worker_last_exit_code"].samples}
        self.assertEqual(exits, {"bad": 3}, "absent before the first exit")
        build = families["tend_build"].samples[0].labels
        self.assertEqual(build["revision"], json.loads(self.tend.ok("version", "--json"))["revision"])
        self.assertRegex(build["revision"], "^([0-9a-f]{7,}(-dirty)?|unknown)$")
        mount_point = os.path.realpath(self.tend.home / "logs")
        while not os.path.ismount(mount_point):
            mount_point = os.path.dirname(mount_point)
        for name in ("free", "size", "floor"):
            samples = families[f"tend_log_filesystem_{name}_bytes"].samples
            self.assertEqual([s.labels for s in samples], [{"mountpoint": mount_point}])

    def test_what_clients_ask_core_is_counted(self):
        def requests():
            return {(dict(key[1:])["method"], dict(key[1:])["result"]): value for key, value in self.tend.metrics().items()
                    if key[0] == "tend_control_requests_total"}
        before = wait_until(lambda: (lambda now: now if now["start", "error"] else None)(requests()), 5)
        self.assertEqual(len(before), 20, "all of them from the beginning")
        self.assertEqual((before["start", "ok"], before["start", "error"]), (0, 1), "bad did not come up")
        for _ in range(3):
            self.tend.ok("describe", "web")
        self.assertEqual(self.tend.run("stop", "nobody")[0], 4)
        after = wait_until(lambda: (lambda now: now if now["stop", "error"] else None)(requests()), 5)
        self.assertEqual(after["describe", "ok"], 3)
        self.assertEqual(after["stop", "error"], 1)
        os.kill(self.tend.daemon("tend-core"), signal.SIGKILL)
        wait_until(lambda: self.tend.run("describe", "web")[0] == 0, 10, "another core")
        wait_until(lambda: requests()["describe", "ok"] >= 4, 5, "it goes on")

    def test_both_formats_say_the_same(self):
        def names(accept):
            return {line.split("{")[0].split(" ")[0] for line in self.page(accept)[1].decode().splitlines()
                    if line and not line.startswith("#")}
        # The two pages may be of different moments.
        wait_until(lambda: self.assertEqual(names(None), names(OPEN_METRICS)) is None, 10)

    @unittest.skipUnless(shutil.which("promtool"), "prometheus is not installed")
    def test_promtool_has_no_complaint(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.page(None)[1], capture_output=True)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())

    def test_counters_never_go_back(self):
        def counters():
            return {k: v for k, v in self.tend.metrics().items() if k[0].endswith("_total")}
        before = counters()
        self.tend.ok("restart", "web")
        self.tend.ok("stop", "web")
        self.tend.ok("start", "web")
        after = counters()
        for key, value in before.items():
            self.assertGreaterEqual(after.get(key, -1), value, key)

    def assert_none_went_back(self, before, after):
        """But what the kernel counts for the sidecar as a process. What was 0 may be absent until a worker reports."""
        for key, value in before.items():
            if key[0] != "process_cpu_seconds_total":
                self.assertGreaterEqual(after.get(key, -1 if value else 0), value, key)

    def counters(self):
        suffixes = ("_total", "_count", "_sum", "_bucket")
        return {k: v for k, v in self.tend.metrics().items() if k[0].endswith(suffixes)}

    def test_counters_outlive_the_sidecar(self):
        self.tend.ok("restart", "web")
        before = self.counters()
        self.assertGreater(before[("tend_worker_starts_total", ("app", "web"), ("worker", "0"))], 1)
        for _ in range(2):
            old = self.sidecar()
            os.kill(old, signal.SIGKILL)
            wait_until(lambda: self.sidecar() not in (None, old), 10, "a new sidecar")
            wait_until(lambda: self.answers() and self.tend.metric("tend_worker_up", app="web", worker="1") == 1, 20,
                       "it knows the workers")
            after = self.counters()
            self.assert_none_went_back(before, after)
            before = after

    def sidecar(self):
        try:
            return self.tend.daemon("tend-sidecar")
        except StopIteration:
            return None

    def answers(self):
        try:
            return self.tend.get("/readyz")[0] == 200
        except OSError:
            return False

    def test_counters_outlive_all_of_tend(self):
        self.tend.ok("restart", "web")
        self.tend.ok("save")
        before = self.counters()
        self.tend.ok("kill")
        self.tend.run("resurrect")
        wait_until(lambda: self.answers() and self.tend.metric("tend_worker_up", app="web", worker="1") == 1, 40,
                   "the workers are back")
        after = self.counters()
        self.assert_none_went_back({k: v for k, v in before.items() if ("app", "web") in k}, after)
        starts = ("tend_worker_starts_total", ("app", "web"), ("worker", "0"))
        self.assertEqual(after[starts], before[starts] + 1)

    def test_a_deleted_app_leaves_nothing(self):
        self.tend.ok("delete", "web")
        wait_until(lambda: not any(("app", "web") in key for key in self.tend.metrics()), 10, "it is gone")
        self.tend.run("start", "tend.yaml")
        wait_until(lambda: self.tend.metric("tend_worker_starts_total", app="web", worker="0") == 1, 10,
                   "its counters begin at 0")

    def test_damaged_counters_begin_at_zero(self):
        self.tend.ok("kill")
        for folder in (self.tend.home / "state", run_folder(self.tend.home)):
            (folder / "counters").write_bytes(b"nonsense" * 1000)
        self.tend.run("start", "tend.yaml")
        wait_until(lambda: self.tend.metric("tend_worker_starts_total", app="web", worker="0") == 1, 30, "a start")
        said = [line for line in self.tend.own_log().splitlines() if "counters begin at 0" in line]
        self.assertEqual(len(said), 1, said)

    def test_several_scrapers_share_a_page(self):
        time.sleep(1.1)  # the page of before is old
        before = self.tend.metric("tend_metrics_renders_total")
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            pages = list(pool.map(lambda _: self.page(OPEN_METRICS)[1], range(10)))
        self.assertLessEqual(len(set(pages)), 2)
        wait_until(lambda: self.tend.metric("tend_metrics_renders_total") > before, 5, "the next page")
        self.assertLessEqual(self.tend.metric("tend_metrics_renders_total") - before, 4)

    def test_what_a_process_uses(self):
        labels = {"app": "web", "worker": "0"}
        wait_until(lambda: self.tend.metric("tend_worker_max_fds", **labels) is not None, 20, "a closer look")
        pid = self.tend.worker("web", 0)["pid"]
        peak = int(self.line_of(pid, "status", "VmHWM")[1]) * 1024
        wait_until(lambda: abs(self.tend.metric("tend_worker_peak_resident_memory_bytes", **labels) - peak) < 8 << 20,
                   30, "the next look")
        self.assertEqual(self.tend.metric("tend_worker_max_fds", **labels),
                         int(self.line_of(pid, "limits", "Max open files")[3]))
        self.assertEqual(self.tend.metric("tend_worker_processes", **labels), 1)
        for name, more in {"context_switches_total": {"type": "voluntary"}, "page_faults_total": {"type": "minor"},
                           "cpu_wait_seconds_total": {}, "open_fds": {}, "threads": {}}.items():
            self.assertGreater(self.tend.metric(f"tend_worker_{name}", **labels, **more), 0, name)
        self.assertIsNone(self.tend.metric("tend_worker_memory_limit_bytes", **labels), "there is no limit")
        self.assertIsNone(self.tend.metric("tend_worker_swap_bytes", **labels), "that is of the level full")

    @staticmethod
    def line_of(pid, file, begin):
        with open(f"/proc/{pid}/{file}") as lines:
            return next(line.split() for line in lines if line.startswith(begin))

    def test_how_long_starts_and_reloads_take(self):
        ready = self.tend.metric("tend_worker_last_ready_duration_seconds", app="web", worker="0")
        self.assertTrue(0 < ready < 20, ready)
        self.assertGreaterEqual(self.tend.metric("tend_app_ready_duration_seconds_count", app="web"), 2)
        self.assertEqual(self.tend.metric("tend_app_reload_duration_seconds_count", app="web", result="success"), 0)
        self.tend.ok("reload", "web")
        wait_until(lambda: self.tend.metric("tend_app_reload_duration_seconds_count", app="web",
                                            result="success") == 1, 10, "the reload")
        took = self.tend.metric("tend_app_reload_duration_seconds_sum", app="web", result="success")
        self.assertTrue(0 < took < 30, took)

    def test_health_endpoints_and_errors(self):
        self.assertEqual(self.tend.get("/healthz")[0], 200)
        self.assertIn(self.tend.get("/readyz")[0], (200, 503))
        self.assertEqual(self.tend.get("/nonsense")[0], 404)
        self.assertEqual(self.tend.get("/metrics", unix=True)[0], 200)

    @unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
    def test_a_real_prometheus_scrapes_it(self):
        folder = tempfile.mkdtemp(dir=self.tend.home)
        host, port = self.tend.address()
        with open(f"{folder}/p.yml", "w", encoding="utf-8") as config:
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [
                {"job_name": "tend", "static_configs": [{"targets": [f"{host}:{port}"]}]}]}, config)
        own = free_port()
        with open(f"{folder}/log", "w", encoding="utf-8") as log:
            prometheus = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/p.yml", f"--storage.tsdb.path={folder}/d",
                 f"--web.listen-address=127.0.0.1:{own}", "--log.level=warn"],
                stdout=log, stderr=log, env=self.tend.env)
        self.tend.started.append(prometheus)

        def ask(path, **query):
            url = f"http://127.0.0.1:{own}/api/v1/{path}?{urllib.parse.urlencode(query)}"
            return json.load(urllib.request.urlopen(url, timeout=5))["data"]

        def value(query):
            return float(ask("query", query=query)["result"][0]["value"][1])
        target = wait_until(lambda: (lambda t: t if t["health"] != "unknown" else None)(
            ask("targets")["activeTargets"][0]), 30, "it has been scraped", interval=0.2)
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        self.assertEqual(wait_until(lambda: value('sum(tend_worker_up{app="web"})'), 10), 2)
        self.assertGreater(wait_until(lambda: value("scrape_samples_scraped"), 10), 100)
        self.assertEqual(wait_until(lambda: value('count(tend_worker_state{app="web",worker="0"})'), 10), 7)
        kinds = {m["metric"]: m["type"] for m in ask("targets/metadata", limit=5000)}
        self.assertEqual(kinds.get("tend_worker_state"), "stateset")
        page = urllib.request.urlopen(f"http://127.0.0.1:{own}/metrics", timeout=5).read().decode()
        for trouble in re.findall(r"^prometheus_target_scrapes_(?:sample_duplicate_timestamp|sample_out_of_order"
                                  r"|exceeded_sample_limit)_total (\S+)", page, re.M):
            self.assertEqual(float(trouble), 0)


if __name__ == "__main__":
    main()
