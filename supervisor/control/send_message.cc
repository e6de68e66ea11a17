#include "supervisor/control/send_message.h"

#include <utility>

#include "base/log.h"

namespace tend::supervisor {

void SendMessage(PacketChannel& channel, std::string message) {
  if (message.size() > kLinkPacketMax) {
    LogError("a message of " + std::to_string(message.size()) +
             " bytes is too large to be sent: " + message.substr(0, 80));
    return;
  }
  channel.Send(std::move(message));
}

}  // namespace tend::supervisor
