#!/usr/bin/env python3
"""Pages as their readers see them: the strict parser of OpenMetrics takes them, promtool has no
complaint, and what comes out is what was put in.

    pages_test.py golden TREE | random PROGRAM
"""
import math
import pathlib
import shutil
import subprocess
import sys

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
    from prometheus_client.parser import text_string_to_metric_families as parse_classic
except ImportError:
    print("skipped: python3-prometheus-client is not installed")
    sys.exit(77)

SEEDS = range(40)
LABEL_MAX = 128


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


def families_of(page):
    families = list(parse_open_metrics(page))
    for family in families:
        check(family.documentation, f"{family.name} has no HELP")
        check(family.type != "unknown", f"{family.name} has no type")
        check(not family.unit or family.name.endswith("_" + family.unit), f"unit of {family.name}")
    return {family.name: family for family in families}


def promtool(page):
    if not shutil.which("promtool"):
        print("promtool is not installed")
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
    check(done.returncode == 0, (done.stdout + done.stderr).decode())


def same(families, classic):
    in_classic = {(s.name, *sorted(s.labels.items())): s.value
                  for f in parse_classic(classic.decode()) for s in f.samples}
    in_open = {(s.name, *sorted(s.labels.items())): float(s.value)
               for f in families.values() for s in f.samples}
    check(in_classic == in_open, "both dialects say the same")


def golden(tree):
    folder = pathlib.Path(tree) / "tests" / "golden"
    opened = (folder / "metrics.om").read_bytes().decode()
    classic = (folder / "metrics.txt").read_bytes()
    families = families_of(opened)
    check(opened.endswith("\n# EOF\n") and opened.count("# EOF") == 1, "the end of the page")
    check(families["tend_worker"].type == "info", "tend_worker is an info")
    check(families["tend_worker_state"].type == "stateset", "tend_worker_state is a stateset")
    check(families["tend_worker_eventloop_lag_seconds"].unit == "seconds", "the unit")
    same(families, classic)
    promtool(classic)
    others = families_of((folder / "metrics_compat.om").read_bytes().decode())
    check("pm2_up" in others and "nodejs_version" in others, "names of others")
    same(others, (folder / "metrics_compat.txt").read_bytes())
    print(f"{len(families)} families")


def shown(name):
    """What becomes of the name of an app, if it is UTF-8; else None."""
    try:
        name.decode()
    except UnicodeDecodeError:
        return None
    return name[:LABEL_MAX].decode(errors="ignore")


def random(program):
    workers = 0
    for seed in SEEDS:
        done = subprocess.run([program, str(seed), "openmetrics"], capture_output=True, check=True)
        samples = {(f.name, s.labels["app"], s.labels["worker"]): s.value
                   for f in families_of(done.stdout.decode()).values() for s in f.samples
                   if "worker" in s.labels and len(s.labels) == 2}
        for line in done.stderr.decode().splitlines():
            workers += 1
            hexed, slot, resident, p99 = line.split(" ")
            name = shown(bytes.fromhex(hexed))
            if name is None:
                prefix = bytes.fromhex(hexed)[:1].decode()
                found = [app for _, app, _ in samples if app.startswith(prefix)]
                check(found, f"seed {seed}: {hexed} is missing")
                name = found[0]
                check("\ufffd" in name or len(name.encode()) > LABEL_MAX - 4, f"seed {seed}: {name!r}")
            check(len(name.encode()) <= LABEL_MAX, f"seed {seed}: {name!r} is too long")
            check(float(samples[("tend_worker_resident_memory_bytes", name, slot)]) == float(resident),
                  f"seed {seed}: {line}")
            value = samples[("tend_worker_eventloop_lag_p99_seconds", name, slot)]
            check(math.isfinite(value) and value == float(p99), f"seed {seed}: {line}: {value}")
        classic = subprocess.run([program, str(seed), "classic"], capture_output=True, check=True)
        promtool(classic.stdout)
    check(workers > 100, f"only {workers} workers were looked at")
    print(f"{len(SEEDS)} pages, {workers} workers")


{"golden": golden, "random": random}[sys.argv[1]](sys.argv[2])
