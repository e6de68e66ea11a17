#include "supervisor/ports/node_message.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include <boost/json.hpp>

#include "base/json_text.h"
#include "base/number.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;
using Kind = NodeMessage::Kind;

constexpr std::size_t kDepthMax = 100;
constexpr std::size_t kAddressMax = 255;  // bytes
constexpr std::int64_t kBacklogMax = 65535;

std::string_view TextOf(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string().subview())
                                                : std::string_view();
}

std::optional<std::int64_t> NumberOf(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64()) return std::nullopt;
  return value->get_int64();
}

bool IsTrue(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// As JavaScript would print it in `${value}`, where it is a name or a number.
std::string KeyPart(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) return "undefined";
  if (value->is_string()) return std::string(value->get_string().subview(0, kAddressMax + 1));
  if (value->is_int64()) return std::to_string(value->get_int64());
  return "null";
}

// The address of a query whose type is known. Leaves `query.wrong` as it is if all is well.
void ReadAddress(const json::object& object, std::string_view type, ListenQuery& query) {
  using Family = SocketAddress::Family;
  SocketAddress& address = query.address;
  address.host = TextOf(object, "address");
  if (address.host.size() > kAddressMax) {
    address.host.clear();
    query.wrong = ENAMETOOLONG;
    return;
  }
  const std::int64_t port = NumberOf(object, "port").value_or(0);
  if (type == "-1" || port < 0) {
    address.family = Family::kUnix;
    const bool abstract = address.host.starts_with('\0');
    const bool has_nul = address.host.find('\0') != std::string::npos;
    if (!abstract && (!address.host.starts_with('/') || has_nul)) query.wrong = EINVAL;
    return;
  }
  if (port > UINT16_MAX) query.wrong = EINVAL;
  address.port = static_cast<std::uint16_t>(port);
  const bool v6 = type == "6" || type == "udp6";
  address.family = v6 ? Family::kIpv6 : Family::kIpv4;
  if (!address.host.empty()) return;
  if (v6) {
    address.host = "::";
  } else if (query.options.datagram) {
    address.host = "0.0.0.0";
  } else {
    address.family = Family::kAny;
  }
}

ListenQuery ReadQuery(const json::object& object) {
  constexpr std::int64_t kIpv6Only = 1, kUdpReuseAddress = 4;  // libuv's
  ListenQuery query;
  const std::string type = KeyPart(object, "addressType");
  query.key = KeyPart(object, "address") + ':' + KeyPart(object, "port") + ':' + type + ':' +
              KeyPart(object, "fd") + ':' + KeyPart(object, "index");
  query.first = NumberOf(object, "index").value_or(0) == 0;
  const std::int64_t flags = NumberOf(object, "flags").value_or(0);
  SocketOptions& options = query.options;
  options.datagram = type == "udp4" || type == "udp6";
  options.ipv6_only = (flags & kIpv6Only) != 0;
  options.reuse_address = options.datagram && (flags & kUdpReuseAddress) != 0;
  const std::int64_t backlog = NumberOf(object, "backlog").value_or(0);
  options.backlog = backlog > 0 ? static_cast<int>(std::min(backlog, kBacklogMax)) : kBacklog;
  options.readable_all = IsTrue(object, "readableAll");
  options.writable_all = IsTrue(object, "writableAll");
  const std::int64_t fd = NumberOf(object, "fd").value_or(-1);
  const bool has_address = type == "4" || type == "6" || type == "-1" || options.datagram;
  if (fd >= 0 && (!has_address || options.datagram)) {
    query.fd = static_cast<int>(std::min<std::int64_t>(fd, INT32_MAX));
  } else if (has_address) {
    ReadAddress(object, type, query);
  } else {
    query.wrong = EINVAL;
  }
  if (const json::value* data = object.if_contains("data")) {
    std::string text = json::serialize(*data);
    if (text.size() <= kListenDataMax) query.data = std::move(text);
  }
  return query;
}

NodeMessage ReadCluster(const json::object& object) {
  NodeMessage message;
  const auto seq = NumberOf(object, "seq");
  message.seq = seq.value_or(0);
  if (const auto ack = NumberOf(object, "ack")) {
    message.kind = Kind::kAnswer;
    message.ack = *ack;
    message.accepted = IsTrue(object, "accepted");
    return message;
  }
  const std::string_view act = TextOf(object, "act");
  if (act == "queryServer" && seq) {
    message.kind = Kind::kQuery;
    message.query = ReadQuery(object);
  } else if (act == "listening") {
    message.kind = Kind::kListening;
  } else if (act == "close") {
    message.kind = Kind::kClose;
    message.key = TextOf(object, "key");
  } else if (act == "exitedAfterDisconnect" && seq) {
    message.kind = Kind::kLeaving;
  }
  return message;
}

