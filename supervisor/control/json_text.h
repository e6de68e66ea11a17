// Small help to put the JSON texts of others together into messages.
#pragma once

#include <string>
#include <string_view>

#include "base/link.h"

namespace tend::supervisor {

// As a JSON string, with its quotes.
std::string Quoted(std::string_view text);

// Sends a message; one that is too large for the protocol is left out and logged.
void SendMessage(PacketChannel& channel, std::string message);

}  // namespace tend::supervisor
