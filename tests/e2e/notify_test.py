"""What people are told: of a worker that crashes, is given up, is back; of tend itself."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import unittest
import urllib.request

from harness import PATIENCE, TendTest, free_port, main, wait_until
from hook_server import Hook, is_signed

# Crashes until there is a file `well`.
FRAGILE = """[ -e well ] && exec sleep 1000
echo "cannot open the <database>" >&2
exit 3
"""
KEY = b"a key of the test"


class Fragile(TendTest):
    """One app that crashes, and whom it is told to."""

    def setUp(self):
        super().setUp()
        self.tend.write("fragile.sh", FRAGILE)
        self.tend.write("key", KEY + b"\n", 0o600)

    def hook(self, *arguments):
        hook = Hook(*arguments)
        self.addCleanup(hook.close)
        return hook

    def run_fragile(self, notify, **more):
        self.tend.config({"name": "api", "script": "./fragile.sh", "interpreter": "/bin/sh",
                          "restart_delay": "300ms", "max_restarts": 8, **more}, notify=notify)
        self.start("tend.yaml", "--no-wait")
        wait_until(lambda: self.tend.get("/readyz", unix=True)[0] == 200, what="the sidecar is there")

    def events(self, hook, count, timeout=20):
        """`event status` of the first messages, once there are so many."""
        def enough():
            return len(hook.bodies()) >= count
        wait_until(enough, timeout, f"{count} messages, of {[b.get('event') for b in hook.bodies()]}")
        return [f"{body['event']} {body['status']}" for body in hook.bodies()]

    def heal(self):
        self.tend.write("well", "")
        self.tend.ok("restart", "api")

    def kill_sidecar(self):
        before = self.tend.daemon("tend-sidecar")
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: self.tend.daemon("tend-sidecar") != before
                   and self.tend.get("/readyz", unix=True)[0] == 200, what="a new sidecar")

    def wait_acknowledged(self, receiver, event):
        """That it was taken is known, and would be after a crash."""
        def is_kept():
            state = json.loads((self.tend.home / "state" / "alerts.json").read_text())["receivers"][receiver]
            return not state["pending"] and any(thing.startswith(event) for thing in state["cool_downs"])
        wait_until(is_kept, 5, f"{event} is acknowledged")

    def receiver(self, name):
        listed = json.loads(self.tend.ok("notify", "list", "--json"))
        return next(r for r in listed["receivers"] if r["name"] == name)


class NotifyTest(Fragile):
    def test_a_crash_loop_from_its_beginning_to_its_end_and_over_a_crash_of_the_sidecar(self):
        hook = self.hook()
        self.run_fragile({"hook": {"type": "webhook", "url": hook.url + "/in", "secret_file": "key",
                                   "events": ["crash_loop", "errored"]}})
        self.assertEqual(self.events(hook, 2), ["crash_loop opened", "errored opened"])
        loop, errored = hook.bodies()
        self.assertEqual(loop["schema"], "tend.incident/1")
        self.assertEqual((loop["app"], loop["worker"], loop["severity"]), ("api", 0, "critical"))
        self.assertIn("cannot open the <database>", loop["last_stderr"])
        self.assertEqual(errored["id"], loop["id"])
        self.assertEqual(errored["before"], "crash_loop")
        self.assertIsNone(errored["ended"])

        self.wait_acknowledged("hook", "errored")
        self.kill_sidecar()
        self.heal()
        self.assertEqual(self.events(hook, 3, 30)[2:], ["errored resolved"])
        resolved = hook.bodies()[2]
        self.assertEqual(resolved["id"], loop["id"])
        self.assertIsNotNone(resolved["ended"])
        for path, headers, body, _ in hook.requests:
            self.assertEqual(path, "/in")
            self.assertTrue(is_signed(headers, body, KEY))
            self.assertFalse(is_signed(headers, body + b" ", KEY))

    def test_tend_itself_is_told_of_and_a_cool_down_holds_back(self):
        hook = self.hook()
        self.tend.write("well", "")
        self.run_fragile({"webhook": {"url": hook.url, "events": ["daemon_restarted"]}})
        self.tend.wait_state("api", "online")
        for _ in range(3):
            self.kill_sidecar()
            self.wait_acknowledged("webhook", "daemon_restarted")
        self.assertEqual(self.events(hook, 1), ["daemon_restarted happened"])
        self.assertEqual(hook.bodies()[0]["subject"], "sidecar")
        time.sleep(2 * PATIENCE)  # time for what must not come
        self.assertEqual(len(hook.requests), 1)

    def test_what_is_not_taken_is_sent_again_in_order(self):
        well = [False]
        hook = self.hook(lambda *_: 200 if well[0] else 503)
        self.run_fragile({"webhook": {"url": hook.url}})
        self.tend.wait_state("api", "errored", 30)
        wait_until(lambda: self.receiver("webhook")["queued"] >= 2, 20)
        self.assertIn("503", self.receiver("webhook")["last_error"])
        well[0] = True
        self.assertEqual(self.events(hook, 2, 90), ["crash_loop opened", "errored opened"])
        wait_until(lambda: self.receiver("webhook")["sent"] == 2)
        self.assertEqual(self.receiver("webhook")["queued"], 0)

    def test_a_slow_receiver_holds_up_no_other(self):
        release = threading.Event()
        slow = self.hook(lambda *_: 200 if release.wait(60) else 503)
        self.addCleanup(release.set)
        hook = self.hook()
        self.run_fragile({"slow": {"type": "webhook", "url": slow.url},
                          "webhook": {"url": hook.url, "events": ["crash_loop", "errored"]}})
        self.assertEqual(self.events(hook, 2), ["crash_loop opened", "errored opened"])
        self.assertEqual(slow.bodies(), [])

    def test_slack_and_pagerduty_get_what_they_understand(self):
        slack, pager = self.hook(), self.hook(lambda *_: 202)
        self.tend.write("slack-url", slack.url + "/services/T0/B0/secret\n", 0o600)
        self.run_fragile({"slack": {"url_file": "slack-url", "events": ["errored"]},
                          "pagerduty": {"url": pager.url + "/v2/enqueue", "secret_file": "key"}},
                         restart_delay="1s")  # time in which the loop is seen before it is given up
        wait_until(lambda: len(slack.bodies()) == 1 and len(pager.bodies()) == 2, 30)
        message = slack.bodies()[0]
        self.assertIn("api:0", message["text"])
        text = json.dumps(message["blocks"])
        self.assertIn("cannot open the &lt;database&gt;", text)
        self.assertEqual(slack.requests[0][0], "/services/T0/B0/secret")
        loop, errored = pager.bodies()
        for event in (loop, errored):
            self.assertEqual(event["event_action"], "trigger")
            self.assertEqual(event["routing_key"], KEY.decode())
            self.assertEqual(event["payload"]["severity"], "critical")
            self.assertTrue(event["payload"]["summary"] and event["payload"]["source"])
        self.assertEqual(loop["dedup_key"], errored["dedup_key"])
        self.tend.ok("delete", "api")
        wait_until(lambda: len(pager.bodies()) == 3, 10)
        self.assertEqual(pager.bodies()[2]["event_action"], "resolve")
        self.assertEqual(pager.bodies()[2]["dedup_key"], loop["dedup_key"])
        listed = self.tend.ok("notify", "list", "--json") + self.tend.ok("notify", "list")
        self.assertNotIn("secret", listed)
        self.assertNotIn(KEY.decode(), listed)

    def test_a_command_is_told_by_environment_and_input(self):
        line = f'echo "$TEND_EVENT $TEND_STATUS $TEND_APP:$TEND_WORKER $(cat)" >> {self.tend.home}/told'
        self.run_fragile({"exec": {"exec": line}})
        file = self.tend.home / "told"
        told = wait_until(lambda: (lambda lines: len(lines) == 2 and lines)(file.read_text().splitlines()), 20)
        for line, event in zip(told, ("crash_loop", "errored")):
            said, _, incident = line.partition(" {")
            self.assertEqual(said, f"{event} opened api:0")
            self.assertEqual(json.loads("{" + incident)["event"], event)
        wait_until(lambda: not self.tend.zombies(), 5, "the dead are taken off")

    def test_notify_test_says_the_truth(self):
        good, bad = self.hook(), self.hook(404)
        self.tend.write("well", "")
        self.run_fragile({"good": {"type": "webhook", "url": good.url},
                          "bad": {"type": "slack", "url": bad.url},
                          "gone": {"type": "webhook", "url": f"http://127.0.0.1:{free_port()}/"},
                          "pager": {"type": "pagerduty", "url": good.url + "/v2/enqueue", "secret_file": "none"},
                          "exec": {"exec": "echo no route >&2; exit 3"}})
        code, out, err = self.tend.run("notify", "test", "good")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("good", out)
        self.assertEqual(good.bodies()[0]["event"], "test")
        for name, why in (("bad", "404"), ("gone", "refused"), ("pager", "No such file"),
                          ("exec", "exit code 3: no route")):
            code, out, err = self.tend.run("notify", "test", name)
            self.assertEqual(code, 1, name)
            self.assertIn(why, err)
        code, _, err = self.tend.run("notify", "test", "nobody")
        self.assertEqual(code, 4)
        self.assertIn("gone", err)  # the names that there are
        self.assertEqual(self.tend.run("notify", "test")[0], 2)
        status, _, _ = self.tend.get("/api/v1/notify")
        self.assertEqual(status, 200)
        self.assertIn("404", self.tend.ok("notify", "list"))


# Writes what is in the file `more` when there is one.
ON_DEMAND = """import os, sys, time
while True:
    if os.path.exists("more"):
        sys.stdout.write(open("more").read())
        sys.stdout.flush()
        os.remove("more")
    time.sleep(0.05)
