#!/usr/bin/env python3
"""Writes dashboards/*.json, or into the folder that is named."""
import json
import pathlib
import sys

from panels import OK_BAD, STATES, Dashboard, source, variable

SELF = 'job=~"$job",instance=~"$instance"'
APP = SELF + ',app=~"$app"'
WORKER = APP + ',worker=~"$worker"'
# What somebody asked for is no trouble.
BAD_RESTART = 'reason!~"manual|reload|cron|watch"'
RATE = "[$__rate_interval]"

DATASOURCE = source("datasource", "Prometheus", "prometheus")
JOB = variable("job", "Job", "label_values(tend_build_info, job)")
INSTANCE = variable("instance", "Host", 'label_values(tend_build_info{job=~"$job"}, instance)')
APPS = variable("app", "App", f"label_values(tend_app_instances{{{SELF}}}, app)")
WORKERS = variable("worker", "Worker", f"label_values(tend_worker_up{{{APP}}}, worker)")
APP_LINK = "/d/tend-app?var-app=${__data.fields.app}&var-instance=${__data.fields.instance}&${__url_time_range}"


def rate(metric, labels, by=""):
    inner = f"rate({metric}{{{labels}}}{RATE})"
    return f"sum by ({by}) ({inner})" if by else inner


def quantile(q, metric, labels, by=""):
    groups = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({groups}) (rate({metric}_bucket{{{labels}}}{RATE})))"


def overview():
    d = Dashboard("tend-overview", "tend / overview", "All hosts and apps: is everything up, and if not, what is not.",
                  [DATASOURCE, JOB, INSTANCE])
    condition = f"tend_app_instances{{{SELF},condition="
    d.stat("Hosts down", "Hosts whose tend cannot be scraped.",
           f'count(up{{{SELF}}} == 0) or vector(0)', steps=OK_BAD)
    d.stat("Workers missing", "Workers that should be online and are not.",
           f'sum({condition}"desired"}}) - sum({condition}"online"}})', steps=OK_BAD)
    d.stat("Restarts, last hour", "Restarts that nobody asked for: crashes, exits, limits, checks.",
           f"sum(increase(tend_worker_restarts_total{{{SELF},{BAD_RESTART}}}[1h]))", decimals=0,
           steps=((None, "green"), (1, "orange"), (10, "red")))
    d.stat("Event-loop lag, worst p99", "The slowest Node worker's 99th percentile of the last minute.",
           f"max(tend_worker_eventloop_lag_p99_seconds{{{SELF}}})", "s",
           ((None, "green"), (0.1, "orange"), (0.5, "red")))
    d.stat("Memory of all workers", "Resident memory, shared pages counted in each worker.",
           f"sum(tend_worker_resident_memory_bytes{{{SELF}}})", "bytes")
    d.stat("Disk free for logs", "On the host that has the least. Below its floor, tend drops lines, and counts them.",
           f"min(tend_log_filesystem_free_bytes{{{SELF}}} / tend_log_filesystem_size_bytes{{{SELF}}})", "percentunit",
           ((None, "red"), (0.1, "orange"), (0.2, "green")))
    d.row("Apps")
    d.table("Apps", "A line for each app of each host. A click on an app opens its dashboard.", {
        "desired": (f'sum by (instance, app) ({condition}"desired"}})', "none", None),
        "online": (f'sum by (instance, app) ({condition}"online"}})', "none", None),
        "failed": (f'sum by (instance, app) ({condition}"failed"}})', "none", OK_BAD),
        "restarts, 1 h": (f"sum by (instance, app) (increase(tend_worker_restarts_total{{{SELF},{BAD_RESTART}}}[1h]))",
                          "none", ((None, "text"), (1, "orange"), (10, "red"))),
        "cpu": (f"sum by (instance, app) (rate(tend_worker_cpu_seconds_total{{{SELF}}}{RATE}))", "percentunit", None),
        "memory": (f"sum by (instance, app) (tend_worker_resident_memory_bytes{{{SELF}}})", "bytes", None),
        "lag p99": (f"max by (instance, app) (tend_worker_eventloop_lag_p99_seconds{{{SELF}}})", "s",
                    ((None, "text"), (0.1, "orange"), (0.5, "red"))),
        "lines/s": (f"sum by (instance, app) (rate(tend_worker_log_lines_total{{{SELF}}}{RATE}))", "none", None),
        "logs on disk": (f"sum by (instance, app) (tend_app_log_disk_bytes{{{SELF}}})", "bytes", None),
    }, ["instance", "app"], height=9, links={"app": APP_LINK})
    d.table("Alerts", "What fires now of config/dist/prometheus/tend.rules.yml.", {
        "since": ('ALERTS_FOR_STATE{alertname=~"Tend.*"} * 1000 and on (alertname, instance, app, worker) '
                  'ALERTS{alertstate="firing"}', "dateTimeFromNow", None),
    }, ["alertname", "severity", "instance", "app", "worker"], height=6)
    d.row("Trouble")
    d.graph("Restarts by reason", "Each bar is what happened since the one before.", {
        "{{app}} {{reason}}": f"sum by (app, reason) (increase(tend_worker_restarts_total{{{SELF}}}{RATE})) > 0"},
        bars=True)
    d.graph("Event-loop lag, p99", "Of all workers of an app together.", {
        "{{instance}} {{app}}": quantile(0.99, "tend_worker_eventloop_lag_seconds", SELF, "instance, app")}, "s",
        steps=((None, "transparent"), (0.25, "red")))
    d.row("Use")
    d.graph("CPU", "Cores.", {"{{instance}} {{app}}": rate("tend_worker_cpu_seconds_total", SELF, "instance, app")},
            "none", width=8, stack=True)
    d.graph("Memory", "Resident.", {
        "{{instance}} {{app}}": f"sum by (instance, app) (tend_worker_resident_memory_bytes{{{SELF}}})"},
        "bytes", width=8, stack=True)
    d.graph("Log lines", "Written by workers, a second.", {
        "{{instance}} {{app}}": rate("tend_worker_log_lines_total", SELF, "instance, app")}, "none", width=8, stack=True)
    return d


