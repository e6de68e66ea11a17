#include "supervisor/control/json_text.h"

#include <utility>

#include <boost/json.hpp>

#include "base/log.h"

namespace tend::supervisor {

std::string Quoted(std::string_view text) {
  return boost::json::serialize(boost::json::string_view(text.data(), text.size()));
}

void SendMessage(PacketChannel& channel, std::string message) {
  if (message.size() > kLinkPacketMax) {
    LogError("a message of " + std::to_string(message.size()) +
             " bytes is too large to be sent: " + message.substr(0, 80));
    return;
  }
  channel.Send(std::move(message));
}

}  // namespace tend::supervisor
