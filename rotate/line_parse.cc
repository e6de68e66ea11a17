#include <optional>

#include <boost/json.hpp>

#include "base/number.h"
#include "rotate/line_format.h"
#include "rotate/segment_name.h"

namespace tend::rotate {
namespace {

namespace json = boost::json;

// The part up to the next space, which is taken away as well; nothing if there is no space.
std::optional<std::string_view> TakeWord(std::string_view& text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(space + 1);
  return word;
}

bool ToStream(std::string_view name, Stream& stream) {
  if (name != "stdout" && name != "stderr") return false;
  stream = name == "stdout" ? Stream::kStdout : Stream::kStderr;
  return true;
}

// "api:1 " or "api:- " in front of the text of a kTend line.
void TakeWorker(const std::string& app, ParsedLine& parsed) {
  std::string_view text = parsed.text;
  if (text.substr(0, app.size()) != app) return;
  text.remove_prefix(app.size());
  if (text.empty() || text[0] != ':') return;
  text.remove_prefix(1);
  const auto word = TakeWord(text);
  if (!word) return;
  int slot = -1;
  if (*word != "-") {
    slot = ParseNumber<int>(*word).value_or(-1);
    if (slot < 0) return;
  }
  parsed.slot = slot;
  parsed.text = text;
}

bool ParseCri(std::string_view app, std::string_view line, ParsedLine& parsed) {
  if (line.size() < kRfc3339Size || line[0] < '0' || line[0] > '9') return false;
  const auto time_word = TakeWord(line);
  const auto stream_word = TakeWord(line);
  const auto tag = TakeWord(line);
  if (!tag || tag->empty() || ((*tag)[0] != 'F' && (*tag)[0] != 'P')) return false;
  if (!ToStream(*stream_word, parsed.stream)) return false;
  const auto time = ParseTime(*time_word);
  if (!time) return false;
  parsed.time = *time;
  parsed.has_time = true;
  parsed.flags = (*tag)[0] == 'P' ? kLinePartial : kLineWhole;
  parsed.text = line;
  TakeWorker(SafeAppName(app), parsed);
  return true;
}

const json::string* Text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_string();
}

// What tend itself says in a kJson line.
bool ParseHead(const json::object& object, ParsedLine& parsed) {
  const json::string* time_text = Text(object, "time");
  const json::string* stream = Text(object, "stream");
  if (time_text == nullptr || stream == nullptr) return false;
  const auto time = ParseTime(*time_text);
  if (!time || !ToStream(*stream, parsed.stream)) return false;
  parsed.time = *time;
  parsed.has_time = true;
  if (const json::value* slot = object.if_contains("worker"); slot != nullptr && slot->is_int64()) {
    parsed.slot = static_cast<int>(slot->get_int64());
  }
  if (const json::value* more = object.if_contains("partial"); more != nullptr && more->is_bool()) {
    parsed.flags = more->get_bool() ? kLinePartial : kLineWhole;
  }
  return true;
}

bool ParseObject(std::string_view text, json::value& value) {
  boost::system::error_code failed;
  value = json::parse({text.data(), text.size()}, failed);
  return !failed && value.is_object();
}

// A line with the worker's own object in it. The mark cannot be within what is in front of it:
// there, quotes within a text have a backslash.
bool ParseMerged(std::string_view line, ParsedLine& parsed, std::string& scratch) {
  constexpr std::string_view kMark = ",\"merged\":true,";
  const std::size_t mark = line.find(kMark);
  if (mark == std::string_view::npos || line.back() != '}') return false;
  json::value head;
  if (!ParseObject(std::string(line.substr(0, mark)).append(1, '}'), head)) return false;
  if (!ParseHead(head.get_object(), parsed)) return false;
  std::string object(1, '{');
  object.append(line.substr(mark + kMark.size()));
  if (!Unmerge(object, scratch)) return false;
  parsed.text = scratch;
  return true;
}

bool ParseJson(std::string_view line, ParsedLine& parsed, std::string& scratch) {
  if (line.empty() || line[0] != '{') return false;
  if (ParseMerged(line, parsed, scratch)) return true;
  parsed = ParsedLine{};
  json::value value;
  if (!ParseObject(line, value)) return false;
  const json::string* message = Text(value.get_object(), "message");
  if (message == nullptr || !ParseHead(value.get_object(), parsed)) return false;
  scratch.assign(message->data(), message->size());
  parsed.text = scratch;
  return true;
}

}  // namespace

ParsedLine ParseLine(std::string_view app, std::string_view line, std::string& scratch) {
  ParsedLine parsed;
  if (ParseCri(app, line, parsed)) return parsed;
  parsed = ParsedLine{};
  if (ParseJson(line, parsed, scratch)) return parsed;
  parsed = ParsedLine{};
  parsed.text = line;
  return parsed;
}

}  // namespace tend::rotate
