#include "base/telemetry.h"

#include "base/utf8.h"

namespace tend {

std::string CustomName(std::string_view name, std::size_t max) {
  const std::size_t first = name.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  name = name.substr(first, name.find_last_not_of(" \t") - first + 1);
  std::string out;
  while (!name.empty()) {
    const std::size_t length = Utf8Length(name);
    const auto byte = static_cast<unsigned char>(name.front());
    const bool is_shown = length > 0 && byte >= 0x20 && byte != 0x7f;
    const std::string_view next = is_shown ? name.substr(0, length) : "_";
    if (out.size() + next.size() > max) break;
    out += next;
    name.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace tend
