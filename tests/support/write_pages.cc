// Sends a page of metrics by remote write every interval, as long as stdin is open, so that tests
// can try it on real receivers:
//   write_pages url=http://127.0.0.1:9090 page=FILE interval_ms=200 [token_file=…]
// At the end says how many samples were sent, dropped, and what went wrong last.
#include <chrono>
#include <csignal>
#include <iostream>
#include <map>
#include <numeric>
#include <string>

#include "base/files.h"
#include "exporter/ship/remote_write.h"

int main(int argc, char** argv) {
  using namespace tend;
  std::signal(SIGPIPE, SIG_IGN);
  std::map<std::string, std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument(argv[i]);
    const std::size_t equals = argument.find('=');
    arguments[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  config::ExporterConfig config;
  config.name = "test";
  config.type = config::ExporterType::kRemoteWrite;
  config.peer.url = arguments["url"];
  config.peer.token_file = arguments["token_file"];
  config.peer.timeout = std::chrono::seconds(5);
  config.interval = std::chrono::milliseconds(std::stoi(arguments["interval_ms"]));
  exporter::RemoteWriter writer(config, "test-host", [path = arguments["page"]] {
    return ReadFile(FilesLinux(), path, 1 << 26);
  });
  writer.Start();
  for (std::string line; std::getline(std::cin, line);) {
  }
  writer.Stop(std::chrono::seconds(5));
  const exporter::ExportStats stats = writer.Stats();
  std::cout << stats.sent_entries << ' '
            << std::accumulate(stats.dropped.begin(), stats.dropped.end(), std::uint64_t{0}) << ' '
            << stats.state << ' ' << stats.last_error << '\n';
  return 0;
}