def app_resources(d):
    d.row("Resources")
    d.graph("CPU", "Cores, over the lives of a worker.", {
        "{{worker}} {{mode}}": rate("tend_worker_cpu_seconds_total", WORKER, "worker, mode")}, stack=True, width=8)
    d.graph("Waiting for a CPU", "Seconds a second that a worker could have run and had no CPU. High together with "
            "lag: the host is too small. Lag without it: the app blocks its own loop.", {
                "{{worker}}": rate("tend_worker_cpu_wait_seconds_total", WORKER, "worker")}, "percentunit", width=8)
    d.graph("Memory", "Resident and proportional memory, and where the worker is restarted.", {
        "{{worker}} resident": f"tend_worker_resident_memory_bytes{{{WORKER}}}",
        "{{worker}} proportional": f"tend_worker_proportional_memory_bytes{{{WORKER}}}",
        "{{worker}} limit": f"tend_worker_memory_limit_bytes{{{WORKER}}}"}, "bytes", width=8)
    d.graph("Open files", "Descriptors, as a part of what the worker may have.", {
        "{{worker}}": f"tend_worker_open_fds{{{WORKER}}} / tend_worker_max_fds{{{WORKER}}}"}, "percentunit", width=8)
    d.graph("Threads and processes", "Of the worker, and of all that it started.", {
        "{{worker}} threads": f"tend_worker_threads{{{WORKER}}}",
        "{{worker}} processes": f"tend_worker_processes{{{WORKER}}}"}, width=8)
    d.graph("Storage", "Bytes a second that went to and came from a disk.", {
        "{{worker}} read": rate("tend_worker_storage_read_bytes_total", WORKER, "worker"),
        "{{worker}} written": rate("tend_worker_storage_written_bytes_total", WORKER, "worker")}, "Bps", width=8)
    d.graph("Context switches", "A second, by type.", {
        "{{worker}} {{type}}": rate("tend_worker_context_switches_total", WORKER, "worker, type")}, width=12)
    d.graph("Page faults", "A second; major ones had to read from a disk.", {
        "{{worker}} {{type}}": rate("tend_worker_page_faults_total", WORKER, "worker, type")}, width=12)


