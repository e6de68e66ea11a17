// One message of a Node channel: what of it concerns us, and what we say.
//
// Pure. A message that is not understood is kOther: Node has more of them than we need, and a
// program may send what it likes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "supervisor/ports/listeners.h"

namespace tend::supervisor {

inline constexpr std::size_t kListenDataMax = 4u << 10;  // bytes of ListenQuery::data
inline constexpr std::size_t kTypeMax = 128;             // bytes of NodeMessage::type

struct NodeMessage {
  enum class Kind : std::uint8_t {
    kOther,
    kReady,       // process.send('ready')
    kHandle,      // comes with a descriptor and waits for our word that it did
    kHandleAck,   // a descriptor of ours arrived
    kHandleNack,  // one did not: the worker can open no more
    kAnswer,      // to our message number `ack`: `accepted` or not
    kQuery,       // a worker wants to listen
    kListening,   // and does
    kClose,       // not on `key` any more
    kLeaving,     // its program disconnects by itself, when we have heard of it
    kTyped,       // {type, data} for whoever knows the type
  };
  Kind kind = Kind::kOther;
  std::int64_t seq = 0;  // to be named in the answer
  std::int64_t ack = 0;
  bool accepted = false;
  std::string key;
  ListenQuery query;
  std::string type, data;  // `data` is JSON
};
NodeMessage ParseNodeMessage(std::string_view text);

// What we say, each with its newline. A handle's message needs its descriptor at its first byte.
inline constexpr std::string_view kHandleAck = "{\"cmd\":\"NODE_HANDLE_ACK\"}\n";
inline constexpr std::string_view kHandleNack = "{\"cmd\":\"NODE_HANDLE_NACK\"}\n";
// To the preload, which the program does not see.
inline constexpr std::string_view kDrainMessage = "{\"cmd\":\"NODE_TEND_DRAIN\"}\n";
inline constexpr std::string_view kReleaseMessage = "{\"cmd\":\"NODE_TEND_RELEASE\"}\n";

struct QueryReply {
  std::int64_t seq = 0, ack = 0;
  std::string_view key;
  std::string_view data = "null";  // JSON
};
std::string SharedReply(const QueryReply& reply, bool datagram);  // with the socket
std::string RoundRobinReply(const QueryReply& reply, const SocketAddress& bound);
std::string ErrorReply(const QueryReply& reply, int number);
// With a connection. `quoted_key` is JSON.
std::string NewConnection(std::int64_t seq, std::string_view quoted_key);
std::string AckMessage(std::int64_t seq, std::int64_t ack);
std::string DisconnectMessage(std::int64_t seq);

}  // namespace tend::supervisor
