#include "cli/state_view.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "cli/text.h"

namespace tend::cli {
namespace {

struct Look {
  std::string_view state, unicode, ascii;
  Colour colour;
};

constexpr std::array<Look, 8> kLooks = {{{"online", "●", "*", Colour::kGreen},
                                         {"starting", "◐", "~", Colour::kYellow},
                                         {"reloading", "◐", "~", Colour::kYellow},
                                         {"stopping", "◐", "~", Colour::kYellow},
                                         {"backoff", "↻", "@", Colour::kYellow},
                                         {"degraded", "▲", "!", Colour::kYellow},
                                         {"stopped", "◌", "-", Colour::kDim},
                                         {"errored", "✕", "x", Colour::kRed}}};

const Look& LookOf(std::string_view state) {
  const auto look =
      std::find_if(kLooks.begin(), kLooks.end(), [&](const Look& l) { return l.state == state; });
  return look == kLooks.end() ? kLooks[6] : *look;
}

std::string Lag(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  if (*seconds >= 1) return fmt::format("{:.1f} s", *seconds);
  return fmt::format("{:.1f} ms", *seconds * 1000);
}

std::string SizeOrDash(const std::optional<std::uint64_t>& bytes) {
  return bytes ? HumanSize(*bytes) : "-";
}

std::string RatioOrDash(const std::optional<double>& ratio) {
  return ratio ? HumanRatio(*ratio) : "-";
}

// The sum of what is known; nothing if nothing is.
template <typename T, typename Get>
std::optional<T> Sum(const AppStatus& app, Get get) {
  std::optional<T> sum;
  for (const WorkerStatus& worker : app.workers) {
    if (const std::optional<T> value = get(worker); value) sum = sum.value_or(T{}) + *value;
  }
  return sum;
}

// What a person should know about the app: its worst worker.
std::string AppNote(const AppStatus& app, Wall now) {
  const WorkerStatus* worst = nullptr;
  for (const WorkerStatus& worker : app.workers) {
    if (NoteOf(worker, now).empty()) continue;
    if (worst == nullptr ||
        (worker.state == WorkerState::kErrored && worst->state != WorkerState::kErrored)) {
      worst = &worker;
    }
  }
  if (worst == nullptr) return {};
  std::string note = NoteOf(*worst, now);
  if (app.workers.size() > 1) note.insert(0, fmt::format("{}:{} ", app.name, worst->slot));
  if (StateOf(app) == "errored") note += ", see below";
  return note;
}

std::string AppUptime(const AppStatus& app, Wall now) {
  // The youngest worker: how long nothing has happened.
  const WorkerStatus* youngest = nullptr;
  for (const WorkerStatus& worker : app.workers) {
    if (worker.pid == 0 || worker.started == Wall{}) continue;
    if (youngest == nullptr || worker.started > youngest->started) youngest = &worker;
  }
  return youngest == nullptr ? "-" : Uptime(*youngest, now);
}

Cell StateCell(std::string_view state) {
  return {std::string(state), ColourOf(state)};
}

Cell GlyphCell(std::string_view state, const Style& style) {
  return {std::string(Glyph(state, style.unicode)), ColourOf(state)};
}

}  // namespace

std::string_view Glyph(std::string_view state, bool unicode) {
  return unicode ? LookOf(state).unicode : LookOf(state).ascii;
}

Colour ColourOf(std::string_view state) {
  return LookOf(state).colour;
}

std::string DescribeExit(const ExitStatus& exit, Wall now) {
  std::string text = Describe(exit);
  if (exit.time != Wall{}) text += ", " + HumanAge(now - exit.time) + " ago";
  return text;
}

std::string NoteOf(const WorkerStatus& worker, Wall now) {
  if (worker.state == WorkerState::kOnline || worker.state == WorkerState::kStopping) return {};
  if (worker.state == WorkerState::kStarting && worker.consecutive_failures == 0) return {};
  std::string note = worker.note;
  if (note.empty() && worker.last_exit && worker.state != WorkerState::kStopped) {
    note = DescribeExit(*worker.last_exit, now);
  }
  if (worker.state == WorkerState::kBackoff && worker.backoff_seconds > 0) {
    note += (note.empty() ? "" : ", ") + fmt::format("next in {:.1f}s", worker.backoff_seconds);
  }
  return Harmless(note);
}

std::string Uptime(const WorkerStatus& worker, Wall now) {
  if (worker.pid == 0 || worker.started == Wall{}) return "-";
  return HumanAge(now - worker.started);
}

// What the logs take, and of how much.
Cell LogsCell(const AppStatus& app) {
  if (!app.log_bytes) return {"-"};
  if (app.log_limit_bytes.value_or(0) == 0) return {HumanSize(*app.log_bytes)};
  const bool is_nearly_full = *app.log_bytes > *app.log_limit_bytes / 10 * 9;
  return {fmt::format("{}/{}", HumanSize(*app.log_bytes), HumanSize(*app.log_limit_bytes)),
          is_nearly_full ? Colour::kYellow : Colour::kNone};
}

Table AppsTable(const std::vector<AppStatus>& apps, const Style& style, Wall now) {
  Table table({{"", false, 0},
               {"APP", false, 0},
               {"UP", true, 0},
               {"STATE", false, 0},
               {"CPU", true, 3},
               {"MEM", true, 2},
               {"RESTARTS", true, 1},
               {"UPTIME", true, 4},
               {"LOGS", true, 5},
               {"NOTE", false, 6}});
  for (const AppStatus& app : apps) {
    const std::string_view state = StateOf(app);
    std::uint64_t restarts = 0;
    std::size_t up = 0;
    for (const WorkerStatus& worker : app.workers) {
      restarts += worker.restarts();
      up += worker.state == WorkerState::kOnline ? 1 : 0;
    }
    const auto cpu = Sum<double>(app, [](const WorkerStatus& w) { return w.cpu_ratio; });
    const auto memory = Sum<std::uint64_t>(app, [](const WorkerStatus& w) { return w.rss_bytes; });
    table.Add({GlyphCell(state, style),
               {app.name, Colour::kBold},
               {fmt::format("{}/{}", up, app.workers.size())},
               StateCell(state),
               {RatioOrDash(cpu)},
               {SizeOrDash(memory)},
               {std::to_string(restarts), restarts == 0 ? Colour::kNone : Colour::kYellow},
               {AppUptime(app, now)},
               LogsCell(app),
               {AppNote(app, now), Colour::kDim}});
  }
  return table;
}

Table WorkersTable(const std::vector<AppStatus>& apps, const Style& style, Wall now) {
  Table table({{"", false, 0},
               {"WORKER", false, 0},
               {"ID", true, 6},
               {"PID", true, 4},
               {"STATE", false, 0},
               {"CPU", true, 3},
               {"MEM", true, 2},
               {"LAG", true, 5},
               {"RESTARTS", true, 1},
               {"UPTIME", true, 7},
               {"NOTE", false, 8}});
  for (const AppStatus& app : apps) {
    for (const WorkerStatus& worker : app.workers) {
      const std::string_view state = Name(worker.state);
      table.Add({GlyphCell(state, style),
                 {fmt::format("{}:{}", app.name, worker.slot), Colour::kBold},
                 {std::to_string(worker.id)},
                 {worker.pid == 0 ? "-" : std::to_string(worker.pid)},
                 StateCell(state),
                 {RatioOrDash(worker.cpu_ratio)},
                 {SizeOrDash(worker.rss_bytes)},
                 {Lag(worker.eventloop_lag_p99_seconds)},
                 {std::to_string(worker.restarts()),
                  worker.restarts() == 0 ? Colour::kNone : Colour::kYellow},
                 {Uptime(worker, now)},
                 {NoteOf(worker, now), Colour::kDim}});
    }
  }
  return table;
}

}  // namespace tend::cli
