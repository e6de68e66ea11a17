#include "exporter/alert/http_channels.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "exporter/ship/peer.h"

namespace tend::exporter {
namespace {

using Then = Delivery::Then;

// Prometheus does it so, too: one that is not heard of for four rounds is over.
constexpr auto kHoldsFor = 4 * kRefreshEvery;
constexpr const char* kAlertsPath = "/api/v2/alerts";

const HttpClient::Headers& JsonHeaders() {
  static const HttpClient::Headers kHeaders = {{"Content-Type", "application/json"}};
  return kHeaders;
}

Delivery Unreadable(const Error& error) {
  return {Then::kRetry, {}, error.message()};
}

// One message is one request.
class PlainChannel : public Channel {
 public:
  PlainChannel(std::string host, Poster poster)
      : host_(std::move(host)), poster_(std::move(poster)) {}

  Delivery Tell(const Incident& incident) override { return Send({incident, host_, false}); }
  Delivery Test() override { return Send(TestNotice(host_, NowWall())); }
  void Abort() override { poster_.abort(); }

 protected:
  virtual Delivery Send(const Notice& notice) = 0;
  Delivery Post(std::string_view path,
                std::string_view body,
                const HttpClient::Headers& headers = JsonHeaders()) {
    return DeliveryOf(poster_.post(path, body, headers));
  }
  const std::string& host() const { return host_; }

 private:
  const std::string host_;
  const Poster poster_;
};

class WebhookChannel final : public PlainChannel {
 public:
  WebhookChannel(const config::ReceiverConfig& config, std::string host, Poster poster)
      : PlainChannel(std::move(host), std::move(poster)), secret_file_(config.secret_file) {}

 private:
  Delivery Send(const Notice& notice) override {
    const std::string body = IncidentJson(notice);
    HttpClient::Headers headers = JsonHeaders();
    headers.emplace_back("X-Tend-Event", EventOf(notice));
    headers.emplace_back("X-Tend-Incident", notice.incident.id);
    if (!secret_file_.empty()) {
      const auto key = ReadSecret(secret_file_);
      if (!key) return Unreadable(key.error());
      headers.emplace_back("X-Tend-Signature", Signature(*key, body, NowWall()));
    }
    return Post("", body, headers);
  }

  const std::string secret_file_;
};

class SlackChannel final : public PlainChannel {
 public:
  using PlainChannel::PlainChannel;

 private:
  Delivery Send(const Notice& notice) override { return Post("", SlackJson(notice)); }
};

class PagerDutyChannel final : public PlainChannel {
 public:
  PagerDutyChannel(const config::ReceiverConfig& config, std::string host, Poster poster)
      : PlainChannel(std::move(host), std::move(poster)), secret_file_(config.secret_file) {}

  // Nobody is to be woken by it for long.
  Delivery Test() override {
    Notice notice = TestNotice(host(), NowWall());
    notice.incident.kind = IncidentKind::kUnhealthy;
    notice.incident.ended = Wall{};
    const Delivery triggered = Send(notice);
    if (triggered.then != Then::kDone) return triggered;
    notice.incident.ended = notice.incident.began;
    return Send(notice);
  }

 private:
  Delivery Send(const Notice& notice) override {
    const auto key = ReadSecret(secret_file_);
    if (!key) return Unreadable(key.error());
    return Post("/v2/enqueue", PagerDutyJson(notice, *key));
  }

  const std::string secret_file_;
};

class AlertmanagerChannel final : public PlainChannel {
 public:
  AlertmanagerChannel(std::string host, Poster poster, std::function<Wall()> now)
      : PlainChannel(std::move(host), std::move(poster)), now_(std::move(now)) {}

  Delivery Tell(const Incident& incident) override {
    const Wall now = now_();
    std::vector<Alert> alerts = {AlertOf(incident, now)};
    const auto known = firing_.find(incident.id);
    // To Alertmanager it is another alert.
    if (known != firing_.end() && known->second.kind != incident.kind)
      alerts.push_back({{known->second, host(), false}, std::max(now, known->second.began)});
    Delivery delivery = Post(kAlertsPath, AlertmanagerJson(alerts));
    if (delivery.then == Then::kRetry) return delivery;
    firing_.erase(incident.id);
    if (incident.phase() == Phase::kOpened) firing_[incident.id] = incident;
    return delivery;
  }

  void Resume(std::vector<Incident> open) override {
    for (Incident& incident : open)
      firing_[incident.id] = std::move(incident);
  }

  Delivery Refresh() override {
    if (firing_.empty()) return {Then::kDone, {}, {}};
    std::vector<Alert> alerts;
    for (const auto& entry : firing_)
      alerts.push_back(AlertOf(entry.second, now_()));
    return Post(kAlertsPath, AlertmanagerJson(alerts));
  }

 private:
  Alert AlertOf(const Incident& incident, Wall now) const {
    const bool is_over = incident.phase() == Phase::kResolved;
    return {{incident, host(), false}, is_over ? incident.ended : now + kHoldsFor};
  }

  Delivery Send(const Notice& notice) override {
    return Post(kAlertsPath,
                AlertmanagerJson(std::array{Alert{notice, notice.incident.began + kRefreshEvery}}));
  }

  const std::function<Wall()> now_;
  std::map<std::string, Incident> firing_;  // by id, as it was told
};

}  // namespace

Notice TestNotice(const std::string& host, Wall now) {
  Notice notice;
  notice.host = host;
  notice.is_test = true;
  notice.incident.id = "test" + std::to_string(now.time_since_epoch().count());
  notice.incident.kind = IncidentKind::kDaemonRestarted;
  notice.incident.severity = Severity::kInfo;
  notice.incident.summary = "this is a test of tend's notifications; nothing has happened";
  notice.incident.began = notice.incident.ended = now;
  return notice;
}

Poster PosterTo(config::PeerConfig peer) {
  const auto client = std::make_shared<HttpClient>(std::move(peer));
  return {
      [client](std::string_view path, std::string_view body, const HttpClient::Headers& headers) {
        return client->Post(path, body, headers);
      },
      [client] { client->Abort(); }};
}

Delivery DeliveryOf(const HttpAnswer& answer) {
  if (answer.ok()) return {Then::kDone, {}, {}};
  const bool is_refusal = answer.kind == HttpAnswer::Kind::kAnswered && answer.status < 500 &&
                          answer.status != 408 && answer.status != 425 && answer.status != 429;
  return {is_refusal ? Then::kGiveUp : Then::kRetry, answer.retry_after, Explain(answer)};
}

std::unique_ptr<Channel> MakeWebhookChannel(const config::ReceiverConfig& config,
                                            std::string host,
                                            Poster poster) {
  return std::make_unique<WebhookChannel>(config, std::move(host), std::move(poster));
}

std::unique_ptr<Channel> MakeSlackChannel(std::string host, Poster poster) {
  return std::make_unique<SlackChannel>(std::move(host), std::move(poster));
}

std::unique_ptr<Channel> MakePagerDutyChannel(const config::ReceiverConfig& config,
                                              std::string host,
                                              Poster poster) {
  return std::make_unique<PagerDutyChannel>(config, std::move(host), std::move(poster));
}

std::unique_ptr<Channel> MakeAlertmanagerChannel(std::string host,
                                                 Poster poster,
                                                 std::function<Wall()> now) {
  return std::make_unique<AlertmanagerChannel>(std::move(host), std::move(poster), std::move(now));
}

}  // namespace tend::exporter
