#include "cli/log_line.h"

#include <time.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/time.h"
#include "cli/json_answer.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

// A line of a file is read in pieces of little more than 2 MiB; the JSON of one may be six times
// that, and its bytes once more.
constexpr std::size_t kLineMaxBytes = 16 * 1024 * 1024;

std::string ClockTime(const std::string& rfc3339) {
  const auto time = ParseTime(rfc3339);
  if (!time) return "--:--:--.---";
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count();
  const auto seconds = static_cast<time_t>(milliseconds / 1000);
  tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", local.tm_hour, local.tm_min, local.tm_sec,
                     milliseconds % 1000);
}

// The same app has the same colour in every run.
Colour ColourOfApp(std::string_view app) {
  static constexpr std::array kColours = {Colour::kCyan, Colour::kGreen, Colour::kMagenta,
                                          Colour::kBlue, Colour::kYellow};
  std::size_t hash = 0;
  for (const char c : app)
    hash = hash * 31 + static_cast<unsigned char>(c);
  return kColours[hash % kColours.size()];
}

}  // namespace

Result<LogLine> ParseLogLine(std::string_view text) {
  const auto object = JsonAnswer::Parse(text);
  if (!object) return Error(Errc::kInvalid, "not a JSON object");
  if (!object->Has("message")) return Error(Errc::kInvalid, "no message");
  LogLine line;
  line.time = object->Text("time");
  line.app = object->Text("app");
  line.worker = static_cast<int>(object->Integer("worker").value_or(-1));
  line.is_stderr = object->Text("stream") == "stderr";
  line.is_damage = object->IsTrue("damaged");
  line.is_event = object->IsTrue("event");
  line.is_partial = object->IsTrue("partial");
  line.message = object->Text("message");
  if (object->Has("bytes")) {
    auto bytes = DecodeBase64(object->Text("bytes"));
    if (!bytes) return Error(Errc::kInvalid, "bytes that are none");
    line.message = *std::move(bytes);
  }
  line.json = std::string(text);
  return line;
}

Result<LogOutput> ParseLogOutput(std::string_view name) {
  if (name == "short") return LogOutput::kShort;
  if (name == "iso") return LogOutput::kIso;
  if (name == "raw") return LogOutput::kRaw;
  if (name == "json") return LogOutput::kJson;
  return Error(Errc::kInvalid, "not one of short, iso, raw, json: " + std::string(name));
}

std::string RenderLogLine(const LogLine& line, LogOutput output, const Style& style) {
  if (output == LogOutput::kRaw) return line.message + '\n';
  if (output == LogOutput::kJson) return line.json + '\n';
  const std::string time = output == LogOutput::kIso ? Harmless(line.time) : ClockTime(line.time);
  std::string name = Harmless(line.app);
  if (line.worker >= 0) name += ':' + std::to_string(line.worker);
  std::string text = style.Paint(Colour::kDim, time);
  text += ' ' + style.Paint(ColourOfApp(line.app), name) + ' ';
  if (line.is_stderr) text += style.Paint(Colour::kRed, "[err]") + ' ';
  return text + Harmless(line.message) + '\n';
}

bool SeenLines::IsNew(const std::string& app, const std::string& time) {
  if (first_.empty() || time < first_) first_ = time;
  Of& of = apps_[app];
  if (of.again) {
    if (time < of.last) return false;
    if (time == of.last && of.skip > 0) {
      --of.skip;
      return false;
    }
    of.again = false;
  }
  if (time == of.last) {
    ++of.at_last;
  } else {
    of.last = time;
    of.at_last = 1;
  }
  return true;
}

void SeenLines::Reconnected() {
  for (auto& entry : apps_) {
    entry.second.again = true;
    entry.second.skip = entry.second.at_last;
  }
}

std::string SeenLines::Since() const {
  std::string newest, oldest;
  for (const auto& entry : apps_) {
    newest = std::max(newest, entry.second.last);
    oldest = oldest.empty() ? entry.second.last : std::min(oldest, entry.second.last);
  }
  const auto time = ParseTime(newest);
  if (time) oldest = std::max(oldest, FormatRfc3339(*time - std::chrono::seconds(10)));
  return std::max(oldest, first_);
}

void LineCutter::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      // Nothing of ours is as long: better a cut line than all of memory.
      if (rest_.size() + bytes.size() > kLineMaxBytes) Finish();
      rest_.append(bytes.substr(0, kLineMaxBytes));
      return;
    }
    if (rest_.empty()) {
      on_line_(bytes.substr(0, end));
    } else {
      rest_.append(bytes.substr(0, end));
      Finish();
    }
    bytes.remove_prefix(end + 1);
  }
}

void LineCutter::Finish() {
  if (rest_.empty()) return;
  const std::string line = std::move(rest_);
  rest_.clear();
  on_line_(line);
}

}  // namespace tend::cli