def app_event_loop(d):
    d.row("Event loop")
    d.graph("Lag, p99 of each worker", "Of the last minute. While a worker is blocked it cannot report: see its "
            "last report.", {"{{worker}}": f"tend_worker_eventloop_lag_p99_seconds{{{WORKER}}}"}, "s", width=8)
    d.graph("Lag of all workers", "Quantiles of all of them together.", {
        f"p{text}": quantile(q, "tend_worker_eventloop_lag_seconds", WORKER)
        for q, text in ((0.5, 50), (0.9, 90), (0.99, 99))}, "s", width=8)
    active, idle = (rate(f"tend_worker_eventloop_{x}_seconds_total", WORKER, "worker") for x in ("active", "idle"))
    d.graph("Utilisation", "Part of the time in which the loop ran code. Above 0.9 there is no reserve.", {
        "{{worker}}": f"{active} / ({active} + {idle})"}, "percentunit", width=8, high=1)
    d.graph("Stalls", "Seconds a second that the loop was blocked for long.", {
        "{{worker}}": rate("tend_worker_eventloop_stalled_seconds_total", WORKER, "worker")}, "percentunit", width=8)
    d.graph("Last report", "Seconds since the worker said something; it cannot while it is blocked.", {
        "{{worker}}": f"tend_worker_heartbeat_age_seconds{{{WORKER}}}"}, "s", width=8)
    d.graph("Errors nobody caught", "Exceptions and rejections, a minute.", {
        "{{worker}} exceptions": f"60 * {rate('tend_worker_uncaught_exceptions_total', WORKER, 'worker')}",
        "{{worker}} rejections": f"60 * {rate('tend_worker_unhandled_rejections_total', WORKER, 'worker')}"}, width=8)
    d.row("Memory of the runtime")
    d.graph("Heap", "In use, and the most there may be; at the limit Node ends the process.", {
        "{{worker}} used": f"tend_worker_heap_used_bytes{{{WORKER}}}",
        "{{worker}} limit": f"tend_worker_heap_limit_bytes{{{WORKER}}}"}, "bytes", width=8)
    d.graph("Outside of the heap", "Buffers and other memory that belongs to JavaScript objects.", {
        "{{worker}}": f"tend_worker_external_memory_bytes{{{WORKER}}}"}, "bytes", width=8)
    d.graph("Garbage collection", "Part of the time, by kind.", {
        "{{worker}} {{kind}}": rate("tend_worker_gc_pause_seconds_sum", WORKER, "worker, kind")}, "percentunit", width=8)


def app_own_numbers(d):
    d.row("What the app counts itself")
    d.graph("Numbers", "Gauges, as it last told them.", {
        "{{worker}} {{name}}": f"tend_worker_custom{{{WORKER}}}"}, width=8, low=None)
    d.graph("Events", "A second.", {"{{name}}": rate("tend_worker_custom_events_total", WORKER, "name")}, width=8)
    timing = "tend_worker_custom_timing_seconds"
    d.graph("Times", "Mean of all workers, and p99 of each, last minute.", {
        "{{name}} mean": f"{rate(timing + '_sum', WORKER, 'name')} / {rate(timing + '_count', WORKER, 'name')}",
        "{{worker}} {{name}} p99": f"tend_worker_custom_timing_p99_seconds{{{WORKER}}}"}, "s", width=8)
    d.row("With metrics.level: full")
    d.graph("Waiting connections", "In the accept queues of the app's ports: nobody has taken them yet.", {
        "{{port}}": f"sum by (port) (tend_app_listen_backlog{{{APP}}})"}, width=8)
    d.graph("Connections", "By state.", {
        "{{worker}} {{state}}": f"sum by (worker, state) (tend_worker_tcp_connections{{{WORKER}}})"}, width=8)
    d.graph("Heap by space", "In use.", {
        "{{space}}": f"sum by (space) (tend_worker_heap_space_used_bytes{{{WORKER}}})"}, "bytes", width=8, stack=True)


