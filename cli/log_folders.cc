#include "cli/log_folders.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "base/utf8.h"
#include "cli/table.h"
#include "cli/text.h"

namespace tend::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kArchive = ".zst";
// Where the sidecar keeps the name of an app that no folder can be called.
constexpr const char* kNameFile = "/.app";
constexpr std::size_t kNameMaxBytes = 4096;

std::string FolderName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

Result<LogFolder> Measure(Files& files, const std::string& path) {
  LogFolder folder;
  const auto kept = ReadFile(files, path + kNameFile, kNameMaxBytes);
  folder.app = kept && !kept->empty() && IsUtf8(*kept) ? *kept : FolderName(path);
  folder.path = path;
  auto names = files.List(path);
  if (!names && IsNotFound(names.error())) return folder;
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    if (name.starts_with('.')) continue;
    const auto info = files.Stat(path + '/' + name);
    if (!info && IsNotFound(info.error())) continue;
    if (!info) return info.error();
    if (!info->is_regular) continue;
    ++folder.files;
    folder.bytes += info->size;
    if (!name.ends_with(kArchive)) continue;
    ++folder.archives;
    folder.archive_bytes += info->size;
  }
  return folder;
}

// Those of `apps`, or all. Says which app has none.
Result<std::vector<LogFolder>> Choose(const Context& context,
                                      const std::vector<std::string>& apps) {
  TRY(std::vector<LogFolder> all, ListLogFolders(FilesLinux(), context.paths.logs));
  if (apps.empty()) return all;
  std::vector<LogFolder> chosen;
  for (const std::string& app : apps) {
    const auto at = std::find_if(all.begin(), all.end(), [&](const LogFolder& folder) {
      return folder.app == app || FolderName(folder.path) == app;
    });
    if (at == all.end()) {
      return Error(Errc::kNotFound,
                   "no logs of \"" + Harmless(app) + "\" in " + context.paths.logs);
    }
    chosen.push_back(*at);
  }
  return chosen;
}

// {"schema":…, …,"apps":[…]} to stdout.
void Print(const Context& context, json::object root, json::array apps) {
  root["apps"] = std::move(apps);
  context.terminal.Out(json::serialize(root) + '\n');
}

ExitCode Failed(const Context& context, const Error& error) {
  context.terminal.Error(error.message());
  return IsNotFound(error) ? ExitCode::kNoSuchApp : ExitCode::kFailed;
}

}  // namespace

Result<std::vector<LogFolder>> ListLogFolders(Files& files, const std::string& logs) {
  std::vector<LogFolder> folders;
  auto names = files.List(logs);
  if (!names && IsNotFound(names.error())) return folders;
  if (!names) return std::move(names).error();
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    const std::string path = logs + '/' + name;
    const auto info = files.Stat(path);
    if (!info || !info->is_directory) continue;
    TRY(LogFolder folder, Measure(files, path));
    folders.push_back(std::move(folder));
  }
  return folders;
}

ExitCode ShowLogUse(const Context& context, const std::vector<std::string>& apps, bool as_json) {
  auto folders = Choose(context, apps);
  if (!folders) return Failed(context, folders.error());
  std::stable_sort(folders->begin(), folders->end(),
                   [](const LogFolder& a, const LogFolder& b) { return a.bytes > b.bytes; });
  if (as_json) {
    json::array list;
    for (const LogFolder& folder : *folders) {
      list.push_back({{"name", folder.app},
                      {"files", folder.files},
                      {"bytes", folder.bytes},
                      {"archives", folder.archives},
                      {"archive_bytes", folder.archive_bytes}});
    }
    Print(context, {{"schema", "tend.log_use/1"}}, std::move(list));
    return ExitCode::kOk;
  }
  Table table({{"app"}, {"size", true}, {"archives", true}, {"files", true}});
  LogFolder sum;
  sum.app = "all";
  const auto add = [&](const LogFolder& folder) {
    table.Add({{Harmless(folder.app)},
               {HumanSize(folder.bytes)},
               {HumanSize(folder.archive_bytes)},
               {std::to_string(folder.files)}});
  };
  for (const LogFolder& folder : *folders) {
    add(folder);
    sum.files += folder.files;
    sum.bytes += folder.bytes;
    sum.archive_bytes += folder.archive_bytes;
  }
  add(sum);
  context.terminal.Out(table.Render(context.terminal.out_style()));
  return ExitCode::kOk;
}

ExitCode ShowLogPaths(const Context& context, const std::vector<std::string>& apps, bool as_json) {
  if (apps.empty() && !as_json) {
    context.terminal.Out(context.paths.logs + '\n');
    return ExitCode::kOk;
  }
  const auto folders = Choose(context, apps);
  if (!folders) return Failed(context, folders.error());
  if (as_json) {
    json::array list;
    for (const LogFolder& folder : *folders)
      list.push_back({{"name", folder.app}, {"path", folder.path}});
    Print(context, {{"schema", "tend.log_paths/1"}, {"folder", context.paths.logs}},
          std::move(list));
    return ExitCode::kOk;
  }
  std::string text;
  for (const LogFolder& folder : *folders)
    text += folder.path + '\n';
  context.terminal.Out(text);
  return ExitCode::kOk;
}

}  // namespace tend::cli