"""
# Takes 80 MiB, in its first life.
FAT = """import os, time
if not os.path.exists("fed"):
    open("fed", "w")
    food = b"x" * (80 << 20)
time.sleep(1000)
"""
KIBIBYTE = "x" * (1024 - len("2026-11-21T10:31:07.000000000Z stdout F web:0 \n")) + "\n"


class KindsTest(Fragile):
    """One tend with all that can be wrong with it at the same time: numbers are looked at every five seconds."""

    def told(self, event, status, timeout=20):
        """The message about it."""
        return wait_until(lambda: next(body for body in self.all.bodies()
                                       if (body["event"], body["status"]) == (event, status)),
                          timeout, f"{event} is {status}")

    def write_log(self, kibibytes):
        self.tend.write("next", KIBIBYTE * kibibytes)
        os.rename(self.tend.home / "next", self.tend.home / "more")

    def test_each_kind_that_is_told_begins_and_ends(self):
        loki_answers = threading.Event()
        self.addCleanup(loki_answers.set)
        loki = self.hook(lambda *_: 204 if loki_answers.wait(30 * PATIENCE) else 503)
        self.all = self.hook()
        self.tend.write("on_demand.py", ON_DEMAND)
        self.tend.write("fat.py", FAT)
        self.tend.write("dying.sh", "sleep 0.3; exit 3\n")
        self.tend.write("release.sh", "[ -e broken ] && exit 3; exec sleep 1000\n")
        self.tend.write("well", "")
        self.tend.config(
            {"name": "web", "script": "./on_demand.py",
             "logs": {"max_size": "64K", "max_total": "256K", "compress": False, "min_free": 0}},
            {"name": "fat", "script": "./fat.py", "max_memory_restart": "60M"},
            {"name": "dying", "script": "./dying.sh", "interpreter": "/bin/sh", "min_uptime": "100ms"},
            {"name": "release", "script": "./release.sh", "interpreter": "/bin/sh", "listen": [free_port()]},
            {"name": "sick", "script": "./fragile.sh", "interpreter": "/bin/sh", "cwd": str(self.tend.home),
             "health": {"exec": "test -e healthy", "every": "200ms", "failures": 2, "grace": 0}},
            export={"loki": {"url": loki.url, "behind": "2s", "apps": ["web"], "timeout": "1s"}},
            notify={"hook": {"type": "webhook", "url": self.all.url}})
        self.start("tend.yaml", "--no-wait")
        self.write_log(210)
        self.tend.wait_state("release", "online")
        self.tend.write("broken", "")
        self.assertEqual(self.tend.run("reload", "release")[0], 7)

        failed = self.told("reload_failed", "happened")
        self.assertEqual((failed["app"], failed["worker"]), ("release", None))
        self.assertEqual(self.told("unhealthy", "opened")["app"], "sick")
        self.tend.write("healthy", "")
        dying = self.told("crash_loop", "opened")
        self.assertIn("dying:0 crashed 5 times within 5m", dying["summary"])
        self.tend.ok("stop", "dying")
        self.assertEqual(self.told("crash_loop", "resolved")["id"], dying["id"])
        fat = self.told("memory_restart", "happened")
        self.assertEqual((fat["app"], fat["worker"]), ("fat", 0))

        warning = self.told("disk_warning", "opened")
        self.assertEqual((warning["app"], warning["severity"]), ("web", "warning"))
        self.write_log(38)
        behind = self.told("exporter_behind", "opened")
        self.assertEqual(behind["subject"], "loki")
        loki_answers.set()
        critical = self.told("disk_critical", "opened")
        self.assertEqual((critical["id"], critical["before"]), (warning["id"], "disk_warning"))
        self.write_log(20)
        self.assertEqual(self.told("exporter_behind", "resolved")["id"], behind["id"])
        held = self.told("disk_critical", "resolved")
        self.assertEqual(held["id"], warning["id"])
        self.assertIn("retention holds the logs of web at 256K", held["summary"])
        self.assertEqual(self.told("unhealthy", "resolved", 30)["app"], "sick")
        self.assertEqual(sorted(f"{body['event']} {body['status']}" for body in self.all.bodies()), [
            "crash_loop opened", "crash_loop resolved", "disk_critical opened", "disk_critical resolved",
            "disk_warning opened", "exporter_behind opened", "exporter_behind resolved", "memory_restart happened",
            "reload_failed happened", "unhealthy opened", "unhealthy resolved"])


@unittest.skipUnless(shutil.which("prometheus-alertmanager"), "prometheus-alertmanager is not installed")
class AlertmanagerTest(Fragile):
    def setUp(self):
        super().setUp()
        self.tend.write("am.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n")
        port = free_port()
        self.api = f"http://127.0.0.1:{port}/api/v2/alerts"
        self.alertmanager = f"http://127.0.0.1:{port}"
        process = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={self.tend.home}/am.yml",
             f"--storage.path={self.tend.home}/am", f"--web.listen-address=127.0.0.1:{port}",
             "--cluster.listen-address="], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)
        wait_until(lambda: self.alerts() is not None, 30, "Alertmanager answers")

    def alerts(self):
        """Those that fire, by name."""
        with urllib.request.urlopen(self.api, timeout=5) as answer:
            return {alert["labels"]["alertname"]: alert for alert in json.load(answer)}

    def test_alerts_fire_and_end(self):
        self.run_fragile({"alertmanager": {"url": self.alertmanager}}, restart_delay="1s")  # as above
        wait_until(lambda: list(self.alerts()) == ["TendCrashLoop"], 30)
        errored = wait_until(lambda: self.alerts().get("TendErrored"), 30)
        self.assertEqual(list(self.alerts()), ["TendErrored"])
        self.assertEqual(errored["labels"]["app"], "api")
        self.assertEqual(errored["labels"]["worker"], "0")
        self.assertEqual(errored["labels"]["severity"], "critical")
        self.assertIn("cannot open the <database>", errored["annotations"]["description"])
        self.heal()
        wait_until(lambda: self.alerts() == {}, 30, "no alert fires")
        self.assertEqual(self.tend.run("notify", "test", "alertmanager")[0], 0)
        self.assertEqual(list(self.alerts()), ["TendTest"])


if __name__ == "__main__":
    main()
