"""Bad configuration: every mistake gets an error that says where and what, in bounded time."""
import os
import signal
import socket
import time
import unittest

from harness import TendTest, main, wait_until, worker

IDLE = {"script": worker("idle"), "interpreter": "none"}


class BadConfigTest(TendTest):
    def refused(self, code, *words, said=()):
        got, out, err = self.assert_bounded(15, self.tend.run, *words)
        self.assertEqual(got, code, out + err)
        for text in said:
            self.assertIn(text, err)
        self.assertNotIn("terminate called", err)
        return err

    def test_an_unknown_app(self):
        self.tend.config({"name": "api", **IDLE})
        self.start("tend.yaml")
        for verb in ("stop", "restart", "reload", "delete", "describe", "logs", "env", "flush"):
            self.refused(4, verb, "apii", said=["apii", "did you mean", "api"])
        self.refused(4, "scale", "apii", "2", said=["apii"])
        self.assertEqual(self.tend.app("api")["state"], "online")

    def test_no_daemon(self):
        for verb in (["stop", "api"], ["describe", "api"], ["scale", "api", "2"]):
            self.refused(5, *verb)
        self.assertEqual(self.tend.processes(), {}, "only start, run and resurrect start a daemon")

    def test_an_unknown_command_and_an_unknown_option(self):
        self.refused(2, "lst", said=["list"])
        self.refused(2, "list", "--jsn", said=["--json"])
        self.refused(2)

    def test_an_environment_that_is_not_utf8(self):
        self.tend.config({"name": "api", **IDLE}, {"name": "web", **IDLE})
        env = {"LATIN": "Gr\udcfc\udcdfe", "UMLAUT": "Grüße"}
        err = self.start("tend.yaml", env=env)[1]
        self.assertEqual(err.count("the environment's LATIN is not UTF-8; apps do not get it"), 1, err)
        code, _, err = self.tend.run("restart", "api", "--update-env", env=env)
        self.assertEqual(code, 0, err)
        self.assertIn("LATIN is not UTF-8", err)
        shown = self.tend.ok("env", "api")
        self.assertIn("UMLAUT=Grüße", shown)
        self.assertNotIn("LATIN", shown)

    def test_a_missing_script(self):
        code, _, err = self.assert_bounded(15, self.tend.run, "start", "./missing.js")
        self.assertIn(code, (1, 6, 7))
        self.assertIn("missing.js", err)
        self.tend.config({"name": "gone", "script": "./not-there.js"})
        code, _, err = self.assert_bounded(15, self.tend.run, "start", "tend.yaml")
        self.assertIn(code, (6, 7))
        self.assertIn("not-there.js", err)

    def test_a_script_without_rights(self):
        script = self.tend.write("plain", "#!/bin/sh\nsleep 60\n", mode=0o644)
        self.tend.config({"name": "plain", "script": str(script), "interpreter": "none"})
        code, _, err = self.assert_bounded(15, self.tend.run, "start", "tend.yaml")
        self.assertIn(code, (6, 7, 8))
        self.assertRegex(err, "(?i)permission denied|not executable")
        self.assertIn(str(script), err)

    def test_an_interpreter_that_is_not_there(self):
        self.tend.write("a.rb", "")
        self.tend.config({"name": "a", "script": "./a.rb", "interpreter": "no-such-ruby"})
        code, _, err = self.assert_bounded(15, self.tend.run, "start", "tend.yaml")
        self.assertIn(code, (6, 7))
        self.assertIn("no-such-ruby", err)

    def test_bad_yaml(self):
        self.tend.write("tend.yaml", "apps:\n  - name: api\n    script: [oops\n")
        err = self.refused(6, "start", "tend.yaml", said=["tend.yaml"])
        self.assertRegex(err, r"tend\.yaml:\d+:\d+")

    def test_an_unknown_key_is_an_error_in_tend_yaml(self):
        self.tend.write("tend.yaml", "apps:\n  - name: api\n    script: ./a.js\n    instnaces: 2\n")
        err = self.refused(6, "start", "tend.yaml", said=["instnaces", "did you mean", "instances"])
        self.assertRegex(err, r"tend\.yaml:4:\d+")

    def test_an_unknown_key_is_a_warning_in_an_ecosystem_file(self):
        self.tend.write("a.js", "setInterval(() => {}, 1000)\n")
        self.tend.write("ecosystem.config.json",
                        '{"apps": [{"name": "api", "script": "./a.js", "instnaces": 2}]}')
        _, err = self.start("ecosystem.config.json")
        self.assertIn("instnaces", err)
        self.assertIn("instances", err)
        self.assertEqual(self.tend.app("api")["state"], "online")

    def test_a_wrong_value(self):
        self.tend.write("tend.yaml", "apps:\n  - name: api\n    script: ./a.js\n    instances: three\n")
        err = self.refused(6, "start", "tend.yaml", said=["instances"])
        self.assertRegex(err, r"tend\.yaml:4:\d+")

    def test_javascript_that_throws(self):
        self.tend.write("ecosystem.config.js", "module.exports = {};\nthrow new Error('no luck today');\n")
        self.refused(6, "start", "ecosystem.config.js", said=["ecosystem.config.js", "no luck today"])

    def test_javascript_that_does_not_parse(self):
        self.tend.write("ecosystem.config.js", "module.exports = {\n  apps: [\n};\n")
        self.refused(6, "start", "ecosystem.config.js", said=["ecosystem.config.js"])

    def test_javascript_that_never_returns(self):
        self.tend.write("ecosystem.config.js", "for (;;);\n")
        begun = time.monotonic()
        code, _, err = self.tend.run("start", "ecosystem.config.js", timeout=30)
        self.assertIn(code, (6, 124), err)
        self.assertLess(time.monotonic() - begun, 15)
        self.assertRegex(err, "5 ?s")

    def test_a_config_without_apps(self):
        self.tend.write("ecosystem.config.js", "module.exports = 42;\n")
        self.refused(6, "start", "ecosystem.config.js")
        self.tend.write("tend.yaml", "")
        code, _, err = self.tend.run("start", "tend.yaml")
        self.assertEqual(code, 6, err)

    def test_a_config_that_is_not_there(self):
        code, _, err = self.tend.run("start", "nowhere.yaml")
        self.assertIn(code, (1, 6), err)
        self.assertIn("nowhere.yaml", err)


