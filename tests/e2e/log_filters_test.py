"""What is taken out of logs before they are written: secrets, and lines that are too many."""
import json
import re
import unittest

from harness import TendTest, main, wait_until

LEAKS = """
process.stdout.write('login password=hunter2 ok\\n');
process.stderr.write('fatal: token sk_live_abc123\\n');
setTimeout(() => process.exit(3), 200);
"""
FLOOD = """
let text = '';
for (let i = 0; i < 5000; ++i) text += 'line ' + i + '\\n';
process.stdout.write(text, () => setTimeout(() => process.stdout.write('last\\n'), 1500));
setInterval(() => {}, 1000);
"""


class LogFiltersTest(TendTest):
    def test_secrets_are_nowhere(self):
        config = self.tend.config({"name": "leaks", "script": str(self.tend.write("leaks.js", LEAKS)),
                                   "autorestart": False, "log_file": "all.txt", "merge_logs": True},
                                  logs={"redact": ["password=(\\S+)", "sk_live_\\w+"]})
        _, out, err = self.tend.run("start", config)
        wait_until(lambda: (self.tend.home / "all.txt").read_bytes().count(b"\n") == 2, 10)
        written = (self.tend.home / "all.txt").read_text()
        self.assertIn("login password=[redacted] ok\n", written)
        self.assertIn("fatal: token [redacted]\n", written)
        _, described, _ = self.tend.run("describe", "leaks")
        _, logs, _ = self.tend.run("logs", "leaks", "-o", "json")
        self.assertEqual(logs.count("[redacted]"), 2)
        for said in (out, err, described, logs, *(f.read_text() for f in self.tend.log_files("leaks"))):
            self.assertNotRegex(said, "hunter2|abc123")

    def test_a_pattern_that_cannot_be_read_is_an_error_with_its_place(self):
        self.tend.write("tend.yaml", "logs:\n  redact: ['(x']\napps: [{name: a, script: a.js}]\n")
        code, _, err = self.tend.run("start", "tend.yaml")
        self.assertEqual(code, 6, err)
        self.assertIn("tend.yaml:2:12", err)

    def test_a_stack_trace_is_one_record(self):
        script = self.tend.write("trace.js", "console.error('Error: x\\n    at a\\n    at b'); process.exit(1)")
        self.tend.run("start", self.tend.config(
            {"name": "trace", "script": str(script), "autorestart": False,
             "logs": {"format": "json", "multiline": {"start": "^\\S", "flush": "60s"}}}))
        file = self.tend.home / "logs/trace/trace.log"
        wait_until(lambda: file.read_bytes().count(b"\n") == 1, 10)
        self.assertEqual(json.loads(file.read_text())["message"], "Error: x\n    at a\n    at b")
        self.assertEqual(self.tend.ok("logs", "trace", "-o", "raw"), "Error: x\n    at a\n    at b\n")

    def test_lines_beyond_the_limit_are_counted_and_leave_one_line(self):
        config = self.tend.config({"name": "flood", "script": str(self.tend.write("flood.js", FLOOD)),
                                   "logs": {"rate_limit": "1000/s"}})
        self.start(config)
        wait_until(lambda: any(r.text == b"last" for r in self.records()), 15, "the last line")
        texts = [r.text.decode() for r in self.records()]
        said = [text for text in texts if text.startswith("[tend:")]
        dropped = sum(int(re.match(r"\[tend: (\d+) lines", text).group(1)) for text in said)
        self.assertGreaterEqual(dropped, 3000)
        self.assertIn("flood:0 wrote more than 1000 lines a second", said[0])
        self.assertLessEqual(len(said), 3, "one a second at most")
        self.assertEqual(len(texts) - len(said) + dropped, 5001, "nothing is lost uncounted")
        counted = self.tend.metric("tend_app_log_dropped_lines_total", app="flood", reason="rate_limit")
        self.assertEqual(counted, dropped)

    def records(self):
        return self.tend.all_records("flood")


if __name__ == "__main__":
    main()
