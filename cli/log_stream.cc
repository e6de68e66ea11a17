#include "cli/log_stream.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/http_client.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr std::chrono::milliseconds kHeadLimit = std::chrono::seconds(5);
constexpr std::chrono::milliseconds kRetry{200};
// A sidecar that was killed is back much sooner; this is for one that is not there at all.
constexpr auto kAbsentMax = std::chrono::seconds(3);
constexpr auto kAbsentFollowMax = std::chrono::seconds(30);
constexpr std::size_t kFlushBytes = 64 * 1024;

class LogStream {
 public:
  LogStream(const Context& context, const LogQuery& query, const std::function<bool()>& stop)
      : context_(context), query_(query), stop_(stop) {}

  ExitCode Show() {
    const bool several = query_.targets.size() > 1;
    const std::string begin = FormatRfc3339(context_.now());
    ExitCode code = ExitCode::kOk;
    if (several && query_.lines) {
      code = Backlog();
    } else if (!query_.follow || query_.lines.value_or(1) > 0) {
      code = Read(LogTarget(WithoutFollow(), OnlyTarget()), kAbsentMax);
    }
    Flush();
    if (code != ExitCode::kOk || !query_.follow) return code;
    return Follow(begin);
  }

 private:
  const Selected* OnlyTarget() const {
    return query_.targets.size() == 1 ? &query_.targets.front() : nullptr;
  }

  LogQuery WithoutFollow() const {
    LogQuery query = query_;
    query.follow = false;
    return query;
  }

  // The last lines of several apps are the last of all of theirs together.
  ExitCode Backlog() {
    std::vector<LogLine> lines;
    collect_ = &lines;
    for (const Selected& target : query_.targets) {
      const ExitCode code = Read(LogTarget(WithoutFollow(), &target), kAbsentMax);
      if (code != ExitCode::kOk) return code;
    }
    collect_ = nullptr;
    std::stable_sort(lines.begin(), lines.end(),
                     [](const LogLine& a, const LogLine& b) { return a.time < b.time; });
    const std::size_t skip = lines.size() - std::min(lines.size(), query_.lines.value_or(0));
    for (std::size_t i = skip; i < lines.size(); ++i)
      Print(lines[i]);
    return ExitCode::kOk;
  }

  ExitCode Follow(const std::string& begin) {
    // Nothing before this is asked for again: of some apps it was not among the last lines.
    const std::string floor =
        seen_.Newest().empty() ? std::max(begin, query_.since) : seen_.Newest();
    const auto next = [&](bool follow) {
      LogQuery query = query_;
      query.lines.reset();
      query.follow = follow;
      query.since = std::max(floor, seen_.Since());
      seen_.Reconnected();
      return LogTarget(query, OnlyTarget());
    };
    following_ = true;
    while (!stop_()) {
      const ExitCode code = Read(next(true), kAbsentFollowMax);
      if (code != ExitCode::kOk) return code;
      if (!stop_()) std::this_thread::sleep_for(kRetry);
    }
    following_ = false;
    stopping_ = true;
    const ExitCode code = Read(next(false), kAbsentMax);
    Flush();
    return code;
  }

  // One request. Tries again while there is no sidecar, for `absent_max` at most.
  ExitCode Read(const std::string& target, std::chrono::steady_clock::duration absent_max) {
    const auto give_up = std::chrono::steady_clock::now() + absent_max;
    const std::size_t collected = collect_ == nullptr ? 0 : collect_->size();
    for (taken_ = 0;;) {
      std::string refusal;
      LineCutter cutter([&](std::string_view line) { TakeLine(line, refusal); });
      const auto status = HttpStream(
          context_.paths.http_socket, target, kHeadLimit,
          [&](std::string_view bytes) {
            cutter.Feed(bytes);
            if (pending_.size() > kFlushBytes) Flush();
          },
          [&] {
            Flush();
            return stopping_ || !stop_();
          });
      if (status) cutter.Finish();
      if (status && *status != 200) return Refused(*status, refusal);
      // Of a stream that broke off the last line may be half: it comes again.
      if (status || status.error().code() == Errc::kBusy) return ExitCode::kOk;
      if (status.error().code() == Errc::kPermission) return Complain(context_, status.error());
      if (taken_ > 0 && following_) return ExitCode::kOk;  // Follow() goes on where this ended
      seen_.Reconnected();
      if (collect_ != nullptr) collect_->resize(collected);
      if (std::chrono::steady_clock::now() > give_up) return Absent(status.error());
      if (!stopping_ && stop_()) return ExitCode::kOk;
      std::this_thread::sleep_for(kRetry);
    }
  }

