#include "config/interpreter.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tend::config {
namespace {

std::string_view FileName(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/'))
    path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

// ".js"; "" for names without one, and for those that only begin with a dot.
std::string_view Ending(std::string_view script) {
  const std::string_view name = FileName(script);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : name.substr(dot);
}

}  // namespace

std::string InterpreterByEnding(std::string_view script) {
  constexpr std::array<std::pair<std::string_view, const char*>, 13> kEndings = {{
      {".js", "node"},
      {".cjs", "node"},
      {".mjs", "node"},
      {".ts", "node"},
      {".tsx", "node"},
      {".py", "python3"},
      {".sh", "bash"},
      {".rb", "ruby"},
      {".php", "php"},
      {".pl", "perl"},
      {".coffee", "coffee"},
      {".ls", "lsc"},
      {".jsx", "node"},
  }};
  const std::string_view ending = Ending(script);
  for (const auto& [known, interpreter] : kEndings) {
    if (ending == known) return interpreter;
  }
  return {};
}

bool IsNode(std::string_view interpreter) {
  const std::string_view name = FileName(interpreter);
  return name == "node" || name == "bun" || name == "nodejs" || name.starts_with("node@");
}

bool IsPython(std::string_view interpreter) {
  return FileName(interpreter).starts_with("python");
}

std::string DefaultName(std::string_view script) {
  if (script.find(' ') != std::string_view::npos) return SafeName(script);
  std::string_view name = FileName(script);
  name.remove_suffix(Ending(script).size());
  return SafeName(name);
}

std::string SafeName(std::string_view name) {
  constexpr std::size_t kNameMax = 100;
  std::string safe(name.substr(0, kNameMax));
  // A character is not cut in two.
  if (name.size() > kNameMax && (static_cast<unsigned char>(name[kNameMax]) & 0xC0) == 0x80) {
    while (!safe.empty() && (static_cast<unsigned char>(safe.back()) & 0xC0) == 0x80) {
      safe.pop_back();
    }
    if (!safe.empty()) safe.pop_back();
  }
  for (char& c : safe) {
    if (c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '-';
  }
  if (safe.starts_with('.')) safe[0] = '-';
  return safe;
}

}  // namespace tend::config