def app():
    d = Dashboard("tend-app", "tend / app", "One app, worker by worker: state, event loop, memory, logs.",
                  [DATASOURCE, source("loki", "Loki", "loki"), JOB, INSTANCE, APPS, WORKERS])
    condition = f"tend_app_instances{{{APP},condition="
    d.stat("Workers online", "Of those that should be.",
           f'sum({condition}"online"}}) / sum({condition}"desired"}})', "percentunit",
           ((None, "red"), (0.99, "green")), decimals=0)
    d.stat("Restarts, last 24 h", "That nobody asked for.",
           f"sum(increase(tend_worker_restarts_total{{{WORKER},{BAD_RESTART}}}[24h]))", decimals=0,
           steps=((None, "green"), (1, "orange"), (10, "red")))
    d.stat("Event-loop lag p99", "Of the slowest worker, last minute.",
           f"max(tend_worker_eventloop_lag_p99_seconds{{{WORKER}}})", "s",
           ((None, "green"), (0.1, "orange"), (0.5, "red")))
    d.stat("Memory", "Resident, of all workers.", f"sum(tend_worker_resident_memory_bytes{{{WORKER}}})", "bytes")
    d.stat("CPU", "Cores.", f"sum(rate(tend_worker_cpu_seconds_total{{{WORKER}}}{RATE}))", decimals=2)
    d.stat("Youngest process", "How long ago a worker was started last.",
           f"time() - max(tend_worker_start_time_seconds{{{WORKER}}})", "s")
    each = " or ".join(
        f'(max by (instance, app, worker) (tend_worker_state{{{WORKER},tend_worker_state="{state}"}}) == 1) * {i}'
        for i, state in enumerate(STATES, 1))
    d.states("Workers", "What each of them was, when.", each, "{{instance}} {{app}}:{{worker}}")
    d.table("Exits and starts", "How each worker's last process ended; codes above 128 are a signal and 128.", {
        "last exit code": (f"max by (instance, app, worker) (tend_worker_last_exit_code{{{WORKER}}})", "none", None),
        "signal": (f"max by (instance, app, worker) (tend_worker_last_exit_signal{{{WORKER}}})", "none", None),
        "when": (f"max by (instance, app, worker) (tend_worker_last_exit_time_seconds{{{WORKER}}}) * 1000",
                 "dateTimeFromNow", None),
        "failures in a row": (f"max by (instance, app, worker) (tend_worker_consecutive_failures{{{WORKER}}})",
                              "none", ((None, "text"), (1, "orange"), (5, "red"))),
        "next start in": (f"max by (instance, app, worker) (tend_worker_backoff_seconds{{{WORKER}}})", "s", None),
        "took to be ready": (f"max by (instance, app, worker) (tend_worker_last_ready_duration_seconds{{{WORKER}}})",
                             "s", None),
        "forced kills": (f"max by (instance, app, worker) (tend_worker_forced_kills_total{{{WORKER}}})", "none", None),
    }, ["instance", "app", "worker"], height=7)
    d.graph("Restarts by reason", "Each bar is what happened since the one before.", {
        "{{worker}} {{reason}}": f"sum by (worker, reason) (increase(tend_worker_restarts_total{{{WORKER}}}{RATE})) > 0"},
        bars=True, width=8)
    d.graph("Time to be ready", "From the start of a process until it was up.", {
        "p50": quantile(0.5, "tend_app_ready_duration_seconds", APP),
        "p99": quantile(0.99, "tend_app_ready_duration_seconds", APP)}, "s", width=8)
    d.graph("Reloads", "Bars: how many, by result.", {
        "{{result}}": f"sum by (result) (increase(tend_app_reload_duration_seconds_count{{{APP}}}{RATE}))"},
        bars=True, width=8)
    app_event_loop(d)
    app_resources(d)
    app_own_numbers(d)
    d.row("Logs")
    d.graph("Lines", "A second, by stream.", {
        "{{worker}} {{stream}}": rate("tend_worker_log_lines_total", WORKER, "worker, stream")}, width=12)
    d.graph("Bytes", "A second, by stream.", {
        "{{worker}} {{stream}}": rate("tend_worker_log_bytes_total", WORKER, "worker, stream")}, "Bps", width=12)
    logs = '{app=~"$app", stream=~".+"} | worker=~"$worker"'
    d.log_graph("Lines in Loki", "What has arrived there, by stream.", {
        "{{stream}}": f"sum by (stream) (count_over_time({logs} [$__auto]))"})
    d.logs("Logs", "From Loki; filled by tend's own exporter, or by a shipper of config/dist/shippers.", logs)
    return d