  ExitCode Absent(const Error& error) {
    if (!context_.connect()) return Complain(context_, context_.connect().error());
    context_.terminal.Error("the sidecar, which has the logs, does not answer: " + error.message());
    context_.terminal.Help("the files are in " + context_.paths.logs + "; why it is away is in " +
                           context_.paths.own_logs + "/sidecar.log");
    return ExitCode::kUnreachable;
  }

  ExitCode Refused(int status, const std::string& why) {
    context_.terminal.Error(why.empty() ? "the sidecar answered " + std::to_string(status)
                                        : Harmless(why));
    if (status == 404) return ExitCode::kNoSuchApp;
    return status == 400 ? ExitCode::kUsage : ExitCode::kFailed;
  }

  void TakeLine(std::string_view text, std::string& refusal) {
    const auto line = ParseLogLine(text);
    if (!line) {
      if (refusal.empty()) refusal = std::string(text);
      return;
    }
    ++taken_;
    if (!Wanted(*line)) return;
    if (collect_ != nullptr) {
      collect_->push_back(*line);
    } else if (seen_.IsNew(line->app, line->time)) {
      Render(*line);
    }
  }

  void Print(const LogLine& line) {
    seen_.IsNew(line.app, line.time);
    Render(line);
  }

  void Render(const LogLine& line) {
    pending_ += RenderLogLine(line, query_.output, context_.terminal.out_style());
  }

  bool Wanted(const LogLine& line) const {
    if (query_.targets.empty()) return true;
    return std::any_of(query_.targets.begin(), query_.targets.end(), [&](const Selected& target) {
      return target.app == line.app && (target.slot < 0 || target.slot == line.worker);
    });
  }

  void Flush() {
    if (!pending_.empty()) context_.terminal.Out(pending_);
    pending_.clear();
  }

  const Context& context_;
  const LogQuery& query_;
  const std::function<bool()>& stop_;
  SeenLines seen_;
  std::vector<LogLine>* collect_ = nullptr;
  std::string pending_;    // rendered, not written yet
  std::size_t taken_ = 0;  // lines of this request
  bool following_ = false;
  bool stopping_ = false;  // reading the rest, whatever stop_ says
};

}  // namespace

std::string LogTarget(const LogQuery& query, const Selected* target) {
  std::string text = "/api/v1/logs";
  char between = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    text += between;
    text.append(name).append("=").append(PercentEncode(value));
    between = '&';
  };
  if (target != nullptr) add("app", target->app);
  if (target != nullptr && target->slot >= 0) add("worker", std::to_string(target->slot));
  if (query.lines) add("n", std::to_string(*query.lines));
  if (!query.since.empty()) add("since", query.since);
  if (!query.until.empty()) add("until", query.until);
  if (!query.pattern.empty()) add("q", query.pattern);
  if (!query.pattern.empty() && query.fixed) add("fixed", "1");
  if (query.ignore_case) add("i", "1");
  if (query.invert) add("v", "1");
  if (!query.stream.empty()) add("stream", query.stream);
  if (query.follow) add("follow", "1");
  return text;
}

ExitCode ShowLogs(const Context& context,
                  const LogQuery& query,
                  const std::function<bool()>& stop) {
  return LogStream(context, query, stop).Show();
}

}  // namespace tend::cli
