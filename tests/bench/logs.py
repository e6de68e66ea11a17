"""`./dev bench logs`: worker pipes to rotated files, tend beside a C program that does the least, and others.

One core for the program, another for the producers; files on tmpfs, so that no disk is measured. Each round runs
the bound and tend next to each other, and ratios are of such pairs, so that what else the machine does hits both."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from log_programs import BOUND, OTHERS, SEGMENT, TEND, TMPFS, Pm2, Run, Supervisord, lines_of, measure
from peers import median, pss_mib

SPEED, CPU, PACED, MEMORY = 0.6, 1.7, 3.0, 40.0  # see targets()
COLUMNS = ["MB/s", "CPU s/GB", "% of a core", "MB/s : bound", "CPU : bound", "lines", ""]


def add_options(group):
    group.add_argument("--megabytes", type=int, default=1000, help="of a run of tend; others get less")
    group.add_argument("--rounds", type=int, default=5, help="pairs of the bound and tend")
    group.add_argument("--seconds", type=int, default=10, help="of the runs at 50,000 lines/s")
    group.add_argument("--workers", type=int, default=1000, help="whose memory is measured")
    group.add_argument("--write", type=pathlib.Path, help="the page to write")


def middle(results):
    row = {key: median([r[key] for r in results]) for key in results[0]}
    return {**row, "lost": max((r["lost"] for r in results), key=abs)}


def of_bound(row, bound):
    return {**row, "speed": row["mb_s"] / bound["mb_s"], "cpu": row["cpu_s_gb"] / bound["cpu_s_gb"]}


def workload(run_of, rounds):
    """{name: figures}; the bound and tend in turns, all others once. `run_of(part)`: so much of the bytes."""
    pairs = [(measure(BOUND, run_of(1)), measure(TEND, run_of(1))) for _ in range(rounds)]
    bound = middle([pair[0] for pair in pairs])
    table = {BOUND.name: of_bound(bound, bound), TEND.name: middle([of_bound(t, b) for b, t in pairs])}
    for program in OTHERS:
        if not program.available():
            table[program.name] = None
            continue
        slow = isinstance(program, (Pm2, Supervisord))
        try:
            table[program.name] = of_bound(measure(program, run_of(1 / 8 if slow else 1 / 4)), bound)
        except (TimeoutError, subprocess.SubprocessError, OSError) as error:
            print(f"{program.name}: {error}", file=sys.stderr)
            table[program.name] = None
    return table


def memory(workers):
    """PSS of tend's processes, MiB: idle workers that have written to both of their streams."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="tend-bench-", dir=TMPFS))
    TEND.env = dict(os.environ, TEND_HOME=str(home), TEND_LISTEN="off")
    words = "echo one line; echo another >&2; exec sleep 3600"
    run = Run("plain", workers, 0)
    try:
        TEND.start(run, home, ["/bin/sh", "-c", words])
        deadline = time.monotonic() + 60
        while lines_of(home / "logs") < 2 * workers:
            if time.monotonic() > deadline:
                raise TimeoutError("the lines of all workers")
            time.sleep(0.5)
        time.sleep(5)
        return pss_mib(TEND.pids(home))
    finally:
        TEND.stop(home)
        shutil.rmtree(home, ignore_errors=True)


def lines_text(lost):
    if lost == 0:
        return "all"
    return f"LOST {lost:,}" if lost > 0 else f"DOUBLED {-lost:,}"


def table_text(table):
    notes = {program.name: program.note for program in [BOUND, TEND, *OTHERS]}
    lines = ["| program | " + " | ".join(COLUMNS) + " |", "|---" + "|--:" * (len(COLUMNS) - 1) + "|---|"]
    for name, row in table.items():
        if row is None:
            lines.append(f"| {name} |" + " - |" * (len(COLUMNS) - 1) + " not measured |")
            continue
        lines.append(f"| {name} | {row['mb_s']:.0f} | {row['cpu_s_gb']:.2f} | {row['core_percent']:.1f} | "
                     f"{row['speed']:.2f} | {row['cpu']:.2f} | {lines_text(row['lost'])} | {notes[name]} |")
    return "\n".join(lines)


