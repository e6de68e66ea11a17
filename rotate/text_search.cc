#include "rotate/text_search.h"

#include <string.h>

#include <algorithm>
#include <array>

namespace tend::rotate {
namespace {

constexpr std::array<unsigned char, 256> kSmall = [] {
  std::array<unsigned char, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<unsigned char>(i >= 'A' && i <= 'Z' ? i - 'A' + 'a' : i);
  return table;
}();

unsigned char Small(char c) {
  return kSmall[static_cast<unsigned char>(c)];
}

constexpr std::size_t kBlock = 64;

// Whether the first letter and, `further` behind, the last are those of `needle` at any of kBlock
// places. One bit tells capitals from small letters; that it makes some other characters equal
// costs a closer look. Without a branch, so that the compiler takes 16 or more at a time.
bool MayBegin(const char* text, std::size_t further, const std::string& needle) {
  const auto first = static_cast<unsigned char>(needle.front() | 0x20);
  const auto last = static_cast<unsigned char>(needle.back() | 0x20);
  unsigned char any = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const auto a = static_cast<unsigned char>(text[i] | 0x20);
    const auto b = static_cast<unsigned char>(text[i + further] | 0x20);
    any = static_cast<unsigned char>(any | static_cast<unsigned char>((a == first) & (b == last)));
  }
  return any != 0;
}

}  // namespace

TextSearch::TextSearch(std::string_view needle, bool ignore_case)
    : needle_(needle), ignore_case_(ignore_case) {
  if (!ignore_case_) return;
  for (char& c : needle_)
    c = static_cast<char>(Small(c));
}

std::size_t TextSearch::Find(std::string_view text, std::size_t from) const {
  if (from > text.size()) return std::string_view::npos;
  if (needle_.empty()) return from;
  if (ignore_case_) return FindIgnoringCase(text, from);
  // memmem skips ahead; string_view::find stops at every first letter.
  const void* at = ::memmem(text.data() + from, text.size() - from, needle_.data(), needle_.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

bool TextSearch::IsAt(std::string_view text, std::size_t at) const {
  for (std::size_t i = 0; i < needle_.size(); ++i)
    if (Small(text[at + i]) != static_cast<unsigned char>(needle_[i])) return false;
  return true;
}

std::size_t TextSearch::FindIgnoringCase(std::string_view text, std::size_t from) const {
  const std::size_t size = needle_.size();
  if (text.size() < size) return std::string_view::npos;
  const std::size_t ends = text.size() - size + 1;
  for (std::size_t at = from; at < ends;) {
    const std::size_t next = std::min(at + kBlock, ends);
    if (next == at + kBlock && !MayBegin(text.data() + at, size - 1, needle_)) {
      at = next;
      continue;
    }
    for (; at < next; ++at)
      if (IsAt(text, at)) return at;
  }
  return std::string_view::npos;
}

}  // namespace tend::rotate
