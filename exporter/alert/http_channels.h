// Receivers that are told by HTTP: webhook, Slack, PagerDuty, Alertmanager.
//
// A receiver that is busy or broken (408, 425, 429, 5xx), or that cannot be reached, is tried
// again; any other answer than 2xx is a refusal, which the same message would meet again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/observe.h"
#include "exporter/alert/channel.h"
#include "exporter/alert/payloads.h"
#include "exporter/ship/http_client.h"

namespace tend::exporter {

// Tests put a receiver of their own in place of the network.
struct Poster {
  std::function<HttpAnswer(
      std::string_view path, std::string_view body, const HttpClient::Headers& headers)>
      post;
  std::function<void()> abort;
};
Poster PosterTo(config::PeerConfig peer);

inline constexpr std::string_view kPagerDutyUrl = "https://events.pagerduty.com/v2/enqueue";

Delivery DeliveryOf(const HttpAnswer& answer);

std::unique_ptr<Channel> MakeWebhookChannel(const config::ReceiverConfig& config,
                                            std::string host,
                                            Poster poster);
std::unique_ptr<Channel> MakeSlackChannel(std::string host, Poster poster);
std::unique_ptr<Channel> MakePagerDutyChannel(const config::ReceiverConfig& config,
                                              std::string host,
                                              Poster poster);
// `now`: when the alerts that last are said to be over, if nothing more is heard of us, counts
// from there.
std::unique_ptr<Channel> MakeAlertmanagerChannel(std::string host,
                                                 Poster poster,
                                                 std::function<Wall()> now);

// What `tend notify test` tells.
Notice TestNotice(const std::string& host, Wall now);

}  // namespace tend::exporter
