"""The files that PM2 users ask for, as PM2 writes them, and JSON logs."""
import json
import re
import unittest

from harness import TendTest, main, wait_until

TALKS = """
process.stdout.write('hello\\n' + JSON.stringify({level: 40, time: 1531171074631, pid: 5, msg: 'low'}) + '\\n');
process.stderr.write('bad\\n');
setInterval(() => {}, 1000);
"""


class LogFilesTest(TendTest):
    def lines(self, name, count):
        file = self.tend.home / name
        wait_until(lambda: file.read_bytes().count(b"\n") >= count, 10, f"{count} lines in {name}")
        return file.read_text().splitlines()

    def pm2(self, **app):
        app = {"name": "talks", "script": str(self.tend.write("talks.js", TALKS)), **app}
        return self.tend.write("ecosystem.config.json", json.dumps({"apps": [app]}))

    def test_dates_of_moment_before_each_line(self):
        code, _, said = self.tend.run(
            "start", self.pm2(log_date_format="[on] YYYY-MM-DD HH:mm:ss.SSS Z", out_file="o.log",
                              error_file="NULL", log_file="all.log"))
        self.assertEqual(code, 0, said)
        self.assertNotIn("not supported", said)
        date = r"on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d: "
        self.assertRegex(self.lines("o.log", 2)[0], f"^{date}hello$")
        every = self.lines("all.log", 3)
        self.assertTrue(all(re.match(date, line) for line in every), every)
        self.assertFalse((self.tend.home / "NULL").exists())

    def test_time_and_numbers_of_workers(self):
        code, _, said = self.tend.run("start", self.pm2(time=True, instances=2, exec_mode="fork",
                                                        out_file="o.log"))
        self.assertEqual(code, 0, said)
        for number in (0, 1):
            line = self.lines(f"o-{number}.log", 2)[0]
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d: hello$")

    def test_json_as_pm2_writes_it(self):
        self.start(self.pm2(log_type="json", log_file="all.json"))
        written = [json.loads(line) for line in self.lines("all.json", 3)]
        self.assertEqual({tuple(line) for line in written},
                         {("message", "timestamp", "type", "process_id", "app_name")})
        bad = [line for line in written if line["type"] == "err"]
        self.assertEqual([(line["message"], line["process_id"], line["app_name"]) for line in bad],
                         [("bad\n", 0, "talks")])

    def test_a_workers_json_is_merged_and_comes_back_as_it_was(self):
        self.start(self.tend.config({"name": "talks", "script": str(self.tend.write("talks.js", TALKS)),
                                     "logs": {"format": "json"}}))
        written = [json.loads(line) for line in self.lines("logs/talks/talks.log", 3)]
        merged = [line for line in written if line.get("merged")]
        self.assertEqual(len(merged), 1, written)
        self.assertEqual((merged[0]["level"], merged[0]["message"], merged[0]["pid"]), ("warn", "low", 5))
        self.assertEqual(merged[0]["worker_time"], "2018-07-09T21:17:54.631000000Z")
        out = self.tend.ok("logs", "talks", "-o", "raw", "--stream", "out").splitlines()
        self.assertEqual(out, ["hello", '{"level":40,"time":1531171074631,"pid":5,"msg":"low"}'])


if __name__ == "__main__":
    main()
