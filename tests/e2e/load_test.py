"""The load client itself: what it counts as a failure, and what not. No tend here."""
import socket
import struct
import threading
import time
import unittest

from harness import free_port, main, read_proc, wait_until
from load import Load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Pid: 77\r\n\r\nhello"
LAST = OK.replace(b"X-Pid", b"Connection: close\r\nX-Pid")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n"


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.asked = []  # an entry for each request that a server took

    def take(self, connection):
        """A request; false at the connection's end."""
        request = connection.recv(4096)
        if request:
            self.asked.append(request)
        return request

    def serve(self, answer):
        """Each connection is a thread that runs answer(connection, number of the connection)."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)

        def accept():
            for number in range(1_000_000):
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=run, args=(connection, number), daemon=True).start()

        def run(connection, number):
            with connection:
                try:
                    answer(connection, number)
                except OSError:
                    pass
        threading.Thread(target=accept, daemon=True).start()
        return f"127.0.0.1:{server.getsockname()[1]}"

    def count(self, answer, **options):
        with Load(self.serve(answer), **{"connections": 2, "rate": 200, **options}) as load:
            wait_until(lambda: len(self.asked) > 50, 20, "requests come")
            result = load.stop()
        self.assertGreater(result["requests"], 10)
        return result

    def forever(self, response):
        def answer(connection, _):
            while self.take(connection):
                connection.sendall(response)
        return answer

    def test_nothing_fails(self):
        result = self.count(self.forever(OK))
        self.assertEqual((result["failed"], result["connections"]), (0, 2))
        self.assertEqual(result["pids"][77]["count"], result["requests"])

    def test_a_connection_for_each_request(self):
        result = self.count(self.forever(OK), close=True)
        self.assertEqual((result["failed"], result["connections"]), (0, result["requests"]))

    def test_chunks_in_small_pieces(self):
        def answer(connection, _):
            while self.take(connection):
                for at in range(0, len(CHUNKED), 7):
                    connection.sendall(CHUNKED[at:at + 7])
        result = self.count(answer)
        self.assertEqual((result["failed"], result["connections"]), (0, 2))

    def test_an_announced_end_is_no_failure(self):
        def answer(connection, _):
            self.take(connection)
            connection.sendall(LAST)
        result = self.count(answer)
        self.assertEqual((result["failed"], result["connections"]), (0, result["requests"]))

    def test_an_end_between_two_requests_is_no_failure(self):
        def answer(connection, _):
            self.take(connection)
            # The end comes with the response: one that came later might meet the next request.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            connection.sendall(OK)
        result = self.count(answer, rate=100)  # 20 ms between two requests
        self.assertEqual(result["failed"], 0)
        self.assertGreater(result["ended_idle"], 0)

    def test_an_end_after_the_request_is_one(self):
        def answer(connection, _):
            self.take(connection)
            connection.sendall(OK)
            self.take(connection)  # and never an answer
        result = self.count(answer)
        self.assertAlmostEqual(result["before_response"], result["requests"] / 2, delta=3)
        self.assertEqual(result["before_response"], result["failed"])

    def test_a_reset_before_the_response(self):
        def answer(connection, _):
            self.take(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        result = self.count(answer)
        self.assertEqual(result["before_response"], result["requests"])
        self.assertGreater(result["failures"][0]["port"], 0)

    def test_a_response_that_is_cut(self):
        def answer(connection, _):
            self.take(connection)
            connection.sendall(OK[:-1])
        result = self.count(answer)
        self.assertEqual(result["mid_response"], result["requests"])

    def test_a_bad_status(self):
        result = self.count(self.forever(OK.replace(b"200 OK", b"503 No")))
        self.assertEqual(result["status"], result["requests"])
        self.assertEqual(result["failures"][0]["status"], 503)

    def test_nobody_listens(self):
        with Load(f"127.0.0.1:{free_port()}", connections=2) as load:
            # It rests after each failure, which the kernel counts.
            wait_until(lambda: int(read_proc(load.process.pid, "status").split()[-3]) > 50, 20, "it tries")
            result = load.stop()
        self.assertEqual(result["connect"], result["requests"])
        self.assertGreater(result["connect"], 5)

    def test_a_late_response_is_waited_for(self):
        def answer(connection, _):
            self.take(connection)
            time.sleep(1)
            connection.sendall(LAST)
        with Load(self.serve(answer), connections=2) as load:
            wait_until(lambda: len(self.asked) == 2, 5, "both have asked")
            result = load.stop()
        self.assertEqual((result["requests"], result["failed"]), (2, 0))
        self.assertGreater(result["max_ms"], 900)


if __name__ == "__main__":
    main()
