#pragma once

#include <string>
#include <string_view>

namespace tend::exporter {

// `text` as a gzip member (RFC 1952), level 1; "" if zlib has no memory for it.
std::string Gzip(std::string_view text);

}  // namespace tend::exporter
