// Sends lines of stdin to a receiver, so that tests can try a sink on a real one:
//   send_lines type=syslog url=tcp://127.0.0.1:514 [ca_file=…] [batch=1000]
// Each line is "out 0 text" or "err 1 text". Says of each batch what became of it, and ends with 0
// if all were done.
#include <charconv>
#include <csignal>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "exporter/ship/make_sink.h"

namespace tend::exporter {
namespace {

using Arguments = std::map<std::string, std::string>;

int Number(const Arguments& arguments, const std::string& name, int otherwise) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? otherwise : std::stoi(found->second);
}

config::ExporterConfig ConfigOf(const Arguments& arguments) {
  using config::ExporterType;
  const std::map<std::string, ExporterType> types{{"loki", ExporterType::kLoki},
                                                  {"otlp", ExporterType::kOtlp},
                                                  {"syslog", ExporterType::kSyslog},
                                                  {"journald", ExporterType::kJournald}};
  config::ExporterConfig config;
  config::PeerConfig& peer = config.peer;
  const std::map<std::string, std::string*> texts{{"url", &peer.url},
                                                  {"username", &peer.username},
                                                  {"password_file", &peer.password_file},
                                                  {"token_file", &peer.token_file},
                                                  {"ca_file", &peer.tls.ca_file},
                                                  {"cert_file", &peer.tls.cert_file},
                                                  {"key_file", &peer.tls.key_file}};
  config.type = types.at(arguments.at("type"));
  for (const auto& [name, text] : texts)
    if (const auto found = arguments.find(name); found != arguments.end()) *text = found->second;
  config.peer.timeout = std::chrono::milliseconds(Number(arguments, "timeout_ms", 10'000));
  config.facility = Number(arguments, "facility", 16);
  return config;
}

bool ReadBatch(std::vector<ShipEntry>& entries, std::size_t size) {
  entries.clear();
  std::string line;
  while (entries.size() < size && std::getline(std::cin, line)) {
    const std::size_t text = line.find(' ', 4);
    ShipEntry entry;
    entry.time = NowWall();
    entry.stream = line.starts_with("err") ? Stream::kStderr : Stream::kStdout;
    std::from_chars(line.data() + 4, line.data() + text, entry.slot);
    entry.text = line.substr(text + 1);
    entries.push_back(std::move(entry));
  }
  return !entries.empty();
}

int Run(const Arguments& arguments) {
  const auto sink = MakeSink(ConfigOf(arguments), "test-host");
  const auto size = static_cast<std::size_t>(Number(arguments, "batch", 1000));
  bool all_done = true;
  std::vector<ShipEntry> entries;
  while (ReadBatch(entries, size)) {
    const ShipBatch batch{"api", entries};
    const SendOutcome outcome = sink->Send({&batch, 1});
    const bool is_done = outcome.then == SendOutcome::Then::kDone;
    all_done = all_done && is_done && outcome.rejected == 0;
    std::cout << (is_done ? "done " : "not done ") << outcome.rejected
              << (outcome.needs_help ? " help " : " ") << outcome.error << std::endl;
  }
  return all_done ? 0 : 1;
}

}  // namespace
}  // namespace tend::exporter

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  tend::exporter::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument(argv[i]);
    const std::size_t equals = argument.find('=');
    arguments[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  return tend::exporter::Run(arguments);
}