class BadPortTest(TendTest):
    def setUp(self):
        self.holder = socket.create_server(("127.0.0.1", 0))
        self.LISTEN = "127.0.0.1:%d" % self.holder.getsockname()[1]
        self.addCleanup(self.holder.close)
        super().setUp()

    def test_the_listen_port_in_use_does_not_stop_the_apps(self):
        self.tend.config({"name": "api", **IDLE})
        _, err = self.start("tend.yaml")
        self.assertEqual(self.tend.app("api")["state"], "online")
        status, _, _ = self.tend.get("/metrics", unix=True)
        self.assertEqual(status, 200, "the unix socket serves all the same")
        said = err + self.tend.own_log()
        self.assertIn(self.LISTEN, said)
        self.assertIn("in use", said.lower())

    def test_an_app_whose_port_is_in_use_says_so(self):
        port = self.holder.getsockname()[1]
        self.tend.write("server.js", f"require('http').createServer().listen({port}, '127.0.0.1')\n")
        # It is not online after a second, however long Node takes to begin.
        self.tend.config({"name": "server", "script": "./server.js", "max_restarts": 2, "wait_ready": True,
                          "listen_timeout": "30s"})
        code, _, err = self.tend.run("start", "tend.yaml")
        self.assertEqual(code, 7)
        self.assertIn("EADDRINUSE", err)
        self.assertIn(f"port {port} is held by pid {os.getpid()}", err)


class SignalsTest(TendTest):
    def test_ctrl_c_during_start_leaves_the_daemon_alone(self):
        self.tend.config({"name": "api", **IDLE})
        process = self.tend.spawn("start", "tend.yaml")
        wait_until(lambda: self.tend.app("api")["workers"][0]["pid"], 10)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        self.tend.wait_state("api", "online")


if __name__ == "__main__":
    main()