def logs_disk():
    d = Dashboard("tend-logs-disk", "tend / logs and disk", "What is logged, kept, sent on, and lost.",
                  [DATASOURCE, JOB, INSTANCE, APPS])
    d.stat("Lines a second", "Written by workers.", f"sum(rate(tend_worker_log_lines_total{{{APP}}}{RATE}))")
    d.stat("Lines dropped, last 24 h", "That are in no file: the disk was full, or a limit said so.",
           f"sum(increase(tend_app_log_dropped_lines_total{{{APP}}}[24h]))", decimals=0, steps=OK_BAD)
    d.stat("Logs on disk", "Of the apps that are chosen, archives included.",
           f"sum(tend_app_log_disk_bytes{{{APP}}})", "bytes")
    d.stat("Of what all logs may take", "On the host that has the least left; the oldest archives go first.",
           f"max(sum by (instance) (tend_app_log_disk_bytes{{{SELF}}}) / sum by (instance) (tend_log_limit_bytes{{{SELF}}}))",
           "percentunit", ((None, "green"), (0.8, "orange"), (0.95, "red")))
    d.stat("Above the floor", "Bytes until the file system is so full that lines are dropped.",
           f"min(tend_log_filesystem_free_bytes{{{SELF}}} - tend_log_filesystem_floor_bytes{{{SELF}}})", "bytes",
           ((None, "red"), (1 << 28, "orange"), (1 << 30, "green")))
    d.stat("Compression waits", "Files that are not compressed yet.",
           f"sum(tend_log_compression_queue_files{{{SELF}}})", steps=((None, "green"), (20, "orange"), (100, "red")))
    d.row("What is written")
    d.graph("Lines", "A second.", {"{{app}} {{stream}}": rate("tend_worker_log_lines_total", APP, "app, stream")}, width=8)
    d.graph("Bytes", "A second.", {"{{app}}": rate("tend_worker_log_bytes_total", APP, "app")}, "Bps", width=8)
    d.graph("Dropped lines", "A second, by reason; also lines that were cut at the length limit.", {
        "{{app}} {{reason}}": rate("tend_app_log_dropped_lines_total", APP, "app, reason"),
        "{{app}} cut": rate("tend_worker_log_truncated_lines_total", APP, "app")}, width=8)
    d.row("What is kept")
    d.graph("On disk", "By kind: the active file, sealed ones, compressed ones.", {
        "{{app}} {{kind}}": f"sum by (app, kind) (tend_app_log_disk_bytes{{{APP}}})"}, "bytes", width=8, stack=True)
    d.graph("Of the app's limit", "At 100 % the oldest files go: that is how it is meant.", {
        "{{instance}} {{app}}": f"sum by (instance, app) (tend_app_log_disk_bytes{{{APP}}}) / "
                                f"sum by (instance, app) (tend_app_log_limit_bytes{{{APP}}})"}, "percentunit", width=8)
    d.graph("Files", "By kind.", {"{{app}} {{kind}}": f"sum by (app, kind) (tend_app_log_files{{{APP}}})"}, width=8)
    d.graph("Free space", "Of the file system, and the floor below which nothing is written.", {
        "{{instance}} {{mountpoint}} free": f"tend_log_filesystem_free_bytes{{{SELF}}}",
        "{{instance}} {{mountpoint}} floor": f"tend_log_filesystem_floor_bytes{{{SELF}}}"}, "bytes", width=8)
    d.graph("Rotations", "By reason.", {
        "{{app}} {{reason}}": f"sum by (app, reason) (increase(tend_app_log_rotations_total{{{APP}}}{RATE})) > 0"},
        bars=True, width=8)
    d.graph("Files removed", "By what said so.", {
        "{{app}} {{reason}}": f"sum by (app, reason) (increase(tend_app_log_expired_files_total{{{APP}}}{RATE})) > 0"},
        bars=True, width=8)
    d.graph("Compression", "Bytes in for each byte out.", {
        "{{app}}": f"sum by (app) (tend_app_log_compression_input_bytes_total{{{APP}}}) / "
                   f"(sum by (app) (tend_app_log_compression_output_bytes_total{{{APP}}}) > 0)"}, width=12)
    d.graph("Time to compress a file", "p99.", {
        "{{instance}}": quantile(0.99, "tend_log_compression_duration_seconds", SELF, "instance")}, "s", width=12)
    d.row("What is sent on")
    d.graph("Behind", "Age of the oldest line that the receiver does not have yet.", {
        "{{instance}} {{exporter}}": f"tend_export_lag_seconds{{{SELF}}}"}, "s", width=8)
    d.graph("Waiting", "Bytes on disk that are not sent yet.", {
        "{{instance}} {{exporter}}": f"tend_export_queue_bytes{{{SELF}}}"}, "bytes", width=8)
    d.graph("Sent", "Lines or samples a second.", {
        "{{instance}} {{exporter}}": rate("tend_export_sent_entries_total", SELF, "instance, exporter")}, width=8)
    d.graph("Given up", "A second, by reason.", {
        "{{exporter}} {{reason}}": rate("tend_export_dropped_entries_total", SELF, "exporter, reason")}, width=8)
    d.graph("Requests", "A second, by result.", {
        "{{exporter}} {{result}}": rate("tend_export_requests_total", SELF, "exporter, result")}, width=8)
    d.graph("Time of a request", "p99.", {
        "{{exporter}}": quantile(0.99, "tend_export_request_duration_seconds", SELF, "exporter")}, "s", width=8)
    return d


