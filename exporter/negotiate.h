// What a scraper may be given, from the headers it sends. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace tend::exporter {

enum class Dialect : std::uint8_t { kOpenMetrics, kClassic };
std::string_view ContentType(Dialect dialect);

// The dialect with the highest q; of equals, OpenMetrics, but only if it was named: a browser's
// "*/*" gets classic, and so does a scraper that says nothing or only what we do not have. Any
// version of OpenMetrics gets 1.0.0. The q of classic is that of the most exact range for it.
Dialect ChooseDialect(std::string_view accept);

// True if Accept-Encoding takes gzip, by name or by "*".
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace tend::exporter
