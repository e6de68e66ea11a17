// Text from outside, made fit for formats that are UTF-8 by definition. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace tend {

inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";  // U+FFFD

// The length of the UTF-8 sequence at the front of `text` (RFC 3629), 0 if it is none.
// REQUIRES: !text.empty()
std::size_t Utf8Length(std::string_view text);
bool IsUtf8(std::string_view text);

}  // namespace tend
