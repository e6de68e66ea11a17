#include "supervisor/sidecar/sidecar_routes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "base/json_text.h"
#include "base/log.h"
#include "base/number.h"
#include "base/status.h"
#include "exporter/negotiate.h"
#include "exporter/page.h"
#include "supervisor/sidecar/alerting.h"
#include "supervisor/sidecar/discovery.h"
#include "supervisor/sidecar/loop_ask.h"

namespace tend::supervisor {
namespace {

using exporter::ErrorResponse;
using exporter::HttpRequest;
using exporter::HttpResponse;

constexpr auto kDrainMax = std::chrono::seconds(1);
constexpr std::size_t kEventsPerTurn = 200;

// What a page is made of.
struct Asked {
  exporter::Snapshot snapshot;
  config::MetricsConfig config;
};

HttpResponse Busy() {
  return ErrorResponse(503, "tend-sidecar is busy; try again");
}

std::string LinesJson(const std::vector<std::string>& lines) {
  std::string out = "{\"lines\":[";
  for (const std::string& line : lines) {
    if (out.back() != '[') out += ',';
    AppendJsonString(line, out);
  }
  return out + "]}\n";
}

// Waits until the output of an incarnation was read to its end and written, at most a second, and
// then tells its last lines. Polled, so that nothing else waits.
class StderrBody final : public exporter::BodyStream {
 public:
  StderrBody(Loop& loop, const SidecarState& state, std::string app, int slot, std::uint64_t life)
      : loop_(loop),
        state_(state),
        app_(std::move(app)),
        slot_(slot),
        incarnation_(life),
        deadline_(std::chrono::steady_clock::now() + kDrainMax) {}

  std::string Next() override {
    if (done_) return {};
    const bool late = std::chrono::steady_clock::now() >= deadline_;
    if (!late && !IsWritten()) return {};
    done_ = true;
    const auto lines = Ask<std::vector<std::string>>(
        loop_, [state = &state_, app = app_, slot = slot_, life = incarnation_] {
          return state->last_stderr(app, slot, life);
        });
    return LinesJson(lines.value_or(std::vector<std::string>()));
  }
  bool done() const override { return done_; }

 private:
  // True also when the loop does not say.
  bool IsWritten() {
    if (is_drained_) return *written_;
    const auto drained = Ask<bool>(
        loop_, [state = &state_, app = app_, slot = slot_, life = incarnation_, to = written_] {
          if (!state->is_drained(app, slot, life)) return false;
          state->when_written({app}, [to] { *to = true; });
          return true;
        });
    is_drained_ = drained.value_or(false);
    return !drained || *written_;
  }

  Loop& loop_;
  const SidecarState& state_;
  const std::string app_;
  const int slot_;
  const std::uint64_t incarnation_;
  const std::chrono::steady_clock::time_point deadline_;
  // Set on the loop's thread, perhaps when nobody waits any more.
  const std::shared_ptr<std::atomic<bool>> written_ = std::make_shared<std::atomic<bool>>(false);
  bool is_drained_ = false;
  bool done_ = false;
};

class EventBody final : public exporter::BodyStream {
 public:
  EventBody(const EventRing& events, bool follow, bool as_events)
      : events_(events), follow_(follow), as_events_(as_events) {}

  std::string Next() override {
    const EventRing::Batch batch = events_.Read(next_, kEventsPerTurn);
    // What was gone before the first look was never promised.
    const std::uint64_t missed = started_ ? batch.missed : 0;
    started_ = true;
    next_ = batch.next;
    at_end_ = batch.events.size() < kEventsPerTurn;
    std::string out;
    if (missed > 0) out += Wrap("{\"type\":\"missed\",\"count\":" + std::to_string(missed) + "}");
    for (const std::string& event : batch.events)
      out += Wrap(event);
    return out;
  }
  bool done() const override { return at_end_ && !follow_; }

 private:
  std::string Wrap(const std::string& text) const {
    return as_events_ ? "data: " + text + "\n\n" : text + '\n';
  }

