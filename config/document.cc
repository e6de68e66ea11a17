#include "config/document.h"

#include <algorithm>
#include <cctype>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/json_text.h"

namespace tend::config {
namespace {

// What the builder throws through yaml-cpp's parser; never leaves this file.
struct Refused : std::exception {
  Refused(std::string what, Mark where) : message(std::move(what)), mark(where) {}
  std::string message;
  Mark mark;
};

Mark FromYaml(const YAML::Mark& mark) {
  return mark.is_null() ? Mark{} : Mark{mark.line + 1, mark.column + 1};
}

std::size_t CountNodes(const Value& value) {
  std::size_t count = 1;
  for (const Value& item : value.items)
    count += CountNodes(item);
  for (const Member& member : value.members)
    count += CountNodes(member.value);
  return count;
}

std::size_t Depth(const Value& value) {
  std::size_t below = 0;
  for (const Value& item : value.items)
    below = std::max(below, Depth(item));
  for (const Member& member : value.members)
    below = std::max(below, Depth(member.value));
  return below + 1;
}

// Members of `from` that `into` has not.
void MergeMissing(Value& into, const Value& from) {
  for (const Member& member : from.members) {
    if (into.Find(member.key) == nullptr) into.members.push_back(member);
  }
}

void MergeLessThan(Value& map) {
  std::vector<Value> sources;
  auto is_merge = [&](Member& member) {
    if (member.key != "<<" || member.value.is_scalar()) return false;
    if (member.value.is_map()) sources.push_back(std::move(member.value));
    for (Value& item : member.value.items)
      sources.push_back(std::move(item));
    return true;
  };
  std::erase_if(map.members, is_merge);
  for (const Value& source : sources)
    MergeMissing(map, source);
}

// Builds the tree straight from the parser's events: yaml-cpp's own nodes keep aliases as cycles
// and cannot be bounded while they are read.
class Builder : public YAML::EventHandler {
 public:
  Value Take() { return std::move(root_); }
  // Of the last scalar that is not plain; null if there is none.
  const YAML::Mark& last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(Value{.mark = FromYaml(mark), .text = {}, .items = {}, .members = {}}, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refused("an alias cannot stand inside of what it names", FromYaml(mark));
    }
    nodes_ += CountNodes(found->second) - 1;
    // One alias a step makes a bomb as high as it is wide: depth counts with what is copied.
    if (open_.size() + Depth(found->second) > kDepthMax) Refuse(FromYaml(mark));
    Add(found->second, 0);
  }

  void OnScalar(const YAML::Mark& mark,
                const std::string& tag,
                YAML::anchor_t anchor,
                const std::string& text) override {
    Value value;
    if (tag == "?") {
      value = FromPlainText(text);
    } else {
      value.kind = Value::Kind::kString;
      value.text = text;
      last_quoted_ = mark;
    }
    value.mark = FromYaml(mark);
    Add(std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark,
                       const std::string& /*tag*/,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(Value::Kind::kList, mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark,
                  const std::string& /*tag*/,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(Value::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor;
    bool has_key = false;
    std::string key;
    Mark key_mark;
  };

  [[noreturn]] static void Refuse(Mark mark) {
    throw Refused(fmt::format("more than {} values or {} levels: this is no configuration",
                              kNodesMax, kDepthMax),
                  mark);
  }

  void Open(Value::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    Frame frame;
    frame.value.kind = kind;
    frame.value.mark = FromYaml(mark);
    frame.anchor = anchor;
    if (open_.size() + 1 >= kDepthMax) Refuse(frame.value.mark);
    open_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(open_.back());
    open_.pop_back();
    if (frame.value.is_map()) MergeLessThan(frame.value);
    Add(std::move(frame.value), frame.anchor);
  }

  void Add(Value value, YAML::anchor_t anchor) {
    if (++nodes_ > kNodesMax) Refuse(value.mark);
    if (anchor != 0) anchors_[anchor] = value;
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = open_.back();
    if (frame.value.is_list()) {
      frame.value.items.push_back(std::move(value));
    } else if (frame.has_key) {
      frame.value.members.push_back({std::move(frame.key), frame.key_mark, std::move(value)});
      frame.has_key = false;
    } else {
      if (!value.is_scalar()) throw Refused("a key must be a word", value.mark);
      frame.key = std::move(value.text);
      frame.key_mark = value.mark;
      frame.has_key = true;
    }
  }

  Value root_;
  YAML::Mark last_quoted_ = YAML::Mark::null_mark();
  std::vector<Frame> open_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::size_t nodes_ = 0;
};

// yaml-cpp 0.7 takes the end of the file for the end of a quoted text. Only the last one of a file
// can be like that.
void RefuseUnclosedQuote(std::string_view text, const YAML::Mark& mark) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (mark.is_null()) return;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const auto start = static_cast<std::size_t>(mark.pos);
  if (start >= text.size() || (text[start] != '\'' && text[start] != '"')) return;
  const char quote = text[start];
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    const bool doubled = quote == '\'' && text[i] == quote && text.substr(i + 1, 1) == "'";
    if (doubled || (quote == '"' && text[i] == '\\')) {
      ++i;
    } else if (text[i] == quote) {
      return;
    }
  }
  throw Refused("the quote is not closed", FromYaml(mark));
}

bool IsNumber(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  bool digits = false, point = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      digits = true;
    } else if (c == '.' && !point) {
      point = true;
    } else if ((c == 'e' || c == 'E') && digits) {
      const std::string_view exponent = text.substr(i + 1);
      return !exponent.empty() && exponent.find_first_of(".eE") == std::string_view::npos &&
             IsNumber(exponent);
    } else {
      return false;
    }
  }
  return digits;
}

