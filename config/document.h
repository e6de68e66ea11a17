// A configuration file as a tree of values that know where they stand in the text. One shape for
// YAML, JSON and what node prints, so that there is one reader. Plain data; no thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tend::config {

struct Mark {
  int line = 0, column = 0;  // from 1; 0: unknown
};

struct Member;

struct Value {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kList, kMap };

  Kind kind = Kind::kNull;
  Mark mark;
  std::string text;             // of a bool, number or string, as it was written
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a map, in the order of the file; keys may come twice

  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_scalar() const { return !is_map() && !is_list(); }
  const Value* Find(std::string_view key) const;  // The first of that name, or nullptr.
};

struct Member {
  std::string key;
  Mark mark;
  Value value;
};

// What is wrong with a text, and where.
struct SyntaxError {
  std::string message;
  Mark mark;
};

struct Parsed {
  Value value;
  bool ok = false;
  SyntaxError error;  // if not ok
};

// More than this is no configuration but an attack or an accident: both are errors.
inline constexpr std::size_t kNodesMax = 20'000;  // after aliases were followed
inline constexpr std::size_t kDepthMax = 64;
inline constexpr std::size_t kFileSizeMax = 1 << 20;  // bytes

// One YAML document (JSON is one, too); `<<` is merged.
Parsed ParseYaml(std::string_view text);
// JSON. It has no marks until MarkFromSource.
Parsed ParseJson(std::string_view text);

// Gives the members of `value` the places where their keys stand in the JavaScript `source`, in the
// order of the tree; a key that is not there by name stays unknown.
void MarkFromSource(Value& value, std::string_view source);

// The value that a bare word has in YAML: null, a bool, a number or a string.
Value FromPlainText(std::string text);

// JSON of it, on one line.
std::string ToJsonText(const Value& value);

// "a list", "the number 3", "true", for messages.
std::string Describe(const Value& value);

}  // namespace tend::config
