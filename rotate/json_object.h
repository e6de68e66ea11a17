// A line that is a JSON object, seen as the bytes that it is made of: its outermost members with
// their places, so that some of them can be renamed while all else stays as it was written. Pure.
#pragma once

#include <string_view>
#include <vector>

namespace tend::rotate {

struct JsonMember {
  std::string_view key;    // as written, without its quotes
  std::string_view value;  // as written: a string has its quotes
};

inline bool IsJsonString(std::string_view value) {
  return value.size() >= 2 && value.front() == '"';
}
// Without the quotes of a string; all else as it is.
inline std::string_view WithoutQuotes(std::string_view value) {
  return IsJsonString(value) ? value.substr(1, value.size() - 2) : value;
}

// The members of the object that `text` is, from its first byte to its last; views into `text`.
// False if it is none. Only the outermost level is looked at: what is within the values may be
// broken. Any bytes are fine; linear.
bool SplitJsonObject(std::string_view text, std::vector<JsonMember>& members);

// Whether `text` is JSON that everybody can read: well-formed all through, UTF-8, not too deep.
bool IsWellFormedJson(std::string_view text);

}  // namespace tend::rotate
