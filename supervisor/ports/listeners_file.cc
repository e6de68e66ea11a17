#include "supervisor/ports/listeners_file.h"

#include <optional>
#include <utility>

#include <boost/json.hpp>

namespace tend::supervisor {
namespace {

namespace json = boost::json;

constexpr std::string_view kSchema = "tend.listeners/1";

json::value ValueOf(const Listener& listener) {
  json::array keys;
  for (const std::string& key : listener.keys)
    keys.emplace_back(key);
  json::array uses;
  for (const ListenerUse& use : listener.uses) {
    uses.push_back(json::object{
        {"incarnation", use.incarnation}, {"key", use.key}, {"round_robin", use.round_robin}});
  }
  return json::object{{"id", listener.id},
                      {"app", listener.app},
                      {"origin", static_cast<int>(listener.origin)},
                      {"datagram", listener.datagram},
                      {"family", static_cast<int>(listener.address.family)},
                      {"host", listener.address.host},
                      {"asked_port", listener.address.port},
                      {"port", listener.port},
                      {"file_number", listener.file_number},
                      {"inode", listener.inode},
                      {"data", listener.data},
                      {"keys", std::move(keys)},
                      {"uses", std::move(uses)}};
}

// Reads members of one object; anything that is missing or odd spoils the whole.
class Reader {
 public:
  explicit Reader(const json::value& value) : object_(value.if_object()) {}

  bool good() const { return good_; }
  void Read(std::string_view name, std::string& to) {
    const json::value* value = Find(name);
    if (value != nullptr && value->is_string()) {
      to = std::string_view(value->get_string().subview());
    } else {
      good_ = false;
    }
  }
  void Read(std::string_view name, bool& to) {
    const json::value* value = Find(name);
    if (value != nullptr && value->is_bool()) {
      to = value->get_bool();
    } else {
      good_ = false;
    }
  }
  std::uint64_t Number(std::string_view name, std::uint64_t max) {
    const json::value* value = Find(name);
    std::uint64_t number = 0;
    if (value != nullptr && value->is_int64() && value->get_int64() >= 0) {
      number = static_cast<std::uint64_t>(value->get_int64());
    } else if (value != nullptr && value->is_uint64()) {
      number = value->get_uint64();
    } else {
      good_ = false;
    }
    if (number > max) good_ = false;
    return good_ ? number : 0;
  }
  const json::array& Array(std::string_view name) {
    static const json::array kNone;
    const json::value* value = Find(name);
    if (value != nullptr && value->is_array()) return value->get_array();
    good_ = false;
    return kNone;
  }

 private:
  const json::value* Find(std::string_view name) const {
    return object_ == nullptr ? nullptr : object_->if_contains({name.data(), name.size()});
  }

  const json::object* object_;
  bool good_ = true;
};

std::optional<ListenerUse> ReadUse(const json::value& value) {
  Reader reader(value);
  ListenerUse use;
  use.incarnation = reader.Number("incarnation", UINT64_MAX);
  reader.Read("key", use.key);
  reader.Read("round_robin", use.round_robin);
  if (!reader.good()) return std::nullopt;
  return use;
}

std::optional<Listener> ReadListener(const json::value& value) {
  Reader reader(value);
  Listener listener;
  listener.id = reader.Number("id", UINT64_MAX);
  reader.Read("app", listener.app);
  listener.origin = static_cast<Listener::Origin>(
      reader.Number("origin", static_cast<std::uint64_t>(Listener::Origin::kApart)));
  reader.Read("datagram", listener.datagram);
  listener.address.family = static_cast<SocketAddress::Family>(
      reader.Number("family", static_cast<std::uint64_t>(SocketAddress::Family::kUnix)));
  reader.Read("host", listener.address.host);
  listener.address.port = static_cast<std::uint16_t>(reader.Number("asked_port", UINT16_MAX));
  listener.port = static_cast<std::uint16_t>(reader.Number("port", UINT16_MAX));
  listener.file_number = reader.Number("file_number", UINT64_MAX);
  listener.inode = reader.Number("inode", UINT64_MAX);
  reader.Read("data", listener.data);
  for (const json::value& key : reader.Array("keys")) {
    if (!key.is_string()) return std::nullopt;
    listener.keys.emplace_back(std::string_view(key.get_string().subview()));
  }
  for (const json::value& entry : reader.Array("uses")) {
    auto use = ReadUse(entry);
    if (!use) return std::nullopt;
    listener.uses.push_back(*std::move(use));
  }
  if (!reader.good()) return std::nullopt;
  return listener;
}

}  // namespace

SocketAddress Listener::Bound() const {
  SocketAddress bound = address;
  bound.port = port;
  return bound;
}

std::string ToJson(const ListenersFile& file) {
  json::array listeners;
  for (const Listener& listener : file.listeners)
    listeners.push_back(ValueOf(listener));
  return json::serialize(json::object{{"schema", json::string_view(kSchema.data(), kSchema.size())},
                                      {"next_id", file.next_id},
                                      {"listeners", std::move(listeners)}}) +
         '\n';
}

Result<ListenersFile> ListenersFileFromJson(std::string_view text) {
  json::error_code ec;
  const json::value value = json::parse({text.data(), text.size()}, ec);
  if (ec) return Error(Errc::kInvalid, "it is not JSON: " + ec.message());
  Reader reader(value);
  std::string schema;
  reader.Read("schema", schema);
  if (schema != kSchema) return Error(Errc::kInvalid, "it is of another version");
  ListenersFile file;
  file.next_id = reader.Number("next_id", UINT64_MAX);
  for (const json::value& entry : reader.Array("listeners")) {
    auto listener = ReadListener(entry);
    if (!listener) return Error(Errc::kInvalid, "a socket of it cannot be read");
    if (listener->id >= file.next_id) return Error(Errc::kInvalid, "a number of it is wrong");
    file.listeners.push_back(*std::move(listener));
  }
  if (!reader.good()) return Error(Errc::kInvalid, "a part of it is missing");
  return file;
}

}  // namespace tend::supervisor
