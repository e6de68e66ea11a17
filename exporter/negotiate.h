// What a scraper may be given, from the headers it sends. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace tend::exporter {

enum class Dialect : std::uint8_t { kOpenMetrics, kClassic };
std::string_view ContentType(Dialect dialect);

// The dialect with the highest q; of equals, OpenMetrics only if it was named. Without a header, or
// with none that we can serve, classic (RFC 9110, 12.5.1; Prometheus' exposition formats).
Dialect ChooseDialect(std::string_view accept);

// True if Accept-Encoding takes gzip, by name or by "*".
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace tend::exporter