bool IsTruthy(const json::value* value) {
  if (value == nullptr || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  if (value->is_string()) return !value->get_string().empty();
  if (value->is_number()) return value->to_number<double>() != 0;
  return true;
}

NodeMessage ReadObject(const json::object& object) {
  NodeMessage message;
  const std::string_view command = TextOf(object, "cmd");
  if (command.starts_with("NODE_")) {
    if (command == "NODE_CLUSTER") return ReadCluster(object);
    if (command == "NODE_HANDLE") message.kind = Kind::kHandle;
    if (command == "NODE_HANDLE_ACK") message.kind = Kind::kHandleAck;
    if (command == "NODE_HANDLE_NACK") message.kind = Kind::kHandleNack;
    return message;
  }
  const std::string_view type = TextOf(object, "type");
  const json::value* data = object.if_contains("data");
  if (type.empty() || type.size() > kTypeMax || !IsTruthy(data)) return message;
  message.kind = Kind::kTyped;
  message.type = type;
  message.data = json::serialize(*data);
  return message;
}

bool Eat(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool Eat(std::string_view& text, std::int64_t& number) {
  const auto read = TakeNumber<std::int64_t>(text);
  number = read.value_or(number);
  return read.has_value();
}

// What is said once a connection, in the words that Node has for it.
std::optional<NodeMessage> ReadFrequent(std::string_view text) {
  NodeMessage message;
  if (text == R"({"cmd":"NODE_HANDLE_ACK"})") {
    message.kind = Kind::kHandleAck;
    return message;
  }
  message.kind = Kind::kAnswer;
  if (!Eat(text, R"({"cmd":"NODE_CLUSTER","ack":)") || !Eat(text, message.ack)) return std::nullopt;
  if (!Eat(text, R"(,"accepted":)")) return std::nullopt;
  message.accepted = Eat(text, "true");
  if (!message.accepted && !Eat(text, "false")) return std::nullopt;
  if (!Eat(text, R"(,"seq":)") || !Eat(text, message.seq) || text != "}") return std::nullopt;
  return message;
}

std::string Head(const QueryReply& reply) {
  std::string text = R"({"cmd":"NODE_CLUSTER","key":)" + Quoted(reply.key);
  text += R"(,"ack":)" + std::to_string(reply.ack) + R"(,"seq":)" + std::to_string(reply.seq);
  text += R"(,"data":)";
  return text += reply.data;
}

}  // namespace

NodeMessage ParseNodeMessage(std::string_view text) {
  if (text == "\"ready\"") {
    NodeMessage message;
    message.kind = Kind::kReady;
    return message;
  }
  if (!text.starts_with('{')) return {};
  if (auto frequent = ReadFrequent(text)) return *std::move(frequent);
  json::error_code ec;
  unsigned char memory[4096];
  json::monotonic_resource resource(memory, sizeof memory);
  json::parse_options options;
  options.max_depth = kDepthMax;
  const json::value value = json::parse({text.data(), text.size()}, ec, &resource, options);
  if (ec || !value.is_object()) return {};
  return ReadObject(value.get_object());
}

std::string SharedReply(const QueryReply& reply, bool datagram) {
  return R"({"cmd":"NODE_HANDLE","type":")" + std::string(datagram ? "dgram" : "net") +
         R"(.Native","msg":)" + Head(reply) + R"(,"errno":0}})" + '\n';
}

std::string RoundRobinReply(const QueryReply& reply, const SocketAddress& bound) {
  using Family = SocketAddress::Family;
  std::string text = Head(reply) + R"(,"errno":null)";
  if (bound.family != Family::kUnix) {
    text += R"(,"sockname":{"address":)" + Quoted(bound.host) + R"(,"family":")";
    text += bound.family == Family::kIpv4 ? "IPv4" : "IPv6";
    text += R"(","port":)" + std::to_string(bound.port) + '}';
  }
  return text += "}\n";
}

std::string ErrorReply(const QueryReply& reply, int number) {
  return Head(reply) + R"(,"errno":)" + std::to_string(-number) + "}\n";
}

std::string NewConnection(std::int64_t seq, std::string_view quoted_key) {
  std::string text =
      R"({"cmd":"NODE_HANDLE","type":"net.Native","msg":{"cmd":"NODE_CLUSTER","act":"newconn","key":)";
  text += quoted_key;
  return text += R"(,"seq":)" + std::to_string(seq) + "}}\n";
}

std::string AckMessage(std::int64_t seq, std::int64_t ack) {
  return R"({"cmd":"NODE_CLUSTER","ack":)" + std::to_string(ack) + R"(,"seq":)" +
         std::to_string(seq) + "}\n";
}

std::string DisconnectMessage(std::int64_t seq) {
  return R"({"cmd":"NODE_CLUSTER","act":"disconnect","seq":)" + std::to_string(seq) + "}\n";
}

}  // namespace tend::supervisor
