"""Real Node apps: event-loop lag without a change to the app, and config files in JavaScript."""
import json
import time
import unittest
import urllib.request

from harness import TendTest, main, wait_until

SERVER = """
const http = require('http');
const server = http.createServer((q, s) => {
  if (q.url === '/block') { const end = Date.now() + 300; while (Date.now() < end); }
  s.end('ok ' + process.pid + '\\n');
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
"""


class LagTest(TendTest):
    def lag(self, app, name="tend_worker_eventloop_lag_max_seconds"):
        return self.tend.metric(name, app=app, worker="0")

    def port(self, app):
        return wait_until(lambda: next(int(t.split()[1]) for t in self.tend.texts(app)
                                       if t.startswith("port ")), 10)

    def wait(self, condition, timeout, what):
        return wait_until(condition, timeout, what)

    def test_lag_of_a_commonjs_app(self):
        self.tend.write("server.js", SERVER)
        self.start("server.js", "--name", "web")
        self.wait(lambda: self.lag("web") is not None, 15, "lag is measured")
        for name in ("tend_worker_eventloop_lag_p50_seconds", "tend_worker_eventloop_lag_p99_seconds",
                     "tend_worker_eventloop_utilization_ratio", "tend_worker_heap_used_bytes"):
            self.assertIsNotNone(self.lag("web", name), name)
        urllib.request.urlopen(f"http://127.0.0.1:{self.port('web')}/block", timeout=10).read()
        self.wait(lambda: self.lag("web") >= 0.2, 10, "a block of 300 ms is seen")
        self.assertLess(self.lag("web", "tend_worker_eventloop_lag_p50_seconds"), 0.1)
        self.assertIsNotNone(self.tend.worker("web")["eventloop_lag_p99_seconds"])

    def test_lag_of_an_es_module(self):
        self.tend.write("server.mjs", "import http from 'node:http';\n"
                        "http.createServer((q, s) => s.end()).listen(0, '127.0.0.1');\n")
        self.start("server.mjs", "--name", "esm")
        self.wait(lambda: self.lag("esm") is not None, 15, "lag is measured")

    def test_a_python_worker_has_no_lag(self):
        self.tend.write("a.py", "import time\ntime.sleep(60)\n")
        self.start("a.py", "--name", "py")
        wait_until(lambda: self.tend.metric("tend_worker_resident_memory_bytes", app="py", worker="0"), 15)
        self.assertIsNone(self.lag("py"))

    def test_node_options_of_the_user_are_kept(self):
        self.tend.write("pre.cjs", "global.before = 'from my own preload';\n")
        self.tend.write("app.js", "console.log(String(global.before));\n"
                        "console.log(process.execArgv.length + ' ' + process.argv.length);\n"
                        "setInterval(() => {}, 1000);\n")
        self.tend.config({"name": "app", "script": "./app.js",
                          "env": {"NODE_OPTIONS": f"--require {self.tend.home}/pre.cjs"}})
        self.start("tend.yaml")
        wait_until(lambda: "from my own preload" in self.tend.texts("app"), 5)
        self.wait(lambda: self.lag("app") is not None, 15, "lag is measured, too")

    def test_an_app_that_ends_is_not_kept_alive(self):
        self.tend.write("once.js", "console.log('done');\n")
        self.tend.config({"name": "once", "script": "./once.js", "autorestart": False})
        self.tend.run("start", "tend.yaml", "--no-wait")
        self.tend.wait_state("once", "stopped", 10)
        self.assertEqual(self.tend.worker("once")["last_exit"]["code"], 0)

    def test_child_processes_and_threads_are_left_alone(self):
        """Only the worker reports; a node that the app starts has no descriptor of ours."""
        self.tend.write("app.js", """
const { execFileSync } = require('child_process');
const { Worker } = require('worker_threads');
new Worker('setTimeout(() => {}, 100)', { eval: true }).on('exit', (c) => console.log('thread ' + c));
console.log('child ' + execFileSync(process.execPath, ['-p', '6*7']).toString().trim());
setInterval(() => {}, 1000);
""")
        self.start("app.js", "--name", "app")
        wait_until(lambda: {"thread 0", "child 42"} <= set(self.tend.texts("app")), 10)
        self.assertEqual([r.text for r in self.tend.records("app") if r.stream == "stderr"], [])

    def test_an_uncaught_exception_is_on_disk(self):
        self.tend.write("bad.js", "setTimeout(() => { throw new Error('unlucky') }, 50)\n")
        self.tend.config({"name": "bad", "script": "./bad.js", "max_restarts": 1})
        code, _, err = self.tend.run("start", "tend.yaml")
        self.assertEqual(code, 7)
        self.assertIn("unlucky", err)
        self.assertIn("Error: unlucky", "\n".join(self.tend.texts("bad", "stderr")))


