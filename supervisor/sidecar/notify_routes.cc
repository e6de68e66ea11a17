#include "supervisor/sidecar/notify_routes.h"

#include <chrono>
#include <future>
#include <string>
#include <utility>

#include <boost/json.hpp>

namespace tend::supervisor {
namespace {

namespace json = boost::json;
using exporter::ErrorResponse;
using exporter::HttpResponse;
using exporter::Notifier;
using exporter::ReceiverStats;

json::value TimeOrNull(Wall time) {
  if (time == Wall{}) return nullptr;
  return json::value(FormatRfc3339(time));
}

HttpResponse List(const std::shared_ptr<Notifier>& notifier) {
  json::array receivers;
  for (const ReceiverStats& stats : notifier ? notifier->Stats() : std::vector<ReceiverStats>()) {
    json::object one = {{"name", stats.name},
                        {"type", stats.type},
                        {"target", stats.target},
                        {"sent", stats.sent},
                        {"failed", stats.failed},
                        {"dropped", stats.dropped},
                        {"suppressed", stats.suppressed},
                        {"queued", stats.queued},
                        {"last_success", TimeOrNull(stats.last_success)},
                        {"last_error", nullptr},
                        {"last_error_time", TimeOrNull(stats.last_error_time)}};
    if (!stats.last_error.empty()) one["last_error"] = stats.last_error;
    receivers.push_back(std::move(one));
  }
  HttpResponse response;
  response.body = json::serialize(json::object{{"schema", "tend.notify/1"},
                                               {"receivers", std::move(receivers)}}) +
                  '\n';
  return response;
}

// Comes when it is known what became of the test.
class TestBody final : public exporter::BodyStream {
 public:
  TestBody(std::string receiver, std::shared_ptr<Notifier> notifier, std::future<Result<>> test)
      : receiver_(std::move(receiver)),
        notifier_(std::move(notifier)),
        test_(std::move(test)),
        deadline_(std::chrono::steady_clock::now() + exporter::kTestMax) {}

  std::string Next() override {
    if (done_) return {};
    const bool is_known = test_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    if (!is_known && std::chrono::steady_clock::now() < deadline_) return {};
    done_ = true;
    Result<> result =
        Error(Errc::kTimeout, "it is not known what became of it within " +
                                  FormatDuration(std::chrono::nanoseconds(exporter::kTestMax)));
    if (is_known) result = test_.get();
    json::object object = {{"schema", "tend.notify_test/1"},
                           {"receiver", receiver_},
                           {"delivered", result.has_value()},
                           {"error", nullptr}};
    if (!result) object["error"] = result.error().message();
    return json::serialize(object) + '\n';
  }
  bool done() const override { return done_; }

 private:
  const std::string receiver_;
  const std::shared_ptr<Notifier> notifier_;  // whose test it is
  std::future<Result<>> test_;
  const std::chrono::steady_clock::time_point deadline_;
  bool done_ = false;
};

}  // namespace

HttpResponse HandleNotify(const exporter::HttpRequest& request,
                          std::shared_ptr<Notifier> notifier) {
  if (request.is_read) return List(notifier);
  const std::string name = request.Query("name");
  if (name.empty()) return ErrorResponse(400, "name is needed: of a receiver in notify");
  if (!notifier) return ErrorResponse(404, "there is no receiver in notify");
  auto test = notifier->Test(name);
  if (!test) {
    const bool is_unknown = test.error().code() == Errc::kNotFound;
    return ErrorResponse(is_unknown ? 404 : 503, test.error().message());
  }
  HttpResponse response;
  response.stream = std::make_unique<TestBody>(name, std::move(notifier), *std::move(test));
  return response;
}

}  // namespace tend::supervisor
