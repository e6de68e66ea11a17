// A line as a message of syslog. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "exporter/ship/log_source.h"
#include "exporter/ship/sockets.h"

namespace tend::exporter {

// What a receiver of lines makes of them: that of the line's level, or else 6 (info) for stdout
// and 3 (error) for stderr.
int SyslogSeverity(const ShipEntry& entry);

// RFC 5424: "<134>1 2026-11-21T10:31:07.001234Z web-1 api 0 - [tend@32473 worker="0"
// stream="stdout"] text". Host and app are made printable and cut to what the RFC allows; an app
// whose name does not survive that is there once more, as it is called: app="größe 2". The text is
// as it was written, and may be of any bytes.
class SyslogEncoder {
 public:
  SyslogEncoder(std::string_view host, int facility);
  void Append5424(std::string_view app, const ShipEntry& entry, std::string& out) const;
  // The form of /dev/log, which has local time, no host, and no more room: "<134>Nov 21 10:31:07
  // api[0]: text".
  void AppendLocal(std::string_view app, const ShipEntry& entry, std::string& out) const;

 private:
  std::string host_;
  int facility_;
};

// 32473 is the number that is reserved for examples; tend has none of its own.
inline constexpr std::string_view kSyslogElement = "tend@32473";

struct SyslogTarget {
  enum class Transport : std::uint8_t { kTcp, kTls, kUdp, kUnix };
  Transport transport = Transport::kTcp;
  Endpoint endpoint;
  std::string path;  // kUnix
  std::string Name() const;
};
// "tcp://host[:514]", "tls://host[:6514]", "udp://host[:514]", "unix:/dev/log".
Result<SyslogTarget> ParseSyslogUrl(std::string_view url);

// The longest beginning of at most `size_max` bytes that does not cut a character of UTF-8.
std::string_view CutUtf8(std::string_view text, std::size_t size_max);

}  // namespace tend::exporter
