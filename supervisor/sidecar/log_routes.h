// GET /api/v1/logs: what workers wrote, from the files, as JSON lines or server-sent events.
//
// Thread: the HTTP thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "exporter/http_server.h"
#include "rotate/log_reader.h"

namespace tend::supervisor {

// The parameters of a request:
//   app=NAME (several)   worker=SLOT (several)   n=LINES   since= until= (RFC 3339)
//   q=PATTERN [fixed=1] [i=1] [v=1]   stream=out|err   follow=1
// The apps are the caller's to fill in. Errc::kInvalid says what cannot be read.
Result<rotate::LogQuery> ReadLogQuery(const exporter::HttpRequest& request);

// One object a line: {"time":…,"app":…,"worker":1,"stream":"stderr","message":…}, with
// "partial":true where the line goes on in the next object. `worker` is null for lines of tend
// itself.
exporter::HttpResponse StreamLogs(const exporter::HttpRequest& request, rotate::LogQuery query);

}  // namespace tend::supervisor
