#include "supervisor/sidecar/export_routes.h"

#include <utility>

#include <boost/json.hpp>

#include "config/codec.h"
#include "exporter/ship/peer.h"
#include "supervisor/sidecar/loop_ask.h"

namespace tend::supervisor {
namespace {

namespace json = boost::json;

constexpr const char* kHidden = "…";
using exporter::ErrorResponse;
using exporter::HttpResponse;

json::value TimeOf(Wall time) {
  return time == Wall{} ? json::value(nullptr) : json::value(FormatRfc3339(time));
}

template <typename Key, std::size_t N>
json::object Counts(const std::array<std::uint64_t, N>& counts) {
  json::object object;
  for (std::size_t i = 0; i < N; ++i) {
    const std::string_view name = Name(static_cast<Key>(i));
    object[json::string_view(name.data(), name.size())] = counts[i];
  }
  return object;
}

json::object ToJson(const exporter::ExportStats& stats) {
  json::object object;
  object["name"] = stats.name;
  object["type"] = stats.type;
  object["target"] = stats.target;
  object["state"] = stats.state;
  object["lag_seconds"] = stats.lag_seconds;
  object["queue_entries"] = stats.queue_entries;
  object["queue_bytes"] = stats.queue_bytes;
  object["sent_entries"] = stats.sent_entries;
  object["sent_bytes"] = stats.sent_bytes;
  object["filtered_entries"] = stats.filtered_entries;
  object["dropped_entries"] = Counts<exporter::ExportDrop>(stats.dropped);
  object["requests"] = Counts<exporter::SendResult>(stats.requests);
  object["retries"] = stats.retries;
  object["last_success"] = TimeOf(stats.last_success);
  object["last_error"] =
      stats.last_error.empty() ? json::value(nullptr) : json::value(stats.last_error);
  object["last_error_time"] = TimeOf(stats.last_error_time);
  object["retry_in_seconds"] = stats.retry_in_seconds;
  return object;
}

// Whoever reaches the port may ask. A path, a header or a command may be what nobody should know.
void Hide(config::PeerConfig& peer) {
  if (peer.url.find("://") != std::string::npos) peer.url = exporter::DisplayOrigin(peer.url);
  for (auto& header : peer.headers)
    header.second = kHidden;
}

config::ObserveRequest Shown(config::ObserveRequest request) {
  for (config::ExporterConfig& exporter : request.observe.exporters)
    Hide(exporter.peer);
  for (config::ReceiverConfig& receiver : request.observe.receivers) {
    Hide(receiver.peer);
    if (!receiver.exec.empty()) receiver.exec = kHidden;
  }
  return request;
}

HttpResponse Json(const json::object& object) {
  HttpResponse response;
  response.body = json::serialize(object) + '\n';
  return response;
}

HttpResponse Busy() {
  return ErrorResponse(503, "tend-sidecar is busy; try again");
}

}  // namespace

std::string ExportersJson(const std::vector<exporter::ExportStats>& exporters) {
  json::object object;
  object["schema"] = "tend.exporters/1";
  json::array& list = object["exporters"].emplace_array();
  for (const exporter::ExportStats& stats : exporters)
    list.push_back(ToJson(stats));
  return json::serialize(object) + '\n';
}

std::optional<HttpResponse> ExportRoutes::Handle(const exporter::HttpRequest& request) const {
  if (request.path == "/api/v1/observe") {
    return request.is_read ? Observe() : Configure(request.body);
  }
  if (request.path != "/api/v1/exporters") return std::nullopt;
  if (!request.is_read) return ErrorResponse(405, request.path + " can only be read");
  return Exporters();
}

HttpResponse ExportRoutes::Exporters() const {
  const auto exporters = Ask<std::vector<exporter::ExportStats>>(loop_, state_.exporters);
  if (!exporters) return Busy();
  HttpResponse response;
  response.body = ExportersJson(*exporters);
  return response;
}

HttpResponse ExportRoutes::Observe() const {
  const auto observe = Ask<config::ObserveRequest>(loop_, state_.observe);
  if (!observe) return Busy();
  HttpResponse response;
  response.body = config::ToJson(Shown(*observe)) + '\n';
  return response;
}

HttpResponse ExportRoutes::Configure(const std::string& body) const {
  auto asked = config::ObserveRequestFromJson(body);
  if (!asked) return ErrorResponse(400, asked.error().message());
  using Done = Result<ObserveChange>;
  const auto done = Ask<std::shared_ptr<Done>>(loop_, [this, asked = *std::move(asked)] {
    return std::make_shared<Done>(state_.configure(asked));
  });
  if (!done) return Busy();
  if (!**done) return ErrorResponse(500, (**done).error().message());
  json::object object;
  object["changed"] = (**done)->changed;
  object["replaced"] = (**done)->replaced;
  return Json(object);
}

}  // namespace tend::supervisor