def itself():
    d = Dashboard("tend-self", "tend / itself", "What tend takes, and how it does.", [DATASOURCE, JOB, INSTANCE])
    d.stat("Hosts up", "That answer Prometheus.", f"sum(up{{{SELF}}})")
    d.stat("Memory", "Of all sidecars; the keeper and core take some MiB more.",
           f"sum(process_resident_memory_bytes{{{SELF}}})", "bytes")
    d.stat("CPU", "Cores, of all sidecars.", f"sum(rate(process_cpu_seconds_total{{{SELF}}}{RATE}))", decimals=3)
    d.stat("Own restarts, last 24 h", "Parts of tend that had to be started again; workers do not notice.",
           f"sum(increase(tend_role_starts_total{{{SELF}}}[24h]))", decimals=0, steps=((None, "green"), (1, "orange")))
    d.stat("Failed reads", "Of /proc, control groups, telemetry, logs; last hour.",
           f"sum(increase(tend_collector_errors_total{{{SELF}}}[1h]))", decimals=0,
           steps=((None, "green"), (1, "orange")))
    d.stat("Configuration", "1: the last one that was loaded is valid.",
           f"min(tend_config_last_reload_success{{{SELF}}})", steps=((None, "red"), (1, "green")))
    d.table("Hosts", "Version and age.", {
        "build": (f"max by (instance, version, revision, compiler) (tend_build_info{{{SELF}}})", None, None),
        "since": (f"max by (instance) (process_start_time_seconds{{{SELF}}}) * 1000", "dateTimeFromNow", None),
        "memory": (f"max by (instance) (process_resident_memory_bytes{{{SELF}}})", "bytes", None),
        "series": (f"max by (instance) (tend_metrics_series{{{SELF}}})", "none", None),
    }, ["instance", "version", "revision", "compiler"], height=6)
    d.row("Resources")
    d.graph("CPU", "Cores.", {"{{instance}}": f"rate(process_cpu_seconds_total{{{SELF}}}{RATE})"}, width=8)
    d.graph("Memory", "Resident.", {"{{instance}}": f"process_resident_memory_bytes{{{SELF}}}"}, "bytes", width=8)
    d.graph("Open files", "Of what it may have.", {
        "{{instance}}": f"process_open_fds{{{SELF}}} / process_max_fds{{{SELF}}}"}, "percentunit", width=8)
    d.row("How it does")
    d.graph("Delay of its own loop", "p99.", {
        "{{instance}}": quantile(0.99, "tend_loop_lag_seconds", SELF, "instance")}, "s", width=8)
    d.graph("Time to collect", "p99 of a pass, by collector.", {
        "{{instance}} {{collector}}": quantile(0.99, "tend_collect_duration_seconds", SELF, "instance, collector")},
        "s", width=8)
    d.graph("Failed reads", "A second.", {
        "{{instance}} {{collector}}": rate("tend_collector_errors_total", SELF, "instance, collector")}, width=8)
    d.row("Who asks")
    d.graph("Scrapes", "A second, by format.", {
        "{{instance}} {{format}}": rate("tend_scrapes_total", SELF, "instance, format")}, width=8)
    d.graph("Time of a scrape", "As Prometheus sees it.", {
        "{{instance}}": f"scrape_duration_seconds{{{SELF}}}"}, "s", width=8)
    d.graph("Series", "On the page, and left out for their number.", {
        "{{instance}}": f"tend_metrics_series{{{SELF}}}",
        "{{instance}} left out": f"increase(tend_metrics_series_limited_total{{{SELF}}}{RATE})"}, width=8)
    d.graph("Commands", "Requests to the core, a second.", {
        "{{instance}} {{method}} {{result}}": rate("tend_control_requests_total", SELF, "instance, method, result")},
        width=8)
    d.graph("Log followers", "Clients of `tend logs -f` and of the page.", {
        "{{instance}}": f"tend_log_followers{{{SELF}}}"}, width=8)
    d.graph("Starts of its parts", "By role.", {
        "{{instance}} {{role}}": f"increase(tend_role_starts_total{{{SELF}}}{RATE})"}, bars=True, width=8)
    return d


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "dashboards")
    for dashboard in (overview(), app(), logs_disk(), itself()):
        text = json.dumps(dashboard.document(), indent=2, ensure_ascii=False)
        (folder / f"{dashboard.uid}.json").write_text(text + "\n", encoding="utf-8")


main()
