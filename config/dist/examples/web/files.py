"""An ordinary HTTP server of Python's standard library: serves its folder, access log on stderr."""
import http.server
import os
import signal
import sys

port = int(os.environ.get("PORT", "3100"))


def stop(number, frame):
    print("closing", flush=True)
    sys.exit(0)


signal.signal(signal.SIGINT, stop)
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
print(f"serving {os.getcwd()} on http://127.0.0.1:{port}", flush=True)
server.serve_forever()