  const EventRing& events_;
  const bool follow_;
  const bool as_events_;
  std::uint64_t next_ = 0;
  bool started_ = false;
  bool at_end_ = false;
};

}  // namespace

HttpResponse SidecarRoutes::Handle(const HttpRequest& request) {
  using Route = HttpResponse (SidecarRoutes::*)(const HttpRequest&);
  static constexpr std::array<std::pair<std::string_view, Route>, 10> kRoutes = {{
      {"/", &SidecarRoutes::Index},
      {"/metrics", &SidecarRoutes::Metrics},
      {"/healthz", &SidecarRoutes::Health},
      {"/readyz", &SidecarRoutes::Ready},
      {"/api/v1/apps", &SidecarRoutes::Apps},
      {"/api/v1/logs", &SidecarRoutes::Logs},
      {"/api/v1/log_stats", &SidecarRoutes::LogStats},
      {"/api/v1/stderr", &SidecarRoutes::Stderr},
      {"/api/v1/events", &SidecarRoutes::Events},
      {"/api/v1/sd", &SidecarRoutes::Discovery},
  }};
  for (const auto& route : kRoutes) {
    if (route.first != request.path) continue;
    if (!request.is_read) return ErrorResponse(405, request.path + " can only be read");
    return (this->*route.second)(request);
  }
  if (state_.other) {
    if (auto answer = state_.other(request)) return *std::move(answer);
  }
  return ErrorResponse(404, "there is nothing at " + request.path);
}

HttpResponse SidecarRoutes::Metrics(const HttpRequest& request) {
  exporter::PageRequest page;
  page.dialect = exporter::ChooseDialect(request.accept);
  page.gzip = exporter::AcceptsGzip(request.accept_encoding);
  self_.CountScrape(page.dialect);
  HttpResponse response;
  response.content_type = exporter::ContentType(page.dialect);
  response.shared_is_gzip = page.gzip;
  response.shared = pages_.Get(page.dialect, page.gzip, std::chrono::steady_clock::now(),
                               [&] { return RenderPage(page); });
  return response.shared ? std::move(response) : Busy();
}

exporter::SharedChunks SidecarRoutes::RenderPage(exporter::PageRequest page) {
  const auto asked = Ask<Asked>(loop_, [this] {
    return Asked{state_.snapshot(), state_.metrics()};
  });
  if (!asked) return nullptr;
  page.config = asked->config;
  exporter::PageStats stats;
  auto chunks = std::make_shared<const exporter::Chunks>(
      exporter::RenderChunks(asked->snapshot, &self_, page, &stats));
  self_.CountRender(stats.series_left_out);
  if (stats.workers_limited > 0 && !std::exchange(said_limited_, true)) {
    LogWarning("metrics.max_series is " + std::to_string(page.config.max_series) + ": of " +
               std::to_string(stats.workers_limited) +
               " workers only basic numbers are on /metrics");
  }
  return chunks;
}

Result<std::string> SidecarRoutes::Page() {
  const auto asked = Ask<Asked>(
      loop_,
      [this] {
        return Asked{state_.snapshot(), state_.metrics()};
      },
      &loop_ended_);
  if (!asked) return Error(Errc::kBusy, "the loop does not answer");
  return exporter::Render(asked->snapshot, &self_, exporter::Dialect::kClassic, asked->config);
}

HttpResponse SidecarRoutes::Apps(const HttpRequest&) {
  const auto apps = Ask<std::vector<AppStatus>>(loop_, state_.apps);
  if (!apps) return Busy();
  HttpResponse response;
  response.body = ListJson(*apps, NowWall()) + '\n';
  return response;
}

HttpResponse SidecarRoutes::LogStats(const HttpRequest&) {
  const auto snapshot = Ask<exporter::Snapshot>(loop_, state_.snapshot);
  if (!snapshot) return Busy();
  HttpResponse response;
  response.body = LogStatsJson(*snapshot) + '\n';
  return response;
}

HttpResponse SidecarRoutes::Logs(const HttpRequest& request) {
  auto query = ReadLogQuery(request);
  if (!query) return ErrorResponse(400, query.error().message());
  const auto selection = ReadLogSelection(request);
  if (!selection) return ErrorResponse(400, selection.error().message());
  const auto find = [this, chosen = *selection] { return FindLogs(chosen); };
  const auto found = Ask<LogBody::Apps>(loop_, find);
  if (!found) return Busy();
  for (const auto& selected : selection->apps) {
    const std::string& name = selected.first;
    if (std::none_of(found->begin(), found->end(),
                     [&](const auto& app) { return app.name == name; }))
      return ErrorResponse(404, "there is no app \"" + name + "\"");
  }
  query->apps = *found;
  if (const std::string run = request.Query("run"); !run.empty()) {
    const auto before = ParseNumber<std::size_t>(request.Query("run"));
    if (!before) return ErrorResponse(400, "run=" + run + " is not a number");
    if (!ChooseRun(runs_, *before, *query)) {
      return ErrorResponse(410, "of that run nothing is known; at most " +
                                    std::to_string(kRunsKept) +
                                    " of a worker are, since tend-sidecar was started");
    }
  }
  LogBody::Options options;
  options.settle = SettleOf(*found);
  if (selection->apps.empty()) {
    options.newer = [this, find] {
      return Ask<LogBody::Apps>(loop_, find, &loop_ended_).value_or(LogBody::Apps());
    };
  }
  if (!request.Query("restarts").empty()) options.restarts = RestartsOf(*selection);
  return StreamLogs(request, *std::move(query), std::move(options));
}

// Asked on the thread that reads. What a worker said before it was seen to end is to be found then,
// even if the disk takes its time.
std::function<void(const std::function<bool()>&)> SidecarRoutes::SettleOf(
    const LogBody::Apps& apps) {
  std::vector<std::string> names;
  for (const rotate::LogQuery::App& app : apps)
    names.push_back(app.name);
  return [this, names = std::move(names)](const std::function<bool()>& stopping) {
    AskLater<bool>(
        loop_,
        [this, names](const std::function<void(bool)>& answer) {
          state_.when_written(names, [answer] { answer(true); });
        },
        [this, &stopping] { return loop_ended_ || stopping(); });
  };
}

// Asked on the thread that reads.
RunEventSource SidecarRoutes::RestartsOf(const LogSelection& selection) const {
  return [this, selection, from = std::uint64_t{0}]() mutable {
    std::vector<RunEvent> events = runs_.EventsFrom(from);
    std::erase_if(events, [&](const RunEvent& event) {
      if (!selection.apps.empty() && !selection.apps.contains(event.app)) return true;
      const std::vector<int> slots = selection.SlotsOf(event.app);
      return !slots.empty() && std::find(slots.begin(), slots.end(), event.slot) == slots.end();
    });
    return events;
  };
}

LogBody::Apps SidecarRoutes::FindLogs(const LogSelection& selection) const {
  LogBody::Apps found;
  const auto add = [&](const std::string& name) {
    if (const auto folder = state_.log_folder(name))
      found.push_back({name, *folder, selection.SlotsOf(name)});
  };
  for (const auto& [name, slots] : selection.apps)
    add(name);
  if (!selection.apps.empty()) return found;
  for (const std::string& name : state_.app_names())
    add(name);
  return found;
}

HttpResponse SidecarRoutes::Stderr(const HttpRequest& request) {
  const auto slot = ParseNumber<int>(request.Query("slot"));
  const auto incarnation = ParseNumber<std::uint64_t>(request.Query("incarnation"));
  if (!slot || !incarnation || request.Query("app").empty()) {
    return ErrorResponse(400, "app, slot and incarnation are needed");
  }
  HttpResponse response;
  response.stream =
      std::make_unique<StderrBody>(loop_, state_, request.Query("app"), *slot, *incarnation);
  return response;
}

HttpResponse SidecarRoutes::Events(const HttpRequest& request) {
  const bool as_events = request.accept.find("text/event-stream") != std::string::npos;
  const std::string follow = request.Query("follow");
  HttpResponse response;
  response.content_type = as_events ? "text/event-stream" : "application/x-ndjson";
  response.stream =
      std::make_unique<EventBody>(events_, !follow.empty() && follow != "0", as_events);
  return response;
}

HttpResponse SidecarRoutes::Discovery(const HttpRequest& request) {
  auto apps = Ask<std::vector<std::string>>(loop_, state_.app_names);
  if (!apps) return Busy();
  return Discover(request, *std::move(apps), HostName());
}

HttpResponse SidecarRoutes::Health(const HttpRequest&) {
  if (!Ask<bool>(loop_, [] { return true; })) return Busy();
  HttpResponse response;
  response.body = "{\"status\":\"ok\"}\n";
  return response;
}

HttpResponse SidecarRoutes::Ready(const HttpRequest&) {
  if (!Ask<bool>(loop_, state_.ready).value_or(false)) {
    return ErrorResponse(503, "tend-core has not told about its apps yet");
  }
  HttpResponse response;
  response.body = "{\"status\":\"ready\"}\n";
  return response;
}

HttpResponse SidecarRoutes::Index(const HttpRequest&) {
  HttpResponse response;
  response.content_type = "text/plain; charset=utf-8";
  response.body =
      "tend\n\n"
      "/metrics          numbers, for Prometheus\n"
      "/api/v1/apps      apps and workers (the same as `tend list --json`)\n"
      "/api/v1/logs      ?app=&worker=&n=&since=&until=&q=&level=&stream=&run=&follow=1\n"
      "/api/v1/log_stats lines written and dropped, and what they take on the disk\n"
      "/api/v1/events    ?follow=1\n"
      "/api/v1/sd        this tend, for Prometheus' http_sd_configs\n"
      "/healthz /readyz\n";
  return response;
}

}  // namespace tend::supervisor
