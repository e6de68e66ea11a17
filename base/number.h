// Numbers in text, as C has them: no blanks, no "+", nothing that does not fit. Pure.
#pragma once

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace tend {

// Takes the number at the front off `text`, which stays as it is if there is none. `base` is for
// whole numbers.
template <typename T>
std::optional<T> TakeNumber(std::string_view& text, int base = 10) {
  T number{};
  const char* const end = text.data() + text.size();
  std::from_chars_result read{};
  if constexpr (std::is_floating_point_v<T>) {
    read = std::from_chars(text.data(), end, number);
  } else {
    read = std::from_chars(text.data(), end, number, base);
  }
  if (read.ec != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  return number;
}

// The number that all of `text` is.
template <typename T>
std::optional<T> ParseNumber(std::string_view text, int base = 10) {
  const auto number = TakeNumber<T>(text, base);
  return text.empty() ? number : std::nullopt;
}

}  // namespace tend
