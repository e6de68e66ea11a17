"""What tend ships to, as it really is: rsyslog, systemd's journal, Prometheus and VictoriaMetrics.
Most of it drives the exporters' far ends alone (tests/support/send_lines.cc, write_pages.cc); the
whole way is gone at the end."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

from harness import BIN, PATIENCE, SANITIZED, Tend, free_port, main, wait_until, worker

JOURNALD = "/lib/systemd/systemd-journald"
LINES = 5000
ODD = ['quotes " and \\ and ] here', "tab\there", "umlaut äöü €", "", "x" * 100_000]


class ReceiverTest(unittest.TestCase):
    """A test with a folder, and programs that end with it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tend-receivers-"))
        self.started = []
        self.addCleanup(self.clean_up)

    def clean_up(self):
        for process in self.started:
            self.end(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, *words, **options):
        process = subprocess.Popen([str(w) for w in words], **{
            "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options})
        self.started.append(process)
        return process

    @staticmethod
    def end(process):
        if process.stdin:
            process.stdin.close()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10 * PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdout:
            process.stdout.close()

    def send(self, lines, code=0, **arguments):
        """What the sink said of each batch."""
        text = "".join(f"{stream} {slot} {text}\n" for stream, slot, text in lines)
        done = subprocess.run([BIN / "send_lines", *(f"{k}={v}" for k, v in arguments.items())],
                              input=text.encode(), capture_output=True, timeout=60 * PATIENCE)
        self.assertEqual(done.returncode, code, done.stdout.decode() + done.stderr.decode())
        return done.stdout.decode().splitlines()

    def certificates(self):
        """ca.pem, and server.pem and server.key for 127.0.0.1."""
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "1", "-subj", "/CN=test ca")
        openssl("req", *new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server")
        (self.folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "1", "-extfile", "san", "-out", "server.pem")


class WithRsyslog(ReceiverTest):
    TCP = 'module(load="imtcp")\ninput(type="imtcp" port="0" address="127.0.0.1" listenPortFileName="{}/port")'

    def rsyslog(self, top, listen):
        """rsyslogd with these lines of configuration; self.got has its messages, fields by '|'."""
        self.got = self.folder / "got"
        (self.folder / "rsyslog.conf").write_text(f"""
global(workDirectory="{self.folder}" maxMessageSize="300k" {top})
{listen}
template(name="fields" type="list") {{
  property(name="syslogfacility") constant(value="|") property(name="syslogseverity")
  constant(value="|") property(name="hostname") constant(value="|") property(name="app-name")
  constant(value="|") property(name="procid") constant(value="|") property(name="structured-data")
  constant(value="|") property(name="timereported" dateFormat="rfc3339")
  constant(value="|") property(name="msg") constant(value="\\n") }}
action(type="omfile" file="{self.got}" template="fields")
""")
        log = open(self.folder / "rsyslog.log", "wb")
        process = self.spawn("rsyslogd", "-n", "-f", self.folder / "rsyslog.conf", "-i", self.folder / "pid",
                             stdout=log, stderr=log)
        log.close()
        return process

    def port(self):
        """Where it listens, once it does."""
        file = self.folder / "port"
        return int(wait_until(lambda: file.read_text().strip(), 15, "rsyslog listens"))

    def messages(self, count):
        def enough():
            lines = self.got.read_bytes().decode().split("\n")[:-1]  # behind the last newline is what is half written
            return lines if len(lines) >= count else None
        return [line.split("|", 7) for line in wait_until(enough, 20, f"{count} messages")]


@unittest.skipUnless(shutil.which("rsyslogd"), "rsyslog is not installed")
class RsyslogTest(WithRsyslog):
    def test_tcp_keeps_every_line_and_what_is_known_of_it(self):
        self.rsyslog("", self.TCP.format(self.folder))
        lines = [("out", 0, f"line {n}") for n in range(LINES)] + [("err", 1, text) for text in ODD]
        self.send(lines, type="syslog", url=f"tcp://127.0.0.1:{self.port()}", facility=17)
        got = self.messages(len(lines))
        self.assertEqual([m[7] for m in got[:LINES]], [f"line {n}" for n in range(LINES)])
        self.assertEqual(got[0][:6], ["17", "6", "test-host", "api", "0", '[tend@32473 worker="0" stream="stdout"]'])
        self.assertRegex(got[0][6], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")
        self.assertEqual(got[-1][:6], ["17", "3", "test-host", "api", "1", '[tend@32473 worker="1" stream="stderr"]'])
        self.assertEqual([m[7].replace("#011", "\t") for m in got[LINES:]], ODD)

    def test_tcp_goes_on_when_the_receiver_was_restarted(self):
        port = free_port()
        listen = self.TCP.format(self.folder).replace('port="0"', f'port="{port}"')
        first = self.rsyslog("", listen)
        wait_until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, 15, "rsyslog listens")
        sender = self.spawn(BIN / "send_lines", "type=syslog", f"url=tcp://127.0.0.1:{port}", "batch=1",
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def outcome_of(text):
            sender.stdin.write(f"out 0 {text}\n".encode())
            sender.stdin.flush()
            return sender.stdout.readline().decode().strip()
        self.assertEqual(outcome_of("before"), "done 0")
        self.messages(1)
        self.end(first)
        self.assertEqual(outcome_of("away"), f"not done 0 connect to 127.0.0.1:{port}: Connection refused")
        self.rsyslog("", listen)
        wait_until(lambda: outcome_of("after") == "done 0", 20, "it takes lines again", interval=0.1)
        self.assertEqual([m[7] for m in self.messages(2)], ["before", "after"])

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    @unittest.skipUnless(list(pathlib.Path("/usr/lib").glob("*/rsyslog/lmnsd_ossl.so")), "rsyslog-openssl is not installed")
    def test_tls_to_one_who_is_believed_and_to_one_who_is_not(self):
        self.certificates()
        files = " ".join(f'DefaultNetstreamDriver{kind}File="{self.folder}/{name}"' for kind, name in (
            ("CA", "ca.pem"), ("Cert", "server.pem"), ("Key", "server.key")))
        listen = self.TCP.format(self.folder).replace(
            'load="imtcp"', 'load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon"')
        self.rsyslog(f'DefaultNetstreamDriver="ossl" {files}', listen)
        url = f"tls://127.0.0.1:{self.port()}"
        said = self.send([("out", 0, "unseen")], type="syslog", url=url, code=1)
        self.assertRegex(said[0], r"^not done 0 help tls: 127\.0\.0\.1:\d+: .*(self.signed|local issuer)")
        self.send([("out", 0, f"line {n}") for n in range(LINES)], type="syslog", url=url,
                  ca_file=self.folder / "ca.pem")
        self.assertEqual([m[7].strip() for m in self.messages(LINES)], [f"line {n}" for n in range(LINES)])

    def test_udp_sends_each_line_by_itself(self):
        port = free_port()
        self.rsyslog("", f'module(load="imudp")\ninput(type="imudp" port="{port}" address="127.0.0.1")')
        wait_until(lambda: f":{port:04X}" in pathlib.Path("/proc/net/udp").read_text(), 15, "rsyslog listens")
        lines = [("out", 0, f"line {n}") for n in range(200)] + [("out", 0, "y" * 20_000)]
        self.send(lines, type="syslog", url=f"udp://127.0.0.1:{port}")
        got = self.messages(len(lines))
        self.assertEqual([m[7] for m in got[:-1]], [f"line {n}" for n in range(200)])
        self.assertEqual(got[0][:5], ["16", "6", "test-host", "api", "0"])
        self.assertRegex(got[-1][7], r"^y{8000,8192}$")

    def test_the_local_socket_takes_the_local_form(self):
        path = self.folder / "log"
        self.rsyslog("", f'module(load="imuxsock" SysSock.Use="off")\n'
                         f'input(type="imuxsock" Socket="{path}" RateLimit.Interval="0")')
        wait_until(path.exists, 15, "rsyslog listens")
        self.send([("out", 3, f"line {n}") for n in range(LINES)] + [("err", 0, "bad")],
                  type="syslog", url=f"unix:{path}", facility=1)
        got = self.messages(LINES + 1)
        self.assertEqual([m[7].strip() for m in got[:-1]], [f"line {n}" for n in range(LINES)])
        self.assertEqual([got[0][i] for i in (0, 1, 3, 4)], ["1", "6", "api", "3"])
        self.assertEqual(got[-1][1], "3")


@unittest.skipUnless(os.path.exists(JOURNALD) and os.getuid() == 0, "no journald, or not root")
class JournaldTest(ReceiverTest):
    # In a mount namespace, with a /run of its own: the machine's journal sees nothing of it.
    SCRIPT = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/systemd/journald.conf.d /run/log/journal || exit 77
[ -s /etc/machine-id ] || { echo 0123456789abcdef0123456789abcdef >/run/id && mount --bind /run/id /etc/machine-id; } || exit 77
printf '[Journal]\\nStorage=volatile\\nAudit=no\\nReadKMsg=no\\nRateLimitBurst=0\\n' >/run/systemd/journald.conf.d/test.conf
"$JOURNALD" 2>/dev/null & pid=$!
i=0; while [ ! -S /run/systemd/journal/socket ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done
"$BIN/send_lines" type=journald >&2; code=$?
journalctl --sync 2>/dev/null
journalctl -D /run/log/journal -o json -a --output-fields="$FIELDS" TEND_APP=api
kill $pid; wait $pid
exit $code
"""

    def test_entries_have_their_fields_however_large(self):
        large = "z" * 400_000
        lines = [("out", 0, f"line {n}") for n in range(1000)] + [("err", 1, "ä\tb"), ("out", 0, large)]
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", self.SCRIPT],
            input="".join(f"{s} {w} {t}\n" for s, w, t in lines).encode(), capture_output=True, timeout=60 * PATIENCE,
            env={**os.environ, "BIN": str(BIN), "JOURNALD": JOURNALD,
                 "FIELDS": "MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,TEND_APP,TEND_WORKER,TEND_STREAM,TEND_TIMESTAMP"})
        if done.returncode == 77 or b"unshare failed" in done.stderr:
            self.skipTest("no mount namespace")
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-2000:])
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([e["MESSAGE"] for e in entries], [text for _, _, text in lines])
        bad = entries[-2]
        self.assertEqual([bad[f] for f in ("PRIORITY", "SYSLOG_IDENTIFIER", "TEND_WORKER", "TEND_STREAM")],
                         ["3", "api", "1", "stderr"])
        self.assertRegex(bad["TEND_TIMESTAMP"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")


class RemoteWriteTest(ReceiverTest):
    """The same against both receivers, which are started by the classes below."""
    def query(self, query):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        return json.load(urllib.request.urlopen(url, timeout=5))["data"]["result"]

    def wait_listening(self):
        def answers():
            self.query("1")
            return True
        wait_until(answers, 30, "the receiver answers", interval=0.2)

    def writer(self, url=None, **more):
        self.page = self.folder / "page"
        return self.spawn(BIN / "write_pages", f"url={url or f'http://127.0.0.1:{self.port}'}", f"page={self.page}",
                          "interval_ms=500", *(f"{k}={v}" for k, v in more.items()),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def write(self, page):
        new = self.folder / "page.new"
        new.write_text(page)
        new.rename(self.folder / "page")

    def finish(self, writer):
        writer.stdin.close()
        sent, dropped, state, *error = writer.stdout.read().decode().split(maxsplit=3)
        return int(sent), int(dropped), state, "".join(error)

    def value(self, query):
        return float(self.query(query)[0]["value"][1])

    def check_values_and_their_end(self):
        text = r'a \"quote\" and \\ and \n'
        page = (f'# TYPE t_up gauge\nt_up{{app="{text}",worker="0",runtime=""}} 1\nt_up{{app="web",worker="1"}} 0.1\n'
                '# TYPE t_lag_seconds histogram\nt_lag_seconds_bucket{app="web",le="1.0"} 3\n'
                't_lag_seconds_bucket{app="web",le="+Inf"} 4\nt_lag_seconds_sum{app="web"} 17.5\nt_inf +Inf\n')
        self.write(page)
        writer = self.writer()
        self.assertEqual(wait_until(lambda: self.value('t_up{app="web"}'), 30), 0.1)
        self.assertEqual(wait_until(lambda: self.value('t_lag_seconds_sum'), 10), 17.5)
        self.assertEqual(self.value("t_inf"), float("inf"))
        series = {s["metric"]["app"]: s["metric"] for s in self.query("t_up")}
        self.assertEqual(series['a "quote" and \\ and \n'],
                         {"__name__": "t_up", "app": 'a "quote" and \\ and \n', "worker": "0", "job": "tend",
                          "instance": "test-host"})
        self.write(page.replace('t_up{app="web",worker="1"} 0.1\n', ""))
        wait_until(lambda: not self.query('t_up{app="web"}'), 30, "the series has ended", interval=0.2)
        self.assertEqual(len(self.query("t_up")), 1, "the other has not")
        sent, dropped, state, error = self.finish(writer)
        self.assertGreaterEqual(sent, 6 * 2)
        self.assertEqual((dropped, state, error), (0, "ok", ""))

    def check_samples_wait_for_a_receiver(self):
        self.write("t_up 1\n")
        self.end(self.receiver)
        writer = self.writer()
        time.sleep(2)  # samples of an outage
        self.start_receiver()
        wait_until(lambda: self.value("count_over_time(t_up[1m])") >= 5, 60, "those of the outage are there",
                   interval=0.2)
        sent, dropped, state, error = self.finish(writer)
        self.assertGreaterEqual(sent, 5)
        self.assertEqual((dropped, state, error), (0, "ok", ""))

    def check_that_many_series_arrive(self):
        count = 3_000 if SANITIZED else 12_000  # at its end it has 5 s
        self.write("".join(f't_many{{n="{n}"}} {n}\n' for n in range(count)))
        writer = self.writer()
        wait_until(lambda: self.value("count(t_many)") == count, 30, "all are there")
        wait_until(lambda: self.value("sum(t_many)") == sum(range(count)), 10)
        self.assertEqual(self.finish(writer)[1:3], (0, "ok"))


@unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
class PrometheusTest(RemoteWriteTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        (self.folder / "p.yml").write_text("global: {scrape_interval: 1h}\n")
        self.start_receiver()

    def start_receiver(self):
        self.receiver = self.spawn(
            "prometheus", f"--config.file={self.folder}/p.yml", f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver", "--log.level=error")
        self.wait_listening()

    def test_values_are_equal_and_series_end(self):
        self.check_values_and_their_end()

    def test_samples_wait_for_a_receiver(self):
        self.check_samples_wait_for_a_receiver()

    def test_many_series_arrive(self):
        self.check_that_many_series_arrive()

    def test_a_wrong_path_or_token_is_said_and_costs_nothing(self):
        self.write("t_up 1\n")
        writer = self.writer(url=f"http://user:secret@127.0.0.1:{self.port}/nowhere?token=secret")
        time.sleep(2)
        sent, dropped, state, error = self.finish(writer)
        self.assertEqual((sent, state), (0, "failing"))
        self.assertRegex(error, r"^answered 40[45]")
        self.assertNotIn("secret", error)
        self.assertLessEqual(dropped, 6, "what waited when it ended")


@unittest.skipUnless(shutil.which("victoria-metrics"), "victoria-metrics is not installed")
class VictoriaMetricsTest(RemoteWriteTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.start_receiver()

    def start_receiver(self):
        self.receiver = self.spawn(
            "victoria-metrics", f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=1d", "-search.latencyOffset=0s", "-loggerLevel=ERROR", "-search.disableCache")
        self.wait_listening()

    def test_values_are_equal_and_series_end(self):
        self.check_values_and_their_end()

    def test_samples_wait_for_a_receiver(self):
        self.check_samples_wait_for_a_receiver()

    def test_many_series_arrive(self):
        self.check_that_many_series_arrive()


class WholeWayTest(WithRsyslog):
    """From a worker's write to the receiver, as `export` in tend.yaml has it."""

    def setUp(self):
        super().setUp()
        self.tend = Tend()
        self.addCleanup(self.close_tend)

    def close_tend(self):
        left = self.tend.close()
        self.tend.remove()
        self.assertEqual(left, "")

    def start(self, lines, **exporters):
        app = {"name": "gen", "script": worker("lines"), "interpreter": "none", "instances": 2,
               "args": [str(lines), "pause"]}
        self.tend.config(app, export=exporters)
        self.tend.ok("start", "tend.yaml")

    def exporter(self, name):
        everyone = json.loads(self.tend.ok("exporters", "--json"))["exporters"]
        return next(e for e in everyone if e["name"] == name)

    @unittest.skipUnless(shutil.which("rsyslogd"), "rsyslog is not installed")
    def test_lines_wait_for_rsyslog_and_arrive_in_order(self):
        port, each = free_port(), 2000
        self.start(each, siem={"type": "syslog", "url": f"tcp://127.0.0.1:{port}", "facility": "local2"})
        wait_until(lambda: self.exporter("siem")["queue_entries"] == 2 * each, 30, "all lines wait")
        wait_until(lambda: "Connection refused" in (self.exporter("siem")["last_error"] or ""), 30, "it says why")
        self.rsyslog("", self.TCP.format(self.folder).replace('port="0"', f'port="{port}"'))
        got = self.messages(2 * each)
        self.assertEqual(len(got), 2 * each)
        for slot in (0, 1):
            for stream, severity in (("stdout", "6"), ("stderr", "3")):
                ours = [r.text.decode() for r in self.tend.records("gen") if (r.slot, r.stream) == (slot, stream)]
                theirs = [m[7] for m in got if m[4] == str(slot) and f'stream="{stream}"' in m[5]]
                self.assertEqual(theirs, ours)
        self.assertEqual(got[0][0], "18")
        done = wait_until(lambda: (lambda e: e if not e["queue_entries"] else None)(self.exporter("siem")), 10)
        self.assertEqual((done["sent_entries"], done["state"]), (2 * each, "ok"))

    @unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
    def test_prometheus_is_told_what_a_scrape_would_have_had(self):
        port = free_port()
        (self.folder / "p.yml").write_text("global: {scrape_interval: 1h}\n")
        self.spawn("prometheus", f"--config.file={self.folder}/p.yml", f"--storage.tsdb.path={self.folder}/data",
                   f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=error")

        def ask(query):
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
            return json.load(urllib.request.urlopen(url, timeout=5))["data"]["result"]
        self.start(1000, prom={"type": "remote_write", "url": f"http://127.0.0.1:{port}", "interval": "1s",
                               "labels": {"env": "test"}})
        wait_until(lambda: ask('sum(tend_worker_log_lines_total{env="test"})')[0]["value"][1] == "2000", 60,
                   "all lines are counted there", interval=0.2)
        wait_until(lambda: len(ask('tend_worker_up{app="gen"} == 1')) == 2, 30, "both workers are up there")
        series = {s["metric"]["worker"]: s["metric"] for s in ask('tend_worker_up{app="gen"}')}
        self.assertEqual((series["0"]["job"], series["0"]["instance"]), ("tend", os.uname().nodename))
        page = self.tend.metrics()
        self.assertGreater(len(ask('{job="tend"}')), 0.9 * len(page))
        self.tend.ok("delete", "gen")
        wait_until(lambda: not ask('tend_worker_up{app="gen"}'), 30, "the series have ended", interval=0.2)


if __name__ == "__main__":
    main()
