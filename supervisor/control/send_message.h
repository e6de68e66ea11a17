// Sends a message; one that is too large for the protocol is left out and logged.
#pragma once

#include <string>

#include "base/link.h"

namespace tend::supervisor {

void SendMessage(PacketChannel& channel, std::string message);

}  // namespace tend::supervisor
