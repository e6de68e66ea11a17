#include "base/files.h"
#include "cli/commands.h"
#include "cli/text.h"
#include "config/scrape_targets.h"

namespace tend::cli {
namespace {

constexpr std::size_t kListenMaxBytes = 512;
constexpr unsigned kReadableByAll = 0644;  // Prometheus is another user

// The tend of this TEND_HOME, at the address that it has bound.
Result<std::vector<config::ScrapeTarget>> ThisOne(const Context& context) {
  auto address = ReadFile(FilesLinux(), context.paths.listen_file, kListenMaxBytes);
  if (!address && address.error().code() != Errc::kNotFound) return address.error();
  const std::string line = address ? address->substr(0, address->find('\n')) : "";
  if (line.empty()) return Error(Errc::kUnreachable, "tend listens on no address here");
  return std::vector<config::ScrapeTarget>{{line, {}}};
}

Result<std::vector<config::ScrapeTarget>> FromList(const std::string& path) {
  auto text = ReadFile(FilesLinux(), path, config::kHostListMaxBytes);
  if (!text) return text.error();
  auto targets = config::ReadHostList(*text);
  if (!targets) return std::move(targets).error().With(path);
  return targets;
}

}  // namespace

ExitCode DoSd(const Context& context, const Arguments& arguments) {
  const auto hosts = arguments.Get("hosts");
  const auto targets = hosts ? FromList(*hosts) : ThisOne(context);
  if (!targets) return Complain(context, targets.error());
  const std::string json = config::ScrapeTargetsJson(*targets);
  const auto output = arguments.Get("output");
  if (!output) {
    context.terminal.Out(json);
    return ExitCode::kOk;
  }
  const auto written = WriteFileAtomically(FilesLinux(), *output, json, kReadableByAll);
  if (!written) return Complain(context, written.error());
  context.terminal.Note(*output + ": " + Count(targets->size(), "target"));
  return ExitCode::kOk;
}

}  // namespace tend::cli
