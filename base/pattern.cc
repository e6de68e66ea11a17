#include "base/pattern.h"

#include <algorithm>
#include <array>
#include <vector>

#include <re2/filtered_re2.h>
#include <re2/re2.h>

namespace tend {
namespace {

re2::StringPiece Piece(std::string_view text) {
  return {text.data(), text.size()};
}

// Of RequiredText(). Shorter ones are nearly everywhere.
constexpr std::size_t kTextMin = 3;
// The search for one that is required is quadratic.
constexpr std::size_t kAtomsMax = 64;

// The longest part of `atom` that has one spelling but for capitals of ASCII: k and s are also the
// small letters of the Kelvin sign and the long s, to an expression that ignores case.
std::string_view LongestPlainPart(std::string_view atom) {
  std::string_view best;
  while (!atom.empty()) {
    const auto end = std::find_if(atom.begin(), atom.end(), [](char c) {
      return c == 'k' || c == 's' || c == 'K' || c == 'S' || static_cast<unsigned char>(c) >= 0x80;
    });
    const auto size = static_cast<std::size_t>(end - atom.begin());
    if (size > best.size()) best = atom.substr(0, size);
    atom.remove_prefix(std::min(atom.size(), size + 1));
  }
  return best;
}

bool MayHaveAnchor(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    switch (pattern[i]) {
      case '\\':
        // Others than these are characters, classes of them, or boundaries of words.
        if (next == 'A' || next == 'z' || next == 'Q' || next == 'C') return true;
        ++i;
        break;
      case '[':
        if (next == '^') ++i;
        break;
      case '^':
      case '$':
        return true;
      default:
        break;
    }
  }
  return false;
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

std::string Pattern::RequiredText() const {
  re2::FilteredRE2 filter(static_cast<int>(kTextMin));
  int id = 0;
  if (filter.Add(compiled_->pattern(), compiled_->options(), &id) != re2::RE2::NoError) return {};
  std::vector<std::string> atoms;
  filter.Compile(&atoms);
  if (atoms.empty() || atoms.size() > kAtomsMax) return {};
  std::string best;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    const std::string_view part = LongestPlainPart(atoms[i]);
    if (part.size() < kTextMin || part.size() <= best.size()) continue;
    std::vector<int> others, potentials;
    for (std::size_t other = 0; other < atoms.size(); ++other)
      if (other != i) others.push_back(static_cast<int>(other));
    filter.AllPotentials(others, &potentials);
    if (potentials.empty()) best = part;
  }
  return best;
}

std::size_t Pattern::Find(std::string_view text, std::size_t from) const {
  re2::StringPiece found;
  if (!compiled_->Match(Piece(text), from, text.size(), re2::RE2::UNANCHORED, &found, 1)) {
    return std::string_view::npos;
  }
  return static_cast<std::size_t>(found.data() - text.data());
}

std::optional<Pattern> Pattern::ForBlocks() const {
  if (MayHaveAnchor(compiled_->pattern())) return std::nullopt;
  re2::RE2::Options how;
  how.Copy(compiled_->options());
  how.set_never_nl(true);
  auto compiled = std::make_shared<const re2::RE2>(compiled_->pattern(), how);
  if (!compiled->ok()) return std::nullopt;
  return Pattern(std::move(compiled));
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
