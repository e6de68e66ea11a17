#include "config/observe_checks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>

#include <fmt/format.h>

#include "config/keys.h"
#include "config/problem.h"

namespace tend::config {
namespace {

constexpr std::size_t kNameMax = 64;

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool Has(const std::vector<std::string_view>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

class Checker {
 public:
  Checker(Scope scope, std::string_view type, const IsGiven& given)
      : scope_(scope), type_(type), given_(given) {}

  // Keys that mean nothing to this type.
  void Applies() {
    for (const Key& key : Keys()) {
      if (key.scope != scope_ || key.types.empty() || !given_(key.path)) continue;
      if (Has(Words(key.types), type_)) continue;
      Add(key.path, fmt::format("\"{}\" means nothing to {}", key.path, type_),
          fmt::format("it is for {}", key.types));
    }
  }

  // One of `schemes`, a host or a path behind it, and no secret in it.
  void Url(const std::string& url, std::initializer_list<std::string_view> schemes) {
    std::string all;
    for (const std::string_view scheme : schemes) {
      all += (all.empty() ? "" : ", ") + std::string(scheme);
      if (!url.starts_with(scheme)) continue;
      const std::string_view rest = std::string_view(url).substr(scheme.size());
      const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
      if (host.find('@') != std::string_view::npos) {
        return Add("url", "\"url\" has a user or a password in it",
                   "say `username` and `password_file`, or `url_file`");
      }
      if (rest.find('?') != std::string_view::npos) {
        return Add("url", "\"url\" has a query, which may be a secret",
                   "put the whole address into a file and say `url_file`");
      }
      const bool is_path = scheme == "unix:";
      if (is_path ? !rest.starts_with('/') : host.empty() || host.starts_with(':')) break;
      if (url.find_first_of(" \t\r\n") != std::string::npos) break;
      return;
    }
    Add("url", fmt::format("\"url\" must be an address that begins with {}", all), "");
  }

  void Peer(const PeerConfig& peer, bool needs_url) {
    if (given_("url") && given_("url_file")) {
      Add("url_file", "\"url\" and \"url_file\" cannot both be given", "");
    }
    if (needs_url && peer.url.empty() && peer.url_file.empty()) {
      Add("", fmt::format("\"url\" is missing"), "say where to: `url: http://…`");
    }
    if (given_("username") != given_("password_file")) {
      const bool has_name = given_("username");
      Add(has_name ? "username" : "password_file",
          has_name ? "\"password_file\" is missing" : "\"username\" is missing",
          "basic authentication takes both");
    }
    if (given_("token_file") && given_("username")) {
      Add("token_file", "\"token_file\" and \"username\" cannot both be given", "");
    }
    if (given_("tls.cert_file") != given_("tls.key_file")) {
      Add(given_("tls.cert_file") ? "tls.cert_file" : "tls.key_file",
          "\"tls.cert_file\" and \"tls.key_file\" are given together or not at all", "");
    }
    for (const auto& [name, value] : peer.headers) {
      const std::string lower = Lower(name);
      if (lower == "authorization" || lower == "proxy-authorization" || lower == "cookie") {
        Add("headers", fmt::format("\"headers\" has {}, which is a secret", name),
            "say `token_file`, or `username` and `password_file`");
      } else if (!std::all_of(name.begin(), name.end(),
                              [](char c) { return IsWord(c) || c == '-'; })) {
        Add("headers", fmt::format("\"{}\" is no name of a header", name), "");
      }
    }
  }

  void Labels(const std::map<std::string, std::string>& labels) {
    // Loki takes 15, four of which are ours.
    constexpr std::size_t kLabelsMax = 11;
    if (type_ == "loki" && labels.size() > kLabelsMax) {
      Add("labels", fmt::format("Loki takes at most {} labels besides tend's own", kLabelsMax), "");
    }
    for (const auto& entry : labels) {
      const std::string& name = entry.first;
      const bool is_name = std::all_of(name.begin(), name.end(), IsWord) &&
                           std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
                           !name.starts_with("__");
      if (type_ != "otlp" && !is_name) {
        Add("labels", fmt::format("\"{}\" is no name of a label", name),
            "one is made of letters, digits and _, and does not begin with __ or a digit");
      }
    }
  }

  void Add(std::string_view key, std::string message, std::string help) {
    const bool is_missing = key.empty();
    findings_.push_back({true, is_missing ? code::kMissingKey : code::kBadValue, key,
                         std::move(message), std::move(help)});
  }
  std::vector<Finding> Take() { return std::move(findings_); }

 private:
  const Scope scope_;
  const std::string_view type_;
  const IsGiven& given_;
  std::vector<Finding> findings_;
};

// Sets the type that has the entry's name; false if there is none.
template <typename Type>
bool TypeByName(Scope scope, std::string_view name, Type& type) {
  const Key& key = *FindKey(scope, "type").key;
  const auto choices = Words(key.choices);
  const auto found = std::find(choices.begin(), choices.end(), name);
  if (found == choices.end()) return false;
  type = static_cast<Type>(found - choices.begin());
  return true;
}

Finding TypeIsMissing(Scope scope) {
  return {true, code::kMissingKey, "", "\"type\" is missing",
          fmt::format("it is {}", Expectation(*FindKey(scope, "type").key))};
}

void MakeAbsolute(std::string& path, const std::string& folder) {
  if (!path.empty() && path.front() != '/') path.insert(0, folder + '/');
}

void ResolvePaths(PeerConfig& peer, const std::string& folder) {
  for (std::string* path : {&peer.url_file, &peer.password_file, &peer.token_file,
                            &peer.tls.ca_file, &peer.tls.cert_file, &peer.tls.key_file}) {
    MakeAbsolute(*path, folder);
  }
}

}  // namespace

bool IsEntryName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsWord(c) || c == '-'; });
}

