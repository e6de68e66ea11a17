// GET /api/v1/logs: what workers wrote, from the files, as JSON lines or server-sent events.
//
// Thread: the HTTP thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "exporter/http_server.h"
#include "exporter/snapshot.h"
#include "rotate/log_reader.h"
#include "supervisor/sidecar/log_body.h"
#include "supervisor/sidecar/run_book.h"

namespace tend::supervisor {

// The parameters of a request:
//   app=NAME (several)   worker=SLOT or APP:SLOT (several)   n=LINES   since= until= (RFC 3339)
//   q=PATTERN [fixed=1] [i=1] [v=1]   stream=out|err   level=LEVEL (or graver)
//   context=LINES (around each match)   reverse=1 or follow=1
//   run=N (of each worker, so many before the latest)   restarts=1 (are lines, too)
//   bytes=1 (of lines that are not UTF-8)
// The apps are the caller's to fill in. Errc::kInvalid says what cannot be read.
Result<rotate::LogQuery> ReadLogQuery(const exporter::HttpRequest& request);

// Whose lines: app= and worker= of a request.
struct LogSelection {
  std::map<std::string, std::vector<int>> apps;  // name → slots (none: all); empty: all apps
  std::vector<int> slots;                        // of every app that has none of its own
  std::vector<int> SlotsOf(const std::string& app) const;
};
Result<LogSelection> ReadLogSelection(const exporter::HttpRequest& request);

// Narrows the query to the run of each worker that is `before` the latest. A quarter of a second
// after its end belongs to it as well, unless the next began: last words are stamped then. False if
// no worker has such a run, as far as is known.
bool ChooseRun(const RunBook& runs, std::size_t before, rotate::LogQuery& query);

// {"schema":"tend.log_stats/1","apps":[{"name":…,"stdout_lines":…,…}]}: totals, as in the metrics.
std::string LogStatsJson(const exporter::Snapshot& snapshot);

// One object a line: {"time":…,"app":…,"worker":1,"stream":"stderr","level":"error","message":…},
// with "partial":true where the line goes on in the next object, "context":true where it does not
// match, "damaged":true where it is no line but tells of some that cannot be read, and no "level"
// where it states none. What is not UTF-8 is U+FFFD in "message"; "bytes", where they are asked
// for, then has the line in base64. `worker` is null for lines of tend itself. A restart has
// "event":true. Of `options`, what the request decides is set here.
exporter::HttpResponse StreamLogs(const exporter::HttpRequest& request,
                                  rotate::LogQuery query,
                                  LogBody::Options options);

}  // namespace tend::supervisor