def targets(results):
    """[(what, limit, figure, holds)]"""
    found = []
    for title, table in results["fast"].items():
        row = table[TEND.name]
        found.append((f"{title}: MB/s, of the bound's", f">= {SPEED}", f"{row['speed']:.2f}", row["speed"] >= SPEED))
        found.append((f"{title}: CPU s/GB, of the bound's", f"<= {CPU}", f"{row['cpu']:.2f}", row["cpu"] <= CPU))
    # With one producer, as the bound takes 3 % of a core then; with more it takes several times that.
    title, table = next(iter(results["paced"].items()))
    percent = table[TEND.name]["core_percent"]
    found.append((f"{title}: % of a core", f"<= {PACED:.0f}", f"{percent:.1f}", percent <= PACED))
    found.append((f"{results['workers']:,} workers x 2 streams: MiB of all of tend", f"<= {MEMORY:.0f}",
                  f"{results['memory_mib']:.1f}", results["memory_mib"] <= MEMORY))
    return found


def targets_text(results):
    lines = ["| target | limit | measured | |", "|---|--:|--:|---|"]
    lines += [f"| {what} | {limit} | {figure} | {'holds' if holds else 'MISSED'} |"
              for what, limit, figure, holds in targets(results)]
    return "\n".join(lines)


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return (f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} x {model.group(1) if model else 'CPU'}, "
            f"Linux {os.uname().release}, load average at the begin {os.getloadavg()[0]:.1f}")


def page(results, options):
    parts = [f"""# Benchmarks

Printed by `./dev bench logs --write docs/benchmarks.md`; do not edit. Measured {results['machine']}.

Lines from pipes of workers to rotated files with time stamps. The bound is a C++ program that reads 64 KiB, looks for
newlines with `memchr`, copies lines behind a stamp made once a read, writes, and renames full files: it parses nothing
and survives nothing. Program and producers have a core each; files are on tmpfs, in segments of {SEGMENT // 1_000_000} MB,
uncompressed. tend is measured as users run it, all its processes and threads counted. Bound and tend: medians of
{options.rounds} pairs of {options.megabytes} MB, ratios by pair. Others: one run of a quarter, supervisord and PM2 of an eighth;
s6-log, svlogd, multilog, rotatelogs and `tend pipe` get one pipe that all producers share. At 50,000 lines/s
all run for {options.seconds} s, bound and tend in {max(1, options.rounds // 2)} pair(s). Lines are counted after each run; their text is not compared.

## Targets

{targets_text(results)}
"""]
    for title, table in [*results["fast"].items(), *results["paced"].items()]:
        parts.append(f"## {title[0].upper() + title[1:]}\n\n{table_text(table)}\n")
    return "\n".join(parts)


def bench(options):
    results = {"machine": machine(), "workers": options.workers, "fast": {}, "paced": {}}
    for kind, name in (("plain", "100-byte lines"), ("mixed", "JSON and access-log lines")):
        for producers in (1, 16):
            title = f"{name}, {producers} producer{'s' if producers > 1 else ''}"
            results["fast"][title] = workload(
                lambda part: Run(kind, producers, int(options.megabytes * 1e6 * part)), options.rounds)
            print(f"\n{title}\n{table_text(results['fast'][title])}", flush=True)
    for producers in (1, 16):
        title = f"50,000 lines/s in all, one write each, {producers} producer{'s' if producers > 1 else ''}"
        rate = 50_000 // producers
        paced = Run("plain", producers, 100 * rate * producers * options.seconds, rate)
        results["paced"][title] = workload(lambda part: paced, max(1, options.rounds // 2))
        print(f"\n{title}\n{table_text(results['paced'][title])}", flush=True)
    results["memory_mib"] = memory(options.workers)
    print(f"\n{targets_text(results)}")
    (options.out / "logs.json").write_text(json.dumps({"bench": "logs", **results}, indent=1) + "\n")
    if options.write:
        options.write.write_text(page(results, options))
