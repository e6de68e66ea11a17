#include "config/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/fd.h"
#include "config/app_reader.h"
#include "config/document.h"
#include "config/ecosystem.h"
#include "config/problem.h"

namespace tend::config {
namespace {

std::string_view FileName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool IsJavaScript(std::string_view path) {
  return path.ends_with(".js") || path.ends_with(".cjs") || path.ends_with(".mjs");
}

void AddProblem(Loaded& loaded,
                const std::string& file,
                const char* code,
                const SyntaxError& error,
                std::string help) {
  Problem problem;
  problem.file = file;
  problem.line = error.mark.line;
  problem.column = error.mark.column;
  problem.message = error.message;
  problem.help = std::move(help);
  problem.code = code;
  loaded.problems.push_back(std::move(problem));
}

void ReadTree(const Value& root,
              const std::string& name,
              const LoadOptions& options,
              Loaded& loaded) {
  TreeReader(DialectOf(name), options.strict, name).Read(root, loaded);
}

void TakeEvaluated(Evaluated evaluated,
                   const std::string& path,
                   const LoadOptions& options,
                   Loaded& loaded) {
  if (!evaluated.ok) {
    AddProblem(loaded, path, code::kScriptFailed, evaluated.error, std::move(evaluated.help));
    return;
  }
  for (const std::string& key : evaluated.dropped) {
    AddProblem(
        loaded, path, code::kKeyIgnored,
        {fmt::format("\"{}\" is a function, which tend cannot keep, and is ignored", key), {}}, {});
    loaded.problems.back().is_error = false;
  }
  MarkFromSource(evaluated.value, loaded.source);
  ReadTree(evaluated.value, path, options, loaded);
}

// Why yaml-cpp's position is often not the whole story.
std::string YamlHelp(std::string_view source, const SyntaxError& error) {
  std::string_view line = source;
  for (int number = 1; number < error.mark.line && !line.empty(); ++number) {
    line.remove_prefix(std::min(line.find('\n'), line.size() - 1) + 1);
  }
  line = line.substr(0, line.find('\n'));
  const std::size_t text = line.find_first_not_of(" \t");
  const bool has_tab = line.substr(0, std::min(text, line.size())).find('\t') != line.npos;
  return has_tab ? "YAML is indented with blanks, not with tabs" : "";
}

EvaluateOptions ForNode(const LoadOptions& options) {
  EvaluateOptions evaluate;
  evaluate.node = options.node;
  evaluate.env_name = options.env_name;
  evaluate.time_limit = options.time_limit;
  return evaluate;
}

// YAML first, because it has marks; JSON proper next (YAML lacks surrogates and some escapes).
bool ParseEither(std::string_view text, const std::string& name, Parsed& parsed) {
  parsed = ParseYaml(text);
  if (parsed.ok || !name.ends_with(".json")) return parsed.ok;
  Parsed json = ParseJson(text);
  if (!json.ok) return false;
  MarkFromSource(json.value, text);
  parsed = std::move(json);
  return true;
}

Result<std::string> ReadText(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return SysError("read " + path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) < 0) return SysError("read " + path, errno);
  if (S_ISDIR(info.st_mode)) return SysError("read " + path, EISDIR);
  std::string text;
  std::array<char, 65536> buffer;
  while (text.size() <= kFileSizeMax) {
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return SysError("read " + path, errno);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return Error(Errc::kLimit, fmt::format("read {}: larger than {} MiB", path, kFileSizeMax >> 20));
}

}  // namespace

Dialect DialectOf(std::string_view path) {
  const std::string_view name = FileName(path);
  if (IsJavaScript(name)) return Dialect::kEcosystem;
  if (name.ends_with(".json")) {
    return name.starts_with("tend.") ? Dialect::kTend : Dialect::kEcosystem;
  }
  const bool is_pm2 =
      name.starts_with("ecosystem") || name.starts_with("pm2") || name.starts_with("process");
  return is_pm2 ? Dialect::kEcosystem : Dialect::kTend;
}

bool IsConfigFile(std::string_view path) {
  for (const char* ending :
       {".json", ".yml", ".yaml", ".config.js", ".config.cjs", ".config.mjs"}) {
    if (path.ends_with(ending)) return true;
  }
  return false;
}

bool Loaded::ok() const {
  return std::none_of(problems.begin(), problems.end(),
                      [](const Problem& problem) { return problem.is_error; });
}

Loaded LoadText(std::string_view text, const std::string& name, const LoadOptions& options) {
  Loaded loaded;
  loaded.source = std::string(text);
  Parsed parsed;
  if (text.size() > kFileSizeMax) {
    AddProblem(loaded, name, code::kUnreadable, {"the file is too large", {}}, {});
  } else if (ParseEither(text, name, parsed)) {
    ReadTree(parsed.value, name, options, loaded);
  } else {
    const char* what = name.ends_with(".json") ? "this is no JSON" : "this is no YAML";
    std::string help = YamlHelp(text, parsed.error);
    parsed.error.message = fmt::format("{}: {}", what, parsed.error.message);
    AddProblem(loaded, name, code::kUnreadable, parsed.error, std::move(help));
  }
  return loaded;
}

Loaded LoadFile(const std::string& path, const LoadOptions& options) {
  Loaded loaded;
  Result<std::string> text = ReadText(path);
  if (!text) {
    AddProblem(loaded, path, code::kUnreadable, {text.error().message(), {}}, {});
    return loaded;
  }
  if (IsJavaScript(path)) {
    loaded.source = *std::move(text);
    TakeEvaluated(EvaluateJavaScript(path, ForNode(options)), path, options, loaded);
    return loaded;
  }
  Parsed parsed;
  const bool may_be_expression = path.ends_with(".json") && DialectOf(path) == Dialect::kEcosystem;
  if (may_be_expression && !ParseEither(*text, path, parsed) && !FindNode(options.node).empty()) {
    loaded.source = *std::move(text);
    TakeEvaluated(EvaluateExpression(path, ForNode(options)), path, options, loaded);
    return loaded;
  }
  return LoadText(*text, path, options);
}

Result<std::string> FindDefaultConfig(const std::string& cwd) {
  if (const char* path = ::getenv("TEND_CONFIG"); path != nullptr && *path != '\0') {
    return std::string(path);
  }
  std::string tried;
  std::error_code ignored;
  auto is_file = [&](const std::string& path) {
    tried += (tried.empty() ? "" : ", ") + path;
    return std::filesystem::is_regular_file(path, ignored);
  };
  for (const char* name : {"tend.yaml", "tend.yml", "tend.json", "ecosystem.config.js",
                           "ecosystem.config.cjs", "ecosystem.config.mjs", "ecosystem.config.json",
                           "ecosystem.config.yaml", "ecosystem.config.yml"}) {
    std::string path = cwd + '/' + name;
    if (is_file(path)) return path;
  }
  std::string path = "/etc/tend/tend.yaml";
  if (is_file(path)) return path;
  return Error(Errc::kNotFound, "no configuration found; tried " + tried);
}

}  // namespace tend::config