bool IsJsonNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9' || text.back() == '.') return false;
  return text[0] != '0' || text.size() == 1 || text[1] < '0' || text[1] > '9';
}

void AppendJson(std::string& out, const Value& value) {
  bool first = true;
  auto comma = [&] {
    if (!std::exchange(first, false)) out += ',';
  };
  switch (value.kind) {
    case Value::Kind::kNull:
      out += "null";
      return;
    case Value::Kind::kBool:
      out += value.text;
      return;
    case Value::Kind::kNumber:
      // YAML has numbers that JSON has not: +1, .5, 007.
      if (IsJsonNumber(value.text)) {
        out += value.text;
      } else {
        AppendJsonString(value.text, out);
      }
      return;
    case Value::Kind::kString:
      AppendJsonString(value.text, out);
      return;
    case Value::Kind::kList:
      out += '[';
      for (const Value& item : value.items) {
        comma();
        AppendJson(out, item);
      }
      out += ']';
      return;
    case Value::Kind::kMap:
      out += '{';
      for (const Member& member : value.members) {
        comma();
        AppendJsonString(member.key, out);
        out += ':';
        AppendJson(out, member.value);
      }
      out += '}';
      return;
  }
}

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

// Walks along the text with the tree. Positions found so far are where the search goes on.
class SourceMarker {
 public:
  explicit SourceMarker(std::string_view source) : source_(source) {
    lines_.push_back(0);
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\n') lines_.push_back(i + 1);
    }
  }

  void Visit(Value& value) {
    for (Value& item : value.items)
      Visit(item);
    for (Member& member : value.members) {
      std::size_t value_at = 0;
      const std::size_t key_at = FindKey(member.key, value_at);
      if (key_at != std::string_view::npos) {
        cursor_ = value_at;
        member.mark = At(key_at);
        member.value.mark = At(value_at);
      }
      Visit(member.value);
    }
    if (value.is_map() && value.mark.line == 0 && !value.members.empty()) {
      value.mark = value.members.front().mark;
    }
  }

 private:
  Mark At(std::size_t offset) const {
    const auto after = std::upper_bound(lines_.begin(), lines_.end(), offset);
    const std::size_t line = static_cast<std::size_t>(after - lines_.begin());
    return {static_cast<int>(line), static_cast<int>(offset - lines_[line - 1] + 1)};
  }

  std::size_t FindKey(std::string_view key, std::size_t& value_at) const {
    if (key.empty()) return std::string_view::npos;
    const std::size_t found = FindFrom(key, cursor_, value_at);
    return found != std::string_view::npos ? found : FindFrom(key, 0, value_at);
  }

  // `key` as a whole word with a colon behind it, possibly quoted.
  std::size_t FindFrom(std::string_view key, std::size_t from, std::size_t& value_at) const {
    for (std::size_t at = source_.find(key, from); at != std::string_view::npos;
         at = source_.find(key, at + 1)) {
      std::size_t end = at + key.size();
      const bool starts = at == 0 || !IsWordByte(source_[at - 1]);
      if (!starts || (end < source_.size() && IsWordByte(source_[end]))) continue;
      if (end < source_.size() && (source_[end] == '"' || source_[end] == '\'')) ++end;
      end = SkipBlanks(end);
      if (end >= source_.size() || source_[end] != ':') continue;
      value_at = std::min(SkipBlanks(end + 1), source_.size() - 1);
      return at;
    }
    return std::string_view::npos;
  }

  std::size_t SkipBlanks(std::size_t at) const {
    while (at < source_.size() && std::isspace(static_cast<unsigned char>(source_[at])) != 0)
      ++at;
    return at;
  }

  std::string_view source_;
  std::vector<std::size_t> lines_;
  std::size_t cursor_ = 0;
};

}  // namespace

const Value* Value::Find(std::string_view key) const {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Member& member) { return member.key == key; });
  return found == members.end() ? nullptr : &found->value;
}

Parsed ParseYaml(std::string_view text) {
  Parsed parsed;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Builder builder;
    parser.HandleNextDocument(builder);
    RefuseUnclosedQuote(text, builder.last_quoted());
    parsed.value = builder.Take();
    parsed.ok = true;
  } catch (const Refused& refused) {
    parsed.error = {refused.message, refused.mark};
  } catch (const YAML::Exception& problem) {
    parsed.error = {problem.msg, FromYaml(problem.mark)};
  } catch (const std::exception& problem) {
    parsed.error = {problem.what(), {}};
  }
  return parsed;
}

void MarkFromSource(Value& value, std::string_view source) {
  SourceMarker(source).Visit(value);
}

Value FromPlainText(std::string text) {
  Value value;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    value.kind = Value::Kind::kNull;
  } else if (text == "true" || text == "false" || text == "True" || text == "False" ||
             text == "TRUE" || text == "FALSE") {
    value.kind = Value::Kind::kBool;
  } else {
    value.kind = IsNumber(text) ? Value::Kind::kNumber : Value::Kind::kString;
  }
  const bool is_true = value.kind == Value::Kind::kBool && (text[0] == 't' || text[0] == 'T');
  value.text = std::move(text);
  if (value.kind == Value::Kind::kBool) value.text = is_true ? "true" : "false";
  if (value.kind == Value::Kind::kNull) value.text.clear();
  return value;
}

std::string ToJsonText(const Value& value) {
  std::string out;
  AppendJson(out, value);
  return out;
}

std::string Describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kBool:
      return value.text;
    case Value::Kind::kNumber:
      return "the number " + value.text;
    case Value::Kind::kString:
      return '"' + value.text.substr(0, 80) + '"';
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a group of keys";
  }
  return "";
}

}  // namespace tend::config
