"""The snippets for shippers (config/dist/shippers) over files that tend wrote. rsyslog is the real
one; of the others, which are in no package, what stands in the snippet itself is taken out of it and
run: globs, regular expressions, dissect patterns, JSON keys."""
import collections
import glob
import json
import os
import re
import socketserver
import threading
import time
import unittest

from harness import HERE, TendTest, main, wait_until
from rsyslog import GENERATOR, RSYSLOGD, start_rsyslogd

try:
    import yaml
except ImportError:  # Debian: python3-yaml
    yaml = None

SNIPPETS = HERE.parents[1] / "config/dist/shippers"
Line = collections.namedtuple("Line", "app worker stream text")
# The pattern of the `cri` stages of Promtail and Alloy, of Filebeat's and Fluent Bit's parsers.
CRI = re.compile(r"(?s)^(?P<time>\S+?) (?P<stream>stdout|stderr) (?P<flag>\S+?) (?P<content>.*)$")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
LONG = 300_000  # longer than a line may be: it is split
SAID = ["plain", "", "  blanks  ", "job:7 looks like a worker", '{"level":"warn","msg":"from a library"}',
        "a:b c:1 d", "Grüße ✓", "tab\there", "2026-01-01T00:00:00Z stdout F no line of ours", "y" * LONG, "last"]
WORKER = "import sys\nfor line in {said!r}:\n    print(line)\n    sys.stdout.flush()\nprint('oops', file=sys.stderr, flush=True)\n" \
         "import time\ntime.sleep(600)\n"


def snippet(name):
    return (SNIPPETS / name).read_text()


def as_python(pattern):
    return re.compile(pattern.replace("(?<", "(?P<") if "(?P<" not in pattern else pattern)


def joined(pairs):
    """Parts that are flagged P and what follows them, as CRI stages join them: by `key`."""
    waiting = collections.defaultdict(str)
    for key, flag, text in pairs:
        waiting[key] += text
        if flag == "F":
            yield key, waiting.pop(key)


class Pipeline:
    """What a shipper makes of a file, by patterns from its snippet."""

    def __init__(self, worker=None, path=None, whole=None, keys=None):
        self.worker, self.path, self.whole, self.keys = worker, path, whole, keys

    def run(self, file):
        lines = file.read_text().split("\n")[:-1]
        if self.keys:
            return [self.of_json(json.loads(line)) for line in lines]
        if self.whole:
            return self.of_whole_lines(file, lines)
        of_file = self.path.search(str(file))["app"] if self.path else None
        found = []
        matches = [CRI.match(line) for line in lines]
        for stream, text in joined((m["stream"], m["flag"], m["content"]) for m in matches):
            match = self.worker.match(text) if self.worker else None
            found.append(Line(match["app"], match["worker"], stream, match["text"]) if match
                         else Line(of_file, None, stream, text))
        return found

    def of_json(self, record):
        return Line(record[self.keys["app"]], str(record[self.keys["worker"]]), record[self.keys["stream"]], record["message"])

    def of_whole_lines(self, file, lines):
        matches = [self.whole.match(line).groupdict() for line in lines]
        of_file = self.path.search(str(file))["app"] if self.path else None
        pairs = [((m.get("app", of_file), m.get("worker"), m["stream"]), m["flag"], m["message"]) for m in matches]
        return [Line(*key, text) for key, text in joined(pairs)]


def dissect(tokenizer, renamed):
    """A pattern that does what Filebeat's dissect does, with names of ours."""
    pattern = re.escape(tokenizer)
    for theirs, ours in renamed.items():
        pattern = pattern.replace(re.escape("%{" + theirs + "}"), f"(?P<{ours}>.*{'' if ours == 'text' else '?'})")
    return re.compile("(?s)^" + pattern + "$")


def of_promtail():
    jobs = {job["job_name"]: job for job in yaml.safe_load(snippet("promtail.yaml"))["scrape_configs"]}

    def stages(name):
        return {key: value for stage in jobs[name]["pipeline_stages"] for key, value in stage.items()}
    for name in ("tend", "tend-cri"):
        assert "cri" in stages(name)
    assert stages("tend")["output"]["source"] == "text" and stages("tend-json")["timestamp"]["source"] == "time"
    return {"tend": Pipeline(worker=as_python(stages("tend")["regex"]["expression"])),
            "cri": Pipeline(path=as_python(stages("tend-cri")["regex"]["expression"])),
            "json": Pipeline(keys=stages("tend-json")["json"]["expressions"])}


