#include "rotate/json_object.h"

#include <array>
#include <cstddef>

#include <boost/json.hpp>

namespace tend::rotate {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  bool Take(char c) {
    SkipBlanks();
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // A string at this place, with its quotes; empty if there is none.
  std::string_view String() {
    SkipBlanks();
    const std::size_t begin = at_;
    return SkipString() ? text_.substr(begin, at_ - begin) : std::string_view();
  }
  std::string_view Value() {
    SkipBlanks();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    while (!at_end()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!SkipString()) return {};
        continue;
      }
      const bool closes = c == '}' || c == ']';
      if (depth == 0 && (closes || c == ',' || IsBlank(c))) break;
      if (c == '{' || c == '[') ++depth;
      if (closes) --depth;
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  static bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
  void SkipBlanks() {
    while (!at_end() && IsBlank(text_[at_]))
      ++at_;
  }
  bool SkipString() {
    if (at_end() || text_[at_] != '"') return false;
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '"') {
        at_ = i + 1;
        return true;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool SplitJsonObject(std::string_view text, std::vector<JsonMember>& members) {
  members.clear();
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
  Scanner scanner(text);
  scanner.Take('{');
  if (scanner.Take('}')) return scanner.at_end();
  for (;;) {
    const std::string_view key = scanner.String();
    if (key.empty() || !scanner.Take(':')) return false;
    const std::string_view value = scanner.Value();
    if (value.empty()) return false;
    members.push_back({key.substr(1, key.size() - 2), value});
    if (scanner.Take(',')) continue;
    return scanner.Take('}') && scanner.at_end();
  }
}

bool IsWellFormedJson(std::string_view text) {
  // Most lines need no more than this.
  std::array<unsigned char, 8192> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  boost::json::monotonic_resource memory(buffer.data(), buffer.size());
  boost::json::error_code failed;
  boost::json::parse({text.data(), text.size()}, failed, &memory);
  return !failed;
}

}  // namespace tend::rotate
