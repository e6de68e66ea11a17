// Text as a string of JSON (RFC 8259), for whole batches of lines. What is not UTF-8 becomes
// U+FFFD, each byte of it; what stands for itself is copied in one piece. Pure, and linear.
#pragma once

#include <string>
#include <string_view>

namespace tend {

// Appends `text` as the inside of a string.
void AppendJsonEscaped(std::string_view text, std::string& out);
// Appends `text` as a string, quotes included.
void AppendJsonString(std::string_view text, std::string& out);
// `text` as a string, quotes included.
std::string Quoted(std::string_view text);

}  // namespace tend
