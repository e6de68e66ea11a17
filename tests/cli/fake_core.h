// A core that a test scripts: for each connection a socket pair; what the CLI sends is kept, what
// the script says is answered. The answer waits in the socket before the request is even sent, so
// no thread is needed.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/link.h"
#include "cli/context.h"

namespace tend::cli {

class FakeCore {
 public:
  // The packets with which the next connection is answered.
  void Answer(std::vector<std::string> packets) { answers_.push_back(std::move(packets)); }
  // Nobody listens.
  void Gone() { gone_ = true; }
  void Back() { gone_ = false; }

  Result<ControlClient> Connect() {
    if (gone_) return Error(Errc::kUnreachable, "no one answers at /tmp/x/tend.sock");
    auto pair = MakePacketPair();
    if (!pair) return pair.error();
    if (!answers_.empty()) {
      for (const std::string& packet : answers_.front()) {
        if (auto sent = SendPacket(pair->second.get(), packet); !sent) return sent.error();
      }
      answers_.pop_front();
    }
    peers_.push_back(std::move(pair->second));
    return ControlClient(std::move(pair->first));
  }

  // All requests so far, in order.
  std::vector<std::string> Requests() {
    std::string buffer(kLinkPacketMax, '\0');
    for (Fd& peer : peers_) {
      for (;;) {
        const auto packet = ReceivePacket(peer.get(), buffer);
        if (!packet || packet->size == 0) break;
        requests_.push_back(buffer.substr(0, packet->size));
      }
    }
    peers_.clear();
    return requests_;
  }

 private:
  bool gone_ = false;
  std::deque<std::vector<std::string>> answers_;
  std::vector<Fd> peers_;
  std::vector<std::string> requests_;
};

inline std::string Done(int exit = 0, const std::string& error = {}) {
  return R"({"done":true,"exit":)" + std::to_string(exit) + R"(,"error":")" + error +
         R"(","version":"0.1.0","pid":77})";
}

// An app of `workers` in `state`, as two packets of `list`.
inline std::vector<std::string> AppPackets(const std::string& name,
                                           const std::string& state,
                                           int workers,
                                           int first_incarnation = 1) {
  std::string list;
  for (int i = 0; i < workers; ++i) {
    list += (i == 0 ? "" : ",") + std::string(R"({"id":)") + std::to_string(i) + R"(,"slot":)" +
            std::to_string(i) + R"(,"pid":)" + (state == "online" ? "4242" : "0") +
            R"(,"incarnation":)" + std::to_string(first_incarnation + i) + R"(,"state":")" + state +
            R"("})";
  }
  return {R"({"event":"app","app":{"name":")" + name + R"(","instances":)" +
              std::to_string(workers) + "}}",
          R"({"event":"workers","app":")" + name + R"(","workers":[)" + list + "]}"};
}

inline std::vector<std::string> With(std::vector<std::string> packets, std::string last) {
  packets.push_back(std::move(last));
  return packets;
}

// A command's whole world: a fake core, no sidecar, captured output.
struct Stage {
  FakeCore core;
  std::string out, err;
  int daemon_starts = 0;
  Context context{
      Terminal(
          {},
          {},
          [this](std::string_view text) { out.append(text); },
          [this](std::string_view text) { err.append(text); }),
      Paths{"/nowhere/tend.sock", "/nowhere/http.sock", "", "/nowhere/listen", "/nowhere/logs",
            "/nowhere/state", "/nowhere/run", "/nowhere/own"},
      [this] { return core.Connect(); },
      [this]() -> Result<> {
        ++daemon_starts;
        core.Back();
        return {};
      },
      [] { return Wall(std::chrono::seconds(1'800'000'000)); },
      [this](const std::string& request, std::chrono::milliseconds) -> Result<std::string> {
        observed.push_back(request);
        return observe_answer;
      }};
  std::vector<std::string> observed;  // what the sidecar was told
  Result<std::string> observe_answer = std::string(R"({"changed":false,"replaced":""})");
};

}  // namespace tend::cli
