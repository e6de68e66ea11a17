"""How long a scrape of many workers takes, and what it costs in memory: `./dev bench metrics`. The page is the real one
over the real HTTP server; the numbers on it are made up."""
import http.client
import json
import pathlib
import statistics
import subprocess
import time

TIMES = 15
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
LIMITS = {"milliseconds": 60, "mebibytes": 12}  # at 1,000 workers


def memory(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise KeyError(name)


def cpu_milliseconds(pid):
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6


def scrape(address, gzip):
    connection = http.client.HTTPConnection(address, timeout=20)
    begun = time.perf_counter()
    connection.request("GET", "/metrics", headers={"Accept": OPEN_METRICS, **({"Accept-Encoding": "gzip"} if gzip else {})})
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - begun) * 1000
    connection.close()
    assert answer.status == 200 and (answer.headers["Content-Encoding"] == "gzip") == gzip
    return took, body


def measure(program, workers, gzip):
    """Another second between two of them, so that each is rendered."""
    server = subprocess.Popen([program, str(workers)], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        begin = memory(server.pid, "VmRSS")
        times, body = [], b""
        cpu = cpu_milliseconds(server.pid)
        for _ in range(TIMES):
            took, body = scrape(address, gzip)
            times.append(took)
            time.sleep(1.05)
        return {"workers": workers, "gzip": gzip, "bytes": len(body), "best_ms": min(times), "median_ms": statistics.median(times),
                "worst_ms": max(times), "cpu_ms": (cpu_milliseconds(server.pid) - cpu) / TIMES,
                "more_mib": memory(server.pid, "VmHWM") - begin}
    finally:
        server.terminate()
        server.wait(20)


def run(folder, out):
    program = str(folder / "bench_page_server")
    rows = [measure(program, workers, gzip) for workers in (100, 1000) for gzip in (False, True)]
    print(f"{'workers':>8} {'encoding':>9} {'bytes':>10} {'best':>8} {'median':>8} {'worst':>8} {'CPU':>8}   more memory, at most")
    for row in rows:
        print(f"{row['workers']:>8} {'gzip' if row['gzip'] else 'identity':>9} {row['bytes']:>10} {row['best_ms']:>5.1f} ms "
              f"{row['median_ms']:>5.1f} ms {row['worst_ms']:>5.1f} ms {row['cpu_ms']:>5.1f} ms   {row['more_mib']:.1f} MiB")
    print(f"wanted, at 1,000 workers: {LIMITS['milliseconds']} ms, {LIMITS['mebibytes']} MiB")
    (out / "metrics.json").write_text(json.dumps(rows, indent=1))