def of_alloy():
    blocks = dict(re.findall(r'^loki\.process "(\w+)" \{\n(.*?)^\}', snippet("alloy.alloy"), re.M | re.S))

    def regex(name):
        return as_python(json.loads('"' + re.search(r'expression += "(.*)"', blocks[name])[1] + '"'))
    assert "stage.cri {}" in blocks["tend"] and "stage.cri {}" in blocks["cri"]
    keys = dict(re.findall(r'(\w+) = "(\w+)"', re.search(r"expressions = \{(.*)\}", blocks["json"])[1]))
    return {"tend": Pipeline(worker=regex("tend")), "cri": Pipeline(path=regex("cri")), "json": Pipeline(keys=keys)}


def of_filebeat(logs):
    inputs = {entry["id"]: entry for entry in yaml.safe_load(snippet("filebeat.yml"))["filebeat.inputs"]}
    for name in ("tend", "tend-cri"):
        assert inputs[name]["parsers"] == [{"container": {"stream": "all", "format": "cri"}}]

    def tokenizer(name):
        return inputs[name]["processors"][0]["dissect"]["tokenizer"]
    assert inputs["tend-json"]["parsers"][0]["ndjson"]["target"] == "tend"
    return {"tend": Pipeline(worker=dissect(tokenizer("tend"), {"tend.app": "app", "tend.worker": "worker", "message": "text"})),
            "cri": Pipeline(path=dissect(tokenizer("tend-cri").replace("/var/log/tend", str(logs)),
                                         {"tend.app": "app", "tend.file": "file"})),
            "json": Pipeline(keys={"app": "app", "worker": "worker", "stream": "stream"})}


def of_fluent_bit():
    document = yaml.safe_load(snippet("fluent-bit.yaml"))
    parsers = {parser["name"]: parser for parser in document["parsers"]}
    inputs = {entry["tag"]: entry for entry in document["pipeline"]["inputs"]}
    used = {entry["match"]: parsers[entry["parser"]] for entry in document["pipeline"]["filters"]}
    assert inputs["tend"]["multiline.parser"] == inputs["tend-cri"]["multiline.parser"] == "cri"
    assert parsers[inputs["tend-json"]["parser"]]["time_key"] == "time"
    worker = used["tend"]["regex"].replace("<message>", "<text>")
    return {"tend": Pipeline(worker=re.compile(as_python(worker).pattern, re.S)),
            "cri": Pipeline(path=as_python(used["tend-cri"]["regex"])),
            "json": Pipeline(keys={"app": "app", "worker": "worker", "stream": "stream"})}


def of_vector():
    transforms = yaml.safe_load(snippet("vector.yaml"))["transforms"]

    def regexes(name):
        return [as_python(pattern) for pattern in re.findall(r"r'(.*?)'\)", transforms[name]["source"])]
    for name in ("tend_whole", "cri_whole"):
        assert transforms[name]["ends_when"] == '.flag == "F"' and transforms[name]["merge_strategies"]["message"] == "concat_raw"
    path, whole = regexes("cri_lines")
    return {"tend": Pipeline(whole=regexes("tend_lines")[0]), "cri": Pipeline(path=path, whole=whole),
            "json": Pipeline(keys={"app": "app", "worker": "worker", "stream": "stream"})}


def globs_of(name):
    """(globs, patterns of what is left out) of a snippet; at least one."""
    text = snippet(name)
    found = [pattern for part in re.findall(r"/var/log/tend/[^\"'\s,{}\]]+", text) for pattern in [part]
             if "%" not in pattern]
    return sorted(set(found)), set(re.findall(r"'(\\?\*?[^',\s]*\.(?:zst|tmp)\$?)'", text)) | set(
        part for left in re.findall(r"exclude_path: '(.*)'", text) for part in left.split(","))


