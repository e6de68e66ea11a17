#include "cli/log_stream.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/http_client.h"
#include "cli/protocol.h"
#include "cli/raw_lines.h"
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
      : context_(context),
        query_(query),
        stop_(stop),
        // Who follows does not wait for the end of another's line.
        raw_(query.follow ? 0 : RawLines::kHeldMax) {}

  // Lines of before and those to come are one request: none falls between two.
  ExitCode Show() {
    begin_ = FormatRfc3339(context_.now());
    following_ = query_.follow;
    if (!query_.follow) return Flushed(Read(Rest(), kAbsentMax));
    while (!stop_()) {
      const ExitCode code = Read(Rest(), seen_.Since().empty() ? kAbsentMax : kAbsentFollowMax);
      if (code != ExitCode::kOk) return Flushed(code);
      if (!stop_()) std::this_thread::sleep_for(kRetry);
    }
    following_ = false;
    stopping_ = true;
    return Flushed(Read(Rest(), kAbsentMax));
  }

 private:
  // What is asked for and was not seen yet.
  std::string Rest() {
    LogQuery query = query_;
    query.follow = following_;
    seen_.Reconnected();
    if (const std::string since = seen_.Since(); !since.empty()) {
      query.since = since;
      query.lines.reset();
    } else if (query.lines == std::size_t{0}) {
      query.since = std::max(begin_, query.since);
      query.lines.reset();
    }
    return LogTarget(query);
  }

  ExitCode Flushed(ExitCode code) {
    raw_.Finish(pending_);
    Flush();
    if (damages_ == 0 || code != ExitCode::kOk) return code;
    context_.terminal.Error("lines are missing where [tend: …] says so");
    return ExitCode::kFailed;
  }

  // One request. Tries again while there is no sidecar, for `absent_max` at most.
  ExitCode Read(const std::string& target, std::chrono::steady_clock::duration absent_max) {
    const auto give_up = std::chrono::steady_clock::now() + absent_max;
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
      if (status && !refusal.empty()) return Refused(500, refusal);  // it broke off in between
      // Of a stream that broke off the last line may be half: it comes again.
      if (status || status.error().code() == Errc::kBusy) return ExitCode::kOk;
      if (status.error().code() == Errc::kPermission) return Complain(context_, status.error());
      if (taken_ > 0 && following_) return ExitCode::kOk;  // Show() goes on where this ended
      if (taken_ > 0 && query_.reverse) return Absent(status.error());  // it has no place to go on
      seen_.Reconnected();
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
                                        : Harmless(ErrorFromJson(why)));
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
    // Restarts and lines of one app need not come in the order of their times.
    if (!seen_.IsNew(line->is_event ? line->app + " restarts" : line->app, line->time)) return;
    if (line->is_damage) ++damages_;
    // Raw lines are those of workers, and nothing else.
    if (line->is_damage && query_.output == LogOutput::kRaw) {
      context_.terminal.Error(Harmless(line->app + ": " + line->message));
      return;
    }
    if (query_.output == LogOutput::kRaw && query_.IsWhole())
      raw_.Add(*line, pending_);
    else
      pending_ += RenderLogLine(*line, query_.output, context_.terminal.out_style());
  }

  void Flush() {
    if (!pending_.empty()) context_.terminal.Out(pending_);
    pending_.clear();
  }

  const Context& context_;
  const LogQuery& query_;
  const std::function<bool()>& stop_;
  SeenLines seen_;
  RawLines raw_;
  std::string begin_;    // when all this began
  std::string pending_;  // rendered, not written yet
  std::size_t damages_ = 0;
  std::size_t taken_ = 0;  // lines of this request
  bool following_ = false;
  bool stopping_ = false;  // reading the rest, whatever stop_ says
};

}  // namespace

std::string LogTarget(const LogQuery& query) {
  std::string text = "/api/v1/logs";
  char between = '?';
  const auto add = [&](std::string_view name, std::string_view value) {
    text += between;
    text.append(name).append("=").append(PercentEncode(value));
    between = '&';
  };
  for (const Selected& target : query.targets) {
    if (target.slot < 0)
      add("app", target.app);
    else
      add("worker", target.app + ':' + std::to_string(target.slot));
  }
  if (query.lines) add("n", std::to_string(*query.lines));
  if (!query.since.empty()) add("since", query.since);
  if (!query.until.empty()) add("until", query.until);
  if (!query.pattern.empty()) add("q", query.pattern);
  if (!query.pattern.empty() && query.fixed) add("fixed", "1");
  if (query.ignore_case) add("i", "1");
  if (query.invert) add("v", "1");
  if (!query.stream.empty()) add("stream", query.stream);
  if (!query.level.empty()) add("level", query.level);
  if (query.context > 0) add("context", std::to_string(query.context));
  if (query.reverse) add("reverse", "1");
  if (query.run) add("run", std::to_string(*query.run));
  if (query.restarts) add("restarts", "1");
  if (query.output == LogOutput::kRaw) add("bytes", "1");
  if (query.follow) add("follow", "1");
  return text;
}

ExitCode ShowLogs(const Context& context,
                  const LogQuery& query,
                  const std::function<bool()>& stop) {
  return LogStream(context, query, stop).Show();
}

}  // namespace tend::cli