class JavascriptConfigTest(TendTest):
    def started(self, file, *words, env=None):
        self.start(file, *words, env=env)
        return self.tend.list()

    def setUp(self):
        super().setUp()
        self.tend.write("app.js", "console.log('MODE=' + process.env.MODE);setInterval(() => {}, 1000);\n")

    def test_commonjs(self):
        self.tend.write("ecosystem.config.js",
                        "module.exports = { apps: [{ name: 'a', script: './app.js', instances: 2 }] }\n")
        apps = self.started("ecosystem.config.js")
        self.assertEqual([(a["name"], a["state"], len(a["workers"])) for a in apps], [("a", "online", 2)])

    def test_es_module_with_export_default(self):
        self.tend.write("ecosystem.config.mjs",
                        "import os from 'node:os';\n"
                        "export default { apps: [{ name: 'a' + os.EOL.trim(), script: './app.js' }] }\n")
        self.assertEqual(self.started("ecosystem.config.mjs")[0]["name"], "a")

    def test_a_function_and_a_promise(self):
        self.tend.write("ecosystem.config.cjs",
                        "module.exports = async () => ({ apps: [{ name: 'late', script: './app.js' }] })\n")
        self.assertEqual(self.started("ecosystem.config.cjs")[0]["name"], "late")

    def test_what_the_config_prints_is_not_the_config(self):
        self.tend.write("ecosystem.config.js", "console.log('{\"apps\": []}');\n"
                        "module.exports = { apps: [{ name: 'a', script: './app.js' }] }\n")
        self.assertEqual(self.started("ecosystem.config.js")[0]["name"], "a")

    def test_env_name_is_merged(self):
        self.tend.write("ecosystem.config.js", "module.exports = { apps: [{ name: 'a', script: './app.js',"
                        " env: { MODE: 'plain' }, env_production: { MODE: 'production' } }] }\n")
        self.started("ecosystem.config.js", "--env", "production")
        wait_until(lambda: "MODE=production" in self.tend.texts("a"), 5)

    def test_increment_var_gives_each_worker_its_own(self):
        self.tend.write("port.js", "console.log('PORT=' + process.env.PORT + ' of '"
                        " + process.env.NODE_APP_INSTANCE);setInterval(() => {}, 1000);\n")
        self.tend.write("ecosystem.config.js", "module.exports = { apps: [{ name: 'a', script: './port.js',"
                        " instances: 3, increment_var: 'PORT', env: { PORT: 4000 } }] }\n")
        self.started("ecosystem.config.js")
        want = {f"PORT={4000 + i} of {i}" for i in range(3)}
        wait_until(lambda: set(self.tend.texts("a")) == want, 5)

    def test_only_and_several_apps(self):
        self.tend.write("ecosystem.config.json", json.dumps(
            {"apps": [{"name": n, "script": "./app.js"} for n in ("a", "b", "c")]}))
        self.started("ecosystem.config.json", "--only", "a,c")
        self.assertEqual([a["name"] for a in self.tend.list()], ["a", "c"])


class SlowStartTest(TendTest):
    def test_start_returns_when_workers_are_up_for_a_second(self):
        self.tend.write("app.js", "setInterval(() => {}, 1000);\n")
        begun = time.monotonic()
        self.start("app.js")
        self.assertGreaterEqual(time.monotonic() - begun, 0.9)
        self.assertEqual(self.tend.app("app")["state"], "online")


if __name__ == "__main__":
    main()
