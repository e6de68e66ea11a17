#include "base/pattern.h"

#include <array>

#include <re2/re2.h>

namespace tend {
namespace {

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Result<Pattern> Pattern::Compile(std::string_view pattern, const Options& options) {
  re2::RE2::Options how(re2::RE2::Quiet);
  how.set_case_sensitive(!options.ignore_case);
  how.set_max_mem(options.memory_max_bytes);
  auto compiled = std::make_shared<const re2::RE2>(Piece(pattern), how);
  if (!compiled->ok()) return Error(Errc::kInvalid, compiled->error());
  return Pattern(std::move(compiled));
}

bool Pattern::Matches(std::string_view text) const {
  return re2::RE2::PartialMatch(Piece(text), *compiled_);
}

bool Pattern::Replace(std::string_view text, std::string_view with, std::string& out) const {
  std::array<re2::StringPiece, 2> found;  // the match, its first group
  const int count = compiled_->NumberOfCapturingGroups() > 0 ? 2 : 1;
  std::size_t done = 0, from = 0;
  while (from <= text.size() && compiled_->Match(Piece(text), from, text.size(),
                                                 re2::RE2::UNANCHORED, found.data(), count)) {
    const auto place = [&](const re2::StringPiece& piece) {
      return static_cast<std::size_t>(piece.data() - text.data());
    };
    const std::size_t end = place(found[0]) + found[0].size();
    const re2::StringPiece& hit = count == 2 && found[1].data() != nullptr ? found[1] : found[0];
    if (!hit.empty()) {
      out.append(text.substr(done, place(hit) - done)).append(with);
      done = place(hit) + hit.size();
    }
    from = found[0].empty() ? end + 1 : end;
  }
  if (done == 0) return false;
  out.append(text.substr(done));
  return true;
}

}  // namespace tend
