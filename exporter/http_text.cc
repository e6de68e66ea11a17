#include "exporter/http_text.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/number.h"

namespace tend::exporter {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Without the port: "[::1]:80" → "[::1]", "host:80" → "host".
std::string_view WithoutPort(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool LooksLikeIpv4(std::string_view host) {
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::string PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string HttpRequest::Query(const std::string& name) const {
  const auto it = query.find(name);
  return it == query.end() ? std::string() : it->second;
}

HttpResponse ErrorResponse(unsigned status, const std::string& message) {
  HttpResponse response;
  response.status = status;
  // One line, whatever is in it.
  std::string line = message;
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
  response.body = "{\"error\":" + Quoted(line) + "}\n";
  return response;
}

bool SplitAddress(std::string_view address, std::string& host, std::string& port) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  host = address.substr(0, colon);
  port = address.substr(colon + 1);
  if (!ParseNumber<std::uint16_t>(port)) return false;
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return false;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return false;
  }
  return !host.empty();
}

bool ParseTarget(std::string_view target, HttpRequest& request) {
  if (!target.starts_with('/')) return false;
  const auto question = target.find('?');
  request.path = PercentDecode(target.substr(0, question));
  if (question == std::string_view::npos) return true;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto ampersand = rest.find('&');
    const std::string_view pair = rest.substr(0, ampersand);
    rest = ampersand == std::string_view::npos ? std::string_view() : rest.substr(ampersand + 1);
    const auto equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (!pair.empty()) {
      request.query.emplace(PercentDecode(pair.substr(0, equals)), PercentDecode(value));
    }
  }
  return true;
}

bool IsLocalHost(std::string_view host_header) {
  std::string host(WithoutPort(host_header));
  std::transform(host.begin(), host.end(), host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return host.empty() || host == "localhost" || host.ends_with(".localhost") ||
         host.starts_with('[') || LooksLikeIpv4(host);
}

}  // namespace tend::exporter
