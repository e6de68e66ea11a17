"""Prometheus finds tends by itself: from /api/v1/sd of one, and from a file of `tend sd`."""
import json
import unittest

from harness import Tend, TendTest, main, wait_until
from prometheus import INSTALLED, Prometheus

TOO = {"name": "web", "script": "/bin/sleep", "args": "600"}


class DiscoveryTest(TendTest):
    def start_app(self):
        self.tend.config(TOO, {**TOO, "name": "api"})
        self.start("tend.yaml")
        return "{}:{}".format(*self.tend.address())

    def second(self):
        other = Tend()
        self.addCleanup(other.remove)
        self.addCleanup(other.close)
        other.config(TOO)
        other.ok("start", "tend.yaml")
        return "{}:{}".format(*other.address())

    def test_the_answer_names_the_address_that_was_asked(self):
        address = self.start_app()
        status, headers, body = self.tend.get("/api/v1/sd")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
        group, = json.loads(body)
        self.assertEqual(group["targets"], [address])
        self.assertEqual(group["labels"]["__meta_tend_apps"], ",api,web,")
        asked = self.tend.get("/api/v1/sd", {"Host": "localhost:80"})[2]
        self.assertEqual(json.loads(asked)[0]["targets"], ["localhost:80"])

    def test_the_command_prints_this_tend_or_a_list(self):
        self.assertEqual(self.tend.run("sd")[0], 5, "no daemon, no target")
        address = self.start_app()
        self.assertEqual(json.loads(self.tend.ok("sd")), [{"targets": [address], "labels": {}}])
        self.tend.write("hosts.txt", "web1 env=prod\n# web2\n10.0.0.7:80\n")
        self.assertEqual(json.loads(self.tend.ok("sd", "--hosts", "hosts.txt")),
                         [{"targets": ["web1:9616"], "labels": {"env": "prod"}},
                          {"targets": ["10.0.0.7:80"], "labels": {}}])
        self.tend.write("hosts.txt", "web1\nweb2 oops\n")
        self.assertEqual(self.tend.ok("sd", "--output", "this.json"), "")
        code, out, err = self.tend.run("sd", "--hosts", "hosts.txt", "--output", "this.json")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("hosts.txt: line 2: oops is no label", err)
        self.assertEqual(json.loads((self.tend.home / "this.json").read_text())[0]["targets"], [address],
                         "what was there is untouched")
        self.assertEqual(self.tend.run("sd", "--hosts", "nowhere.txt")[0], 1)

    @unittest.skipUnless(INSTALLED, "prometheus is not installed")
    def test_a_real_prometheus_finds_them(self):
        address, other = self.start_app(), self.second()
        self.tend.write("hosts.txt", f"{address} env=prod\n")
        self.tend.ok("sd", "--hosts", "hosts.txt", "--output", "tend.json")
        server = Prometheus(self.tend.home, [
            {"job_name": "by-file", "file_sd_configs": [{"files": [str(self.tend.home / "tend.json")]}]},
            {"job_name": "by-http", "http_sd_configs": [{"url": f"http://{address}/api/v1/sd"},
                                                        {"url": f"http://{other}/api/v1/sd"}],
             "relabel_configs": [
                 {"source_labels": ["__meta_tend_apps"], "regex": ".*,api,.*", "action": "keep"},
                 {"source_labels": ["__meta_tend_hostname"], "target_label": "host"}]}])
        self.addCleanup(server.stop)

        def found(job):
            return {target["labels"]["instance"]: target["health"] for target in server.targets()
                    if target["labels"]["job"] == job}
        wait_until(lambda: found("by-file") == {address: "up"} == found("by-http"), 30, "both ways find the first",
                   interval=0.2)
        # A target is up a moment before its samples can be asked for.
        wait_until(lambda: server.query('up{job="by-file"}')[0][0]["env"] == "prod", 10, "the list's label is there")
        wait_until(lambda: server.query('up{job="by-http"}')[0][0]["host"], 10, "the host's name is there")
        self.tend.write("hosts.txt", f"{address} env=prod\n{other} env=test\n")
        self.tend.ok("sd", "--hosts", "hosts.txt", "--output", "tend.json")
        wait_until(lambda: found("by-file") == {address: "up", other: "up"}, 30, "the new list is seen", interval=0.2)


if __name__ == "__main__":
    main()
