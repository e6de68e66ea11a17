"""What a worker writes comes back with `tend logs -o raw`, byte by byte, in whatever form it is kept."""
import json
import subprocess
import unittest

from harness import BIN, PATIENCE, TendTest, main, wait_until

KIB = 1024
EVERY_BYTE = bytes(b for b in range(256) if b != 10)

# Writes the file on stdout in pieces, each with a write of its own, and says when that is done.
WRITER = """#!/usr/bin/python3
import os, sys, time
content = open(sys.argv[1], 'rb').read()
pieces, last = int(sys.argv[2]), content[-1:] == b'\\n'
size = max(1, -(-len(content) // pieces))
for at in range(0, len(content), size):
    piece = content[at:at + size]
    while piece:
        piece = piece[os.write(1, piece):]
if last:
    time.sleep(1000)
"""


def noise(size):
    """Bytes of all values but a newline, which do not repeat soon."""
    value, out = 12345, bytearray()
    while len(out) < size:
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        out += (value >> 8).to_bytes(3, "little").replace(b"\n", b"\0")
    return bytes(out[:size])


ODD = [b"", b"plain", EVERY_BYTE, b"crlf\r", b"\r", b"\0", b"\0" * 1000, b"\xff\xfe", b"\xc3", b"\xed\xa0\x80",
       b"\xf0\x9f\x98\x80", b"", b"", b" ", b"\t", b"\x1b[31mred\x1b[0m", b'{"a":1,"message":"m","time":5}',
       b'{"a":1}\r', b' {"a":1}', b'{"a":1} ', b'{}', b'{"merged":true,"x":"\\u0000"}', b'{"bad":"\xff"}',
       b'{"_level":1,"level":"warn"}', b"[tend: not from tend]"]
SIZES = [size + more for size in (64 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB) for more in (-1, 0, 1)]
LONG = [noise(size) for size in SIZES] + [b"\0" * (300 * KIB), b"x" * (1024 * KIB)]
# Of two bytes a character: none lies across the end of a piece, which is text of its own in JSON.
LONG_TEXT = ["\u00e9".encode() * (size // 2) + b"." * (size % 2) for size in SIZES]


class RawBytesTest(TendTest):
    def write_out(self, content, pieces=1, **logs):
        """An app that writes just this."""
        name = "writer"
        file = self.tend.write("content", content)
        script = self.tend.write("writer.py", WRITER, 0o755)
        self.tend.config({"name": name, "script": str(script), "interpreter": "none", "autorestart": False,
                          "args": [str(file), str(pieces)], "logs": logs})
        self.tend.run("start", "tend.yaml", "--no-wait")

    def raw(self, *more):
        done = subprocess.run([BIN / "tend", "logs", "writer", "-o", "raw", *more], env=self.tend.env,
                              capture_output=True, timeout=60 * PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def assert_comes_back(self, content, *more):
        def is_all():
            got = self.raw("-n", "1000000", *more)
            if len(got) < len(content):
                raise AssertionError(f"{len(got)} bytes of {len(content)}")
            return got,
        got = wait_until(is_all, 20, "everything is there")[0]
        if got != content:
            at = next((i for i, (a, b) in enumerate(zip(got, content)) if a != b), min(len(got), len(content)))
            self.fail(f"byte {at} of {len(content)}, {len(got)} came: {got[at - 50:at + 50]!r} "
                      f"is not {content[at - 50:at + 50]!r}")

    def check_format(self, content, **logs):
        """From the active file, and from archives; by -n and by --since."""
        self.write_out(content, **logs)
        self.assert_comes_back(content)
        self.assertEqual(self.raw("--since", "1h"), content)
        self.tend.ok("logs", "rotate", "writer")
        wait_until(lambda: list(self.tend.app_logs("writer").glob("*.zst")), 20, "it is compressed")
        self.assert_comes_back(content)
        self.assertEqual(self.raw("--since", "1h"), content)

    ALL = b"".join(line + b"\n" for line in ODD + LONG)
    COMPRESS = {"compress": {"delay": "0s"}}

    def test_tend(self):
        self.check_format(self.ALL, **self.COMPRESS)

    def test_cri(self):
        self.check_format(self.ALL, format="cri", **self.COMPRESS)

    def test_raw(self):
        self.check_format(self.ALL, format="raw", **self.COMPRESS)

    def test_json_has_all_that_is_text(self):
        texts = [line for line in ODD if b"\\u0000" not in line] + LONG_TEXT + [b"\0" * (300 * KIB)]
        valid = [line.decode(errors="ignore").encode() for line in texts]
        self.check_format(b"".join(line + b"\n" for line in valid), format="json", **self.COMPRESS)

    def test_json_replaces_what_is_no_text(self):
        self.write_out(b"a\xffb\xc3\n", format="json")
        self.assert_comes_back("a\ufffdb\ufffd\n".encode())

    def test_small_segments(self):
        """A line that is kept in pieces may be so in several segments."""
        self.write_out(self.ALL, max_size="300K", max_files=1000, **self.COMPRESS)
        self.assert_comes_back(self.ALL)

    def test_one_line_in_ten_thousand_writes(self):
        content = noise(1000 * KIB - 1) + b"\n"
        self.write_out(content, pieces=10_000)
        self.assert_comes_back(content)

    def test_many_lines_in_ten_thousand_writes(self):
        content = b"".join(b"%d " % i + EVERY_BYTE[:i % 200] + b"\n" for i in range(7000))
        self.write_out(content, pieces=10_000)
        self.assert_comes_back(content)

    def test_a_last_line_without_newline_gets_one(self):
        """What is kept are lines: whether the last had its newline is not."""
        self.write_out(b"first\nlast\xff", pieces=3)
        self.assert_comes_back(b"first\nlast\xff\n")

    def test_a_long_last_line_without_newline_gets_one(self):
        content = noise(600 * KIB)
        self.write_out(content)
        self.assert_comes_back(content + b"\n")

    def test_objects_have_the_bytes_where_they_are_asked_for(self):
        self.write_out(b"a\xff\nb\n")
        self.assert_comes_back(b"a\xff\nb\n")
        with_bytes = [json.loads(line) for line in
                      self.tend.get("/api/v1/logs?app=writer&bytes=1", unix=True)[2].splitlines()]
        self.assertEqual([(line["message"], line.get("bytes")) for line in with_bytes],
                         [("a\ufffd", "Yf8="), ("b", None)])
        without = self.tend.get("/api/v1/logs?app=writer", unix=True)[2]
        self.assertNotIn(b'"bytes"', without)


if __name__ == "__main__":
    main()
