#include "base/json_text.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/utf8.h"

namespace tend {
namespace {

// True for bytes that stand for themselves and are a character each. DEL may, but a terminal that
// is shown the file is better without.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t c = ' '; c < 0x7f; ++c)
    plain[c] = c != '"' && c != '\\';
  return plain;
}();

constexpr std::size_t kBlock = sizeof(std::uint64_t);

constexpr std::uint64_t Eight(unsigned char byte) {
  return byte * std::uint64_t{0x0101010101010101};
}

// The highest bit of each byte of a block that is not plain, and of some behind the first of those:
// a difference has it if its byte was too small, or the one before it was.
std::uint64_t OddBytes(const char* at) {
  std::uint64_t block = 0;
  std::memcpy(&block, at, kBlock);
  const std::uint64_t odd = block | (block - Eight(' ')) | ((block ^ Eight('"')) - Eight(1)) |
                            ((block ^ Eight('\\')) - Eight(1)) | ((block ^ Eight(0x7f)) - Eight(1));
  return odd & Eight(0x80);
}

std::size_t PlainSize(std::string_view text) {
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
  std::size_t size = 0;
  for (; size + kBlock <= text.size(); size += kBlock) {
    if (const std::uint64_t odd = OddBytes(text.data() + size); odd != 0)
      return size + static_cast<std::size_t>(std::countr_zero(odd)) / 8;
  }
  while (size < text.size() && kPlain[static_cast<unsigned char>(text[size])])
    ++size;
  return size;
}

void AppendControl(char c, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[c & 0xf];
  }
}

}  // namespace

void AppendJsonEscaped(std::string_view text, std::string& out) {
  std::size_t begin = 0;  // of what is not in `out` yet
  std::size_t at = PlainSize(text);
  while (at < text.size()) {
    const char c = text[at];
    const bool is_ascii = (c & '\x80') == 0;
    if (const std::size_t length = is_ascii ? 0 : Utf8Length(text.substr(at)); length > 0) {
      at += length;
    } else {
      if (at > begin) out.append(text, begin, at - begin);
      begin = at + 1;
      if (c == '"' || c == '\\') {
        out += '\\';
        begin = at;  // it goes with what is behind it
      } else if (is_ascii) {
        AppendControl(c, out);
      } else {
        out += kReplacementCharacter;
      }
      ++at;
    }
    // What is odd rarely stands alone.
    if (at < text.size() && kPlain[static_cast<unsigned char>(text[at])])
      at += PlainSize(text.substr(at));
  }
  out.append(text.substr(begin));
}

void AppendJsonString(std::string_view text, std::string& out) {
  out += '"';
  AppendJsonEscaped(text, out);
  out += '"';
}

std::string Quoted(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  AppendJsonString(text, quoted);
  return quoted;
}

}  // namespace tend
