// A regular expression that somebody else wrote. It takes time linear in the text, whatever it is
// (RE2), and matches around bytes that are no UTF-8. Cheap to copy; any number of threads may use
// one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace tend {

class Pattern {
 public:
  // Errc::kInvalid says what is wrong with it.
  static Result<Pattern> Compile(std::string_view pattern);

  // Whether it matches anywhere in `text`.
  bool Matches(std::string_view text) const;
  // Puts `with` in the place of every match, or of its first group if the pattern has groups, and
  // appends what comes of that to `out`. False if there was nothing to replace; then nothing is
  // appended.
  bool Replace(std::string_view text, std::string_view with, std::string& out) const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace tend
