// Where the tends of a fleet are, as Prometheus' service discovery (file_sd, http_sd) takes it.
// Pure.
//
// A list of hosts is text, one tend a line: an address, and labels behind it; '#' begins a comment.
//   web1                          # port 9616
//   web2:9700 env=staging rack=b
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tend::config {

inline constexpr std::size_t kHostListMaxBytes = 1 << 20;

struct ScrapeTarget {
  std::string address;  // "host:port"
  std::vector<std::pair<std::string, std::string>> labels;
};

// Errc::kInvalid: "line 3: …". A host may be there once.
Result<std::vector<ScrapeTarget>> ReadHostList(std::string_view text);

// [{"targets":["web1:9616"],"labels":{}},…], a line for each.
std::string ScrapeTargetsJson(const std::vector<ScrapeTarget>& targets);

}  // namespace tend::config