std::vector<Finding> CheckExporter(ExporterConfig& exporter, const IsGiven& given) {
  if (!given("type") && !TypeByName(Scope::kExporter, exporter.name, exporter.type)) {
    return {TypeIsMissing(Scope::kExporter)};
  }
  Checker checker(Scope::kExporter, Name(exporter.type), given);
  checker.Applies();
  const bool is_journald = exporter.type == ExporterType::kJournald;
  checker.Peer(exporter.peer, !is_journald);
  const std::string& url = exporter.peer.url;
  if (url.empty()) {
    // Said already, or not needed.
  } else if (exporter.type == ExporterType::kSyslog) {
    checker.Url(url, {"tcp://", "tls://", "udp://", "unix:"});
  } else if (is_journald) {
    checker.Url(url, {"unix:"});
  } else {
    checker.Url(url, {"http://", "https://"});
  }
  checker.Labels(exporter.labels);
  return checker.Take();
}

std::vector<Finding> CheckReceiver(ReceiverConfig& receiver, const IsGiven& given) {
  if (!given("type") && !TypeByName(Scope::kReceiver, receiver.name, receiver.type)) {
    return {TypeIsMissing(Scope::kReceiver)};
  }
  Checker checker(Scope::kReceiver, Name(receiver.type), given);
  checker.Applies();
  const bool is_exec = receiver.type == ReceiverType::kExec;
  const bool is_pager = receiver.type == ReceiverType::kPagerDuty;
  checker.Peer(receiver.peer, !is_exec && !is_pager);
  if (!receiver.peer.url.empty()) checker.Url(receiver.peer.url, {"http://", "https://"});
  if (is_exec && receiver.exec.empty()) {
    checker.Add("", "\"exec\" is missing", "say what to run: `exec: ./page.sh`");
  }
  if (is_pager && receiver.secret_file.empty()) {
    checker.Add("", "\"secret_file\" is missing",
                "name the file that holds the routing key of the service");
  }
  return checker.Take();
}

void ResolvePaths(ObserveConfig& observe, const std::string& folder) {
  for (ExporterConfig& exporter : observe.exporters)
    ResolvePaths(exporter.peer, folder);
  for (ReceiverConfig& receiver : observe.receivers) {
    ResolvePaths(receiver.peer, folder);
    MakeAbsolute(receiver.secret_file, folder);
  }
}

}  // namespace tend::config
