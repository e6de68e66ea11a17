// Bytes in JSON, which has only text: RFC 4648, with padding. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tend {

std::string EncodeBase64(std::string_view bytes);
// Nothing if it is not what EncodeBase64() makes.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace tend
