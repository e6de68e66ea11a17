#include <time.h>

#include <map>

#include "base/number.h"
#include "cli/commands.h"
#include "cli/http_client.h"
#include "cli/interrupt.h"
#include "cli/log_folders.h"
#include "cli/log_stats.h"
#include "cli/log_stream.h"
#include "cli/person_time.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

constexpr std::size_t kLinesByDefault = 50;

Result<std::size_t> ParseCount(const std::string& option, const std::string& text) {
  if (const auto value = ParseNumber<std::size_t>(text)) return *value;
  return Error(Errc::kInvalid, option + ": not a number: " + Harmless(text));
}

Result<LogQuery> QueryOf(const Arguments& arguments, Wall now) {
  LogQuery query;
  if (const auto since = arguments.Get("since")) {
    TRY(const Wall time, ParsePersonTime(*since, now));
    query.since = FormatRfc3339(time);
  } else {
    query.lines = kLinesByDefault;
  }
  if (const auto until = arguments.Get("until")) {
    TRY(const Wall time, ParsePersonTime(*until, now));
    query.until = FormatRfc3339(time);
  }
  if (const auto lines = arguments.Get("lines")) {
    TRY(query.lines, ParseCount("-n", *lines));
  }
  query.fixed = arguments.Has("fixed");
  if (query.fixed && arguments.Has("grep")) {
    return Error(Errc::kInvalid, "-g and -F exclude one another");
  }
  query.pattern = arguments.Get(query.fixed ? "fixed" : "grep").value_or("");
  query.ignore_case = arguments.Has("ignore-case");
  query.invert = arguments.Has("invert");
  query.stream = arguments.Get("stream").value_or("");
  if (query.stream == "stdout" || query.stream == "stderr") query.stream.erase(0, 3);
  if (!query.stream.empty() && query.stream != "out" && query.stream != "err") {
    return Error(Errc::kInvalid, "--stream: not one of out, err: " + Harmless(query.stream));
  }
  query.level = arguments.Get("level").value_or("");
  if (const auto lines = arguments.Get("context")) {
    TRY(query.context, ParseCount("-C", *lines));
  }
  query.follow = arguments.Has("follow");
  query.reverse = arguments.Has("reverse");
  if (query.follow && query.reverse) {
    return Error(Errc::kInvalid, "-f and --reverse exclude one another");
  }
  const bool as_json = arguments.Has("json");
  TRY(query.output, ParseLogOutput(arguments.Get("output").value_or(as_json ? "json" : "short")));
  if (as_json && query.output != LogOutput::kJson) {
    return Error(Errc::kInvalid, "--json and another output exclude one another");
  }
  if (const auto run = arguments.Get("run")) {
    if (query.follow) return Error(Errc::kInvalid, "-f and --run exclude one another");
    TRY(query.run, ParseCount("--run", *run));
    if (!arguments.Has("lines")) query.lines.reset();
  }
  // Who looks for certain lines, or hands them on, wants no others between them.
  query.restarts = query.pattern.empty() && query.stream.empty() && query.level.empty() &&
                   (query.output == LogOutput::kShort || query.output == LogOutput::kIso);
  return query;
}

}  // namespace

ExitCode DoLogs(const Context& context, const Arguments& arguments) {
  using Show = ExitCode (*)(const Context&, const std::vector<std::string>&, bool);
  static const std::map<std::string, Show> kAbout = {
      {"du", ShowLogUse}, {"stats", ShowLogStats}, {"path", ShowLogPaths}};
  const auto about = arguments.words.empty() ? kAbout.end() : kAbout.find(arguments.words[0]);
  if (about != kAbout.end()) {
    const bool as_json = arguments.Has("json");
    if (std::any_of(arguments.options.begin(), arguments.options.end(),
                    [](const auto& option) { return option.first != "json"; })) {
      return Usage(context, "`tend logs " + arguments.words[0] + "` has no option but --json",
                   "see `tend help logs`");
    }
    const std::vector<std::string> apps(arguments.words.begin() + 1, arguments.words.end());
    return about->second(context, apps, as_json);
  }
  auto query = QueryOf(arguments, context.now());
  if (!query) return Usage(context, query.error().message(), "see `tend help logs`");
  const auto apps = ListApps(context);
  if (!apps) return Complain(context, apps.error());
  Selection selection = SelectAll(arguments.words, *apps);
  if (!selection.unknown.empty()) return NoSuchApp(context, selection.unknown, NamesOf(*apps));
  // An app as a whole has its workers in it.
  for (const Selected& hit : selection.hits) {
    const auto whole = std::find(selection.hits.begin(), selection.hits.end(), Selected{hit.app});
    if (hit.slot < 0 || whole == selection.hits.end()) query->targets.push_back(hit);
  }
  if (query->targets.size() == apps->size() && SelectAll({"all"}, *apps).hits == query->targets &&
      query->targets.size() > 1) {
    query->targets.clear();
  }
  SayWhenInterrupted("");
  return ShowLogs(context, *query, [] { return false; });
}

ExitCode DoEvents(const Context& context, const Arguments&) {
  if (auto reached = context.connect(); !reached) return Complain(context, reached.error());
  SayWhenInterrupted("");
  const auto status = HttpStream(
      context.paths.http_socket, "/api/v1/events?follow=1", std::chrono::seconds(5),
      [&](std::string_view bytes) { context.terminal.Out(bytes); }, [] { return true; });
  if (!status) return Complain(context, status.error());
  return *status == 200 ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace tend::cli
