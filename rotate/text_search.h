// Finds a text in a large block. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tend::rotate {

// Capitals: of ASCII letters only.
class TextSearch {
 public:
  TextSearch(std::string_view needle, bool ignore_case);
  // Where it is found first, from `from` on; npos if nowhere. An empty needle is everywhere.
  std::size_t Find(std::string_view text, std::size_t from = 0) const;
  bool IsIn(std::string_view text) const { return Find(text) != std::string_view::npos; }
  bool empty() const { return needle_.empty(); }
  const std::string& needle() const { return needle_; }

 private:
  bool IsAt(std::string_view text, std::size_t at) const;
  std::size_t FindIgnoringCase(std::string_view text, std::size_t from) const;

  std::string needle_;  // in small letters if case is ignored
  bool ignore_case_;
};

}  // namespace tend::rotate
