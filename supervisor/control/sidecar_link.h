// Core's end of the link to the sidecar (base/link.h): tells it all when either side starts or the
// queue overflowed, and changes in between; asks it to do things to log files.
//
// Owned by core_main. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/link.h"
#include "supervisor/control/request_counts.h"
#include "supervisor/fleet.h"

namespace tend::supervisor {

inline constexpr std::chrono::nanoseconds kLogsDeadline = std::chrono::seconds(5);

class SidecarLink final : public FleetListener {
 public:
  // Takes over `socket`, which is non-blocking. `fleet` and `store` outlive it.
  SidecarLink(Loop& loop, Fleet& fleet, DescriptorStore& store, Fd socket);
  ~SidecarLink() override;

  // Tells everything anew.
  void Synchronise();

  // `op` is "flush", "reopen" or "rotate". `done` gets Errc::kTimeout when no answer comes.
  void AskLogs(std::string_view op, const std::string& app, std::function<void(Result<>)> done);

  // A client was answered. The sidecar is told within a second.
  void CountRequest(std::string_view verb, bool ok);

  void OnApp(const config::AppConfig& app) override;
  void OnAppGone(const std::string& app) override;
  void OnWorker(const std::string& app, const WorkerStatus& worker) override;
  void OnWorkerGone(const std::string& app, int slot) override;
  void OnIncarnation(const WorkerRef& worker, int port) override;
  void OnEnded(std::uint64_t incarnation) override;
  void OnNodeMessage(const WorkerRef& worker,
                     std::string_view type,
                     std::string_view data) override;
  void OnFact(const Fact& fact) override;

 private:
  struct Asked {
    std::function<void(Result<>)> done;
    Loop::Watch deadline;
  };
  // How often a program may tell numbers: @pm2/io does so once a second.
  struct Told {
    Mono next{};
    std::size_t skipped = 0;  // messages that came before their time
  };
  void OnPacket(std::string_view packet);
  void OnHello();
  void Answer(std::uint64_t request, Result<> result);
  Result<> MakeProbe(std::uint64_t incarnation, NodeHost::InjectAt at);
  void TellIncarnation(const WorkerRef& worker, int pid, int port);
  void TellApp(const std::string& name);
  void TellRequests();

  Loop& loop_;
  Fleet& fleet_;
  DescriptorStore& store_;
  std::map<std::uint64_t, Asked> asked_;
  std::map<std::uint64_t, Told> told_;  // by incarnation
  std::uint64_t next_request_ = 1;
  const Wall began_;  // tells these counts from those of another core
  RequestCounts counts_;
  Loop::Watch tell_requests_;
  bool first_hello_;  // the next one is that of a sidecar that starts for the first time
  PacketChannel channel_;
};

}  // namespace tend::supervisor
