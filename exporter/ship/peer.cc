#include "exporter/ship/peer.h"

#include <algorithm>

#include "base/files.h"
#include "base/utf8.h"

namespace tend::exporter {
namespace {

constexpr std::size_t kSecretMaxBytes = 64 * 1024;
constexpr std::size_t kFirstLineMaxBytes = 200;
constexpr std::string_view kSpace = " \t\r\n";

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

Result<std::string> ReadSecret(const std::string& path) {
  TRY(const std::string content, ReadFile(FilesLinux(), path, kSecretMaxBytes));
  const std::string_view secret = Trim(content);
  if (secret.empty()) return Error(Errc::kInvalid, path + ": is empty");
  // It goes into headers and URLs: a line break in it would end them.
  if (std::any_of(secret.begin(), secret.end(), [](char c) { return c >= 0 && c < ' '; }))
    return Error(Errc::kInvalid, path + ": holds more than one line");
  return std::string(secret);
}

Result<std::string> PeerUrl(const config::PeerConfig& peer) {
  if (peer.url_file.empty()) return peer.url;
  return ReadSecret(peer.url_file);
}

std::string DisplayUrl(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t begin = scheme + 3;
  url = url.substr(0, url.find_first_of("?#", begin));
  const std::size_t slash = std::min(url.find('/', begin), url.size());
  const std::size_t at = url.substr(begin, slash - begin).rfind('@');
  const std::size_t host = at == std::string_view::npos ? begin : begin + at + 1;
  return std::string(url.substr(0, begin)).append(url.substr(host));
}

std::string DisplayOrigin(std::string_view url) {
  std::string origin = DisplayUrl(url);
  const std::size_t scheme = origin.find("://");
  const std::size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  origin.resize(std::min(origin.size(), origin.find('/', host)));
  return origin;
}

std::string DisplayTarget(const config::PeerConfig& peer) {
  return peer.url_file.empty() ? DisplayUrl(peer.url) : "URL in " + peer.url_file;
}

std::string FirstLine(std::string_view text) {
  text = Trim(text);
  text = Trim(text.substr(0, text.find_first_of("\r\n")));
  std::string line;
  while (!text.empty() && line.size() < kFirstLineMaxBytes) {
    const std::size_t length = Utf8Length(text);
    if (length == 0) {
      line.append(kReplacementCharacter);
    } else if (length > 1 || (text[0] >= ' ' && text[0] != '\x7f')) {
      line.append(text.substr(0, length));
    } else {
      line += ' ';
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  if (!text.empty()) line += "…";
  return line;
}

}  // namespace tend::exporter
