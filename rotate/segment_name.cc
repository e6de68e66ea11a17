#include "rotate/segment_name.h"

#include "base/number.h"

namespace tend::rotate {
namespace {

constexpr std::size_t kNameSizeMax = 200;  // NAME_MAX less our longest suffix
constexpr std::size_t kCompactSize = 16;   // "20261121T103107Z"
constexpr std::size_t kDigitsMin = 6;
constexpr std::size_t kDigitsMax = 18;
constexpr std::string_view kZst = ".zst";
constexpr std::string_view kTmp = ".zst.tmp";

bool IsSafe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

std::string SafeAppName(std::string_view app) {
  std::string name(app.substr(0, kNameSizeMax));
  for (char& c : name) {
    if (!IsSafe(c)) c = '-';
  }
  if (name.empty()) return "-";
  if (name[0] == '.') name[0] = '-';
  return name;
}

std::string ActiveName(std::string_view app) {
  return SafeAppName(app) + ".log";
}

std::string FormatSegmentName(std::string_view base, const SegmentName& name) {
  std::string text(base);
  if (name.kind == SegmentKind::kActive) return text;
  const std::string digits = std::to_string(name.sequence);
  text.append(1, '.').append(FormatCompact(name.sealed)).append(1, '-');
  if (digits.size() < kDigitsMin) text.append(kDigitsMin - digits.size(), '0');
  text.append(digits);
  if (name.kind == SegmentKind::kCompressed) text.append(kZst);
  if (name.kind == SegmentKind::kTemporary) text.append(kTmp);
  return text;
}

std::optional<SegmentName> ParseSegmentName(std::string_view base, std::string_view file) {
  if (file.substr(0, base.size()) != base) return std::nullopt;
  file.remove_prefix(base.size());
  SegmentName name;
  if (file.empty()) return name;
  if (file.size() < 1 + kCompactSize + 1 + kDigitsMin || file[0] != '.') return std::nullopt;
  const auto sealed = ParseCompact(file.substr(1, kCompactSize));
  if (!sealed || file[1 + kCompactSize] != '-') return std::nullopt;
  name.sealed = *sealed;
  file.remove_prefix(1 + kCompactSize + 1);
  std::size_t digits = 0;
  while (digits < file.size() && file[digits] >= '0' && file[digits] <= '9')
    ++digits;
  if (digits < kDigitsMin || digits > kDigitsMax) return std::nullopt;
  if (digits > kDigitsMin && file[0] == '0') return std::nullopt;  // we would not find it again
  name.sequence = ParseNumber<decltype(name.sequence)>(file.substr(0, digits)).value_or(0);
  file.remove_prefix(digits);
  if (file.empty()) {
    name.kind = SegmentKind::kSealed;
  } else if (file == kZst) {
    name.kind = SegmentKind::kCompressed;
  } else if (file == kTmp) {
    name.kind = SegmentKind::kTemporary;
  } else {
    return std::nullopt;
  }
  return name;
}

}  // namespace tend::rotate
