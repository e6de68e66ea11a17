#include "exporter/ship/syslog_message.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/number.h"
#include "base/utf8.h"

namespace tend::exporter {
namespace {

constexpr std::size_t kHostMaxBytes = 255;
constexpr std::size_t kAppMaxBytes = 48;
constexpr std::size_t kMicrosecondsSize = 26;  // of "2026-11-21T10:31:07.001234567Z"

// Fields of the header: printable ASCII without spaces, "-" if there is nothing.
std::string Field(std::string_view text, std::size_t size_max) {
  std::string field(text.substr(0, size_max));
  for (char& c : field)
    if (c <= ' ' || c >= '\x7f') c = '_';
  return field.empty() ? "-" : field;
}

// A value of structured data: UTF-8, in which three characters are escaped.
void AppendValue(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    if (text.front() == '"' || text.front() == '\\' || text.front() == ']') out += '\\';
    out.append(length == 0 ? kReplacementCharacter : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void AppendPriority(int facility, const ShipEntry& entry, std::string& out) {
  out += '<';
  out += std::to_string(facility * 8 + SyslogSeverity(entry));
  out += '>';
}

}  // namespace

int SyslogSeverity(const ShipEntry& entry) {
  constexpr auto kLevels = std::to_array<std::pair<std::string_view, int>>(
      {{"trace", 7}, {"debug", 7}, {"info", 6}, {"warn", 4}, {"error", 3}, {"fatal", 2}});
  for (const auto& [level, severity] : kLevels)
    if (entry.level == level) return severity;
  return entry.stream == Stream::kStdout ? 6 : 3;
}

SyslogEncoder::SyslogEncoder(std::string_view host, int facility)
    : host_(Field(host, kHostMaxBytes)), facility_(facility) {}

void SyslogEncoder::Append5424(std::string_view app,
                               const ShipEntry& entry,
                               std::string& out) const {
  std::array<char, kRfc3339Size> time{};
  WriteRfc3339(entry.time, time.data());
  const std::string worker = entry.slot < 0 ? "-" : std::to_string(entry.slot);
  AppendPriority(facility_, entry, out);
  out.append("1 ").append(time.data(), kMicrosecondsSize).append("Z ").append(host_);
  const std::string field = Field(app, kAppMaxBytes);
  out.append(1, ' ').append(field);
  out.append(1, ' ').append(worker).append(" - [").append(kSyslogElement);
  if (field != app) {
    out += " app=\"";
    AppendValue(app, out);
    out += '"';
  }
  if (entry.slot >= 0) out.append(" worker=\"").append(worker).append("\"");
  out.append(" stream=\"").append(StreamName(entry.stream)).append("\"");
  if (!entry.level.empty()) out.append(" level=\"").append(entry.level).append("\"");
  if ((entry.flags & kLinePartial) != 0) out.append(" partial=\"true\"");
  out.append("] ").append(entry.text);
}

void SyslogEncoder::AppendLocal(std::string_view app,
                                const ShipEntry& entry,
                                std::string& out) const {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(
      std::chrono::floor<std::chrono::system_clock::duration>(entry.time));
  std::tm local{};
  ::localtime_r(&seconds, &local);
  // Not strftime: its names of months follow the locale.
  constexpr auto kMonths = std::to_array<std::string_view>(
      {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});
  std::array<char, 16> clock{};
  const std::size_t size = std::strftime(clock.data(), clock.size(), " %e %H:%M:%S ", &local);
  AppendPriority(facility_, entry, out);
  out.append(kMonths[static_cast<std::size_t>(local.tm_mon)]).append(clock.data(), size);
  out.append(Field(app, kAppMaxBytes));
  if (entry.slot >= 0) out.append(1, '[').append(std::to_string(entry.slot)).append(1, ']');
  out.append(": ").append(entry.text);
}

std::string SyslogTarget::Name() const {
  return transport == Transport::kUnix ? path : endpoint.Name();
}

Result<SyslogTarget> ParseSyslogUrl(std::string_view url) {
  using Transport = SyslogTarget::Transport;
  struct Scheme {
    std::string_view prefix;
    Transport transport;
    int port;
  };
  constexpr auto kSchemes = std::to_array<Scheme>({{"tcp://", Transport::kTcp, 514},
                                                   {"tls://", Transport::kTls, 6514},
                                                   {"udp://", Transport::kUdp, 514}});
  const Error wrong(
      Errc::kInvalid,
      "wrong URL: expected tcp://host:port, tls://host:port, udp://host:port or unix:/path");
  SyslogTarget target;
  if (url.starts_with("unix:")) {
    url.remove_prefix(5);
    if (url.starts_with("///")) url.remove_prefix(2);
    if (!url.starts_with('/')) return wrong;
    target.transport = Transport::kUnix;
    target.path = std::string(url);
    return target;
  }
  const auto* scheme = std::find_if(kSchemes.begin(), kSchemes.end(),
                                    [url](const Scheme& s) { return url.starts_with(s.prefix); });
  if (scheme == kSchemes.end()) return wrong;
  url.remove_prefix(scheme->prefix.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  target.transport = scheme->transport;
  target.endpoint.port = scheme->port;
  std::string_view port;
  if (const std::size_t end = url.find(']');
      url.starts_with('[') && end != std::string_view::npos) {
    port = url.substr(end + 1);
    url = url.substr(1, end - 1);
  } else if (const std::size_t colon = url.rfind(':'); colon != std::string_view::npos) {
    port = url.substr(colon);
    url = url.substr(0, colon);
  }
  if (!port.empty()) {
    const auto number = ParseNumber<int>(port.substr(1));
    if (port.front() != ':' || !number) return wrong;
    target.endpoint.port = *number;
  }
  if (url.empty() || url.find_first_of("/?#@ ") != std::string_view::npos ||
      target.endpoint.port < 1 || target.endpoint.port > 65535)
    return wrong;
  target.endpoint.host = std::string(url);
  return target;
}

std::string_view CutUtf8(std::string_view text, std::size_t size_max) {
  if (text.size() <= size_max) return text;
  std::size_t size = size_max;
  // At most three bytes of a character are behind its first.
  for (int i = 0; i < 3 && size > 0 && (text[size] & '\xc0') == '\x80'; ++i)
    --size;
  return text.substr(0, (text[size] & '\xc0') == '\x80' ? size_max : size);
}

}  // namespace tend::exporter
