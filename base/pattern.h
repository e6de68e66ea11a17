// A regular expression that somebody else wrote. It takes time linear in the text, whatever it is
// (RE2), and matches around bytes that are no UTF-8. Cheap to copy; any number of threads may use
// one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace tend {

class Pattern {
 public:
  struct Options {
    bool ignore_case = false;
    std::int64_t memory_max_bytes = 4 << 20;  // those that fit are far smaller
  };
  // Errc::kInvalid says what is wrong with it, or that it needs more memory than it may.
  static Result<Pattern> Compile(std::string_view pattern, const Options& options);
  static Result<Pattern> Compile(std::string_view pattern) { return Compile(pattern, Options()); }

  // Whether it matches anywhere in `text`.
  bool Matches(std::string_view text) const;
  // The longest text found, in small letters, that everything it matches contains, whatever the
  // case of its ASCII letters there. Empty: none is known.
  std::string RequiredText() const;
  // Where the first match from `from` on begins; npos: there is none.
  std::size_t Find(std::string_view text, std::size_t from) const;
  // One for blocks of lines, which matches in no more than one of them: what this one matches in a
  // line by itself, wherever it stands in the block behind a space or a newline. Nothing if there
  // may be none, as where this one has an anchor.
  std::optional<Pattern> ForBlocks() const;
  // Puts `with` in the place of every match, or of its first group if the pattern has groups, and
  // appends what comes of that to `out`. False if there was nothing to replace; then nothing is
  // appended.
  bool Replace(std::string_view text, std::string_view with, std::string& out) const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace tend