@unittest.skipUnless(yaml, "python3-yaml is not installed")
class SnippetsTest(TendTest):
    def write_logs(self, log_format):
        app = f"shop-{log_format}"
        self.tend.write("said.py", WORKER.format(said=SAID))
        self.tend.config({"name": app, "script": "./said.py", "interpreter": "/usr/bin/python3",
                          "env": {"PYTHONIOENCODING": "utf-8"}, "logs": {"format": log_format}})
        self.start("tend.yaml")
        file = self.tend.app_logs(app) / f"{app}.log"
        wait_until(lambda: "oops" in file.read_text() and "last" in file.read_text(), 20, "all is written")
        return app, file

    def check(self, log_format):
        app, file = self.write_logs(log_format)
        self.assertTrue(all(STAMP.search(line) for line in file.read_text().splitlines()))
        for name, of in (("promtail", of_promtail), ("alloy", of_alloy), ("filebeat", lambda: of_filebeat(self.tend.home / "logs")),
                         ("fluent-bit", of_fluent_bit), ("vector", of_vector)):
            with self.subTest(name):
                lines = of()[log_format].run(file)
                worker = None if log_format == "cri" else "0"
                self.assertEqual({(line.app, line.worker) for line in lines}, {(app, worker)})
                self.assertEqual([line.text for line in lines if line.stream == "stderr"], ["oops"])
                self.assertEqual(self.without_marks(app, lines, log_format), self.expected(log_format))

    @staticmethod
    def without_marks(app, lines, log_format):
        """Texts of stdout; what README.md says of long lines is so: the worker stands before each part."""
        texts = [line.text for line in lines if line.stream == "stdout"]
        if log_format == "json":  # no parts are joined
            texts = [text for text in texts if not text or text.strip("y")] + ["".join(t for t in texts if t and not t.strip("y"))]
        return [text.replace(f"{app}:0 ", "") for text in texts]

    @staticmethod
    def expected(log_format):
        said = [text for text in SAID if log_format != "json" or text.strip("y") or not text]
        if log_format != "json":
            return said
        return ["from a library" if text.startswith("{") else text for text in said] + ["y" * LONG]

    def test_tend(self):
        self.check("tend")

    def test_cri(self):
        self.check("cri")

    def test_json(self):
        self.check("json")

    def test_globs_take_what_is_written_to_and_no_archive(self):
        logs = self.tend.home / "logs/api"
        logs.mkdir(parents=True)
        sealed = "api.log.20261121T103107Z-000012"
        for name in ("api.log", sealed, sealed + ".zst", sealed + ".zst.tmp"):
            (logs / name).touch()
        for name in ("promtail.yaml", "alloy.alloy", "filebeat.yml", "fluent-bit.yaml", "vector.yaml", "rsyslog.conf"):
            with self.subTest(name):
                patterns, left_out = globs_of(name)
                self.assertTrue(patterns)
                found = {os.path.basename(file) for pattern in patterns
                         for file in glob.glob(pattern.replace("/var/log/tend", str(self.tend.home / "logs")))}
                found = {file for file in found if not any(file.endswith(end.strip("*\\$").replace("\\", "")) for end in left_out)}
                self.assertEqual(found, {"api.log", sealed} if name == "fluent-bit.yaml" else {"api.log"})

    def test_parts_of_alloy_are_wired(self):
        text = re.sub(r"//.*", "", re.sub(r'"(\\.|[^"\\])*"', '""', snippet("alloy.alloy")))
        for left, right in ("{}", "[]", "()"):
            self.assertEqual(text.count(left), text.count(right))
        blocks = {f"{kind}.{name}" for kind, name in re.findall(r'^([\w.]+) "(\w+)" \{', snippet("alloy.alloy"), re.M)}
        for used in re.findall(r"\b((?:loki|local)\.\w+\.\w+)\.(?:receiver|targets)", text):
            self.assertIn(used, blocks)


LINES = 6_000


class Syslog(socketserver.StreamRequestHandler):
    """Takes RFC 5424 with octet counting; `count` is a file of so many bytes."""
    got, count = [], None

    def handle(self):
        while length := b"".join(iter(lambda: self.rfile.read(1).strip(), b"")):
            Syslog.got.append(self.rfile.read(int(length)).decode())
            os.truncate(Syslog.count, len(Syslog.got))


@unittest.skipIf(RSYSLOGD is None, "needs rsyslogd")
class RsyslogTest(TendTest):
    FORM = re.compile(r"<134>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ gen 0 - "
                      r'\[tend@32473 worker="0" stream="stdout"\] line (\d{6}) x{46}')

    def test_every_line_arrives_once_in_order(self):
        Syslog.count = self.tend.write("count", "")
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Syslog)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        (self.tend.home / "logs/gen").mkdir(parents=True)
        config = self.tend.write("rsyslog/rsyslog.conf", f'global(workDirectory="{self.tend.home}/rsyslog")\n' + snippet(
            "rsyslog.conf").replace("/var/log/tend", str(self.tend.home / "logs")).replace(
                'port="514"', f'port="{server.server_address[1]}"'))
        start_rsyslogd(self, config, self.tend.home / "logs/gen")
        self.tend.write("gen.py", GENERATOR, 0o755)
        self.tend.config({"name": "gen", "script": "./gen.py", "logs": {"max_size": "128K"},
                          "args": [str(a) for a in (LINES, Syslog.count, 1, 600)]})  # half a segment
        self.start("tend.yaml")
        wait_until(lambda: len(self.tend.records("gen")) == LINES, 60, "all lines are written", interval=0.5)
        self.assertGreater(self.tend.metric("tend_app_log_rotations_total", app="gen", reason="size"), 2)
        try:
            wait_until(lambda: len(Syslog.got) >= LINES, 20, "rsyslog is done", interval=0.5)
            time.sleep(2)  # what it would send twice
        except AssertionError:
            pass  # what it lost is said below
        numbers = [int(self.FORM.fullmatch(message)[1]) for message in Syslog.got]
        self.assertEqual(numbers, list(range(LINES)))


if __name__ == "__main__":
    main()
