#include "config/scrape_targets.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include <boost/json.hpp>

#include "base/utf8.h"
#include "config/address.h"

namespace tend::config {
namespace {

constexpr std::uint16_t kPort = 9616;

bool IsLabelName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

// "web1" → "web1:9616"; "" for what is no address of a host.
std::string WithPort(std::string_view word) {
  const bool has_port = word.find(':') != std::string_view::npos && !word.ends_with(']');
  const std::string whole =
      has_port ? std::string(word) : std::string(word) + ':' + std::to_string(kPort);
  const auto address = ParseAddress(whole);
  if (!address || address->host.empty() || address->port == 0 || word.find('/') != word.npos)
    return {};
  return whole;
}

std::vector<std::string_view> WordsOf(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(kBlanks, at)) != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

// `words` is not empty.
Result<ScrapeTarget> ReadHost(const std::vector<std::string_view>& words) {
  ScrapeTarget target{WithPort(words[0]), {}};
  if (target.address.empty())
    return Error(Errc::kInvalid, std::string(words[0]) + " is neither HOST nor HOST:PORT");
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    const std::size_t equals = word->find('=');
    const std::string_view name = word->substr(0, equals);
    if (equals == word->npos || !IsLabelName(name))
      return Error(Errc::kInvalid, std::string(*word) + " is no label: NAME=VALUE");
    target.labels.emplace_back(name, word->substr(equals + 1));
  }
  return target;
}

}  // namespace

Result<std::vector<ScrapeTarget>> ReadHostList(std::string_view text) {
  if (text.size() > kHostListMaxBytes) return Error(Errc::kLimit, "the list is longer than 1 MiB");
  if (!IsUtf8(text)) return Error(Errc::kInvalid, "the list is not UTF-8");
  std::vector<ScrapeTarget> targets;
  std::set<std::string> seen;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const auto words = WordsOf(text.substr(at, end - at));
    at = end + 1;
    ++number;
    if (words.empty()) continue;
    const std::string where = "line " + std::to_string(number);
    auto target = ReadHost(words);
    if (!target) return std::move(target).error().With(where);
    if (!seen.insert(target->address).second)
      return Error(Errc::kInvalid, where + ": " + target->address + " is there twice");
    targets.push_back(*std::move(target));
  }
  return targets;
}

std::string ScrapeTargetsJson(const std::vector<ScrapeTarget>& targets) {
  std::string out = "[";
  for (const ScrapeTarget& target : targets) {
    boost::json::object labels;
    for (const auto& [name, value] : target.labels)
      labels[name] = value;
    const boost::json::object group{{"targets", boost::json::array{target.address}},
                                    {"labels", std::move(labels)}};
    out += (out.size() > 1 ? ",\n " : "") + boost::json::serialize(group);
  }
  return out + "]\n";
}

}  // namespace tend::config
