// A shipper by itself, so that tests can try it on a folder of logs, and kill it:
//   ship_lines logs=DIR state=FILE type=loki url=http://127.0.0.1:3100 [batch_wait_ms=1000] …
// Answers each line of stdin with its numbers, and ends at the end of stdin as a sidecar would.
#include <csignal>
#include <iostream>
#include <map>
#include <string>

#include "base/log.h"
#include "exporter/ship/make_sink.h"
#include "exporter/ship/shipper.h"
#include "supervisor/sidecar/segment_source.h"

namespace tend::supervisor {
namespace {

using Arguments = std::map<std::string, std::string>;

std::int64_t Number(const Arguments& arguments, const std::string& name, std::int64_t otherwise) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? otherwise : std::stoll(found->second);
}

config::ExporterConfig ConfigOf(const Arguments& arguments) {
  config::ExporterConfig config;
  config.name = "test";
  config::PeerConfig& peer = config.peer;
  const std::map<std::string, std::string*> texts{
      {"url", &peer.url}, {"token_file", &peer.token_file}, {"tenant", &config.tenant}};
  for (const auto& [name, text] : texts)
    if (const auto found = arguments.find(name); found != arguments.end()) *text = found->second;
  peer.timeout = std::chrono::milliseconds(Number(arguments, "timeout_ms", 10'000));
  config.json = Number(arguments, "json", 0) != 0;
  config.batch_wait = std::chrono::milliseconds(Number(arguments, "batch_wait_ms", 1000));
  config.batch_bytes = static_cast<std::uint64_t>(Number(arguments, "batch_bytes", 1 << 20));
  return config;
}

void Print(const exporter::ExportStats& stats) {
  std::cout << R"({"state":")" << stats.state << R"(","sent":)" << stats.sent_entries
            << R"(,"filtered":)" << stats.filtered_entries << R"(,"queued":)" << stats.queue_entries
            << R"(,"retries":)" << stats.retries << R"(,"lag":)" << stats.lag_seconds
            << R"(,"dropped":{)";
  for (std::size_t i = 0; i < exporter::kExportDrops; ++i) {
    std::cout << (i == 0 ? "" : ",") << '"' << Name(static_cast<exporter::ExportDrop>(i))
              << "\":" << stats.dropped[i];
  }
  std::cout << "}}" << std::endl;
}

void Run(const Arguments& arguments) {
  const config::ExporterConfig config = ConfigOf(arguments);
  exporter::Shipper shipper(FilesLinux(), {.config = config, .state_file = arguments.at("state")},
                            std::make_unique<SegmentSource>(FilesLinux(), arguments.at("logs")),
                            exporter::MakeSink(config, "test-host"));
  shipper.Start();
  for (std::string line; std::getline(std::cin, line);)
    Print(shipper.Stats());
  shipper.Stop(std::chrono::seconds(5));
  Print(shipper.Stats());
}

}  // namespace
}  // namespace tend::supervisor

int main(int argc, char** argv) {
  std::map<std::string, std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    arguments[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  }
  (void)std::signal(SIGPIPE, SIG_IGN);
  tend::OpenLog("ship_lines", "", true);
  tend::supervisor::Run(arguments);
}
