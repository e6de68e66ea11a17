#pragma once

#include <string>
#include <string_view>

namespace tend::exporter {

// Appends `text` as a JSON string, quotes included; what is no UTF-8 becomes U+FFFD. Linear, for
// whole batches of lines.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace tend::exporter
