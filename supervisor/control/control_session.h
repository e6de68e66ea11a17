// One client of the control socket: reads its requests, has the fleet carry them out, and answers
// (base/control.h). One request at a time. A client that leaves takes its waits with it, not the
// work.
//
// Owned by ControlServer. Thread: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/link.h"
#include "supervisor/control/control_request.h"
#include "supervisor/control/sidecar_link.h"
#include "supervisor/fleet.h"

namespace tend::supervisor {

// What requests are carried out with. All outlive the sessions.
struct ControlServices {
  Fleet* fleet = nullptr;
  SidecarLink* sidecar = nullptr;
  std::string version;
  // Ends all workers, then tend; `done` is called in between.
  std::function<void(std::function<void(const Outcome&)> done)> shut_down;
};

inline constexpr std::size_t kRequestMaxBytes = 16u << 20;

class ControlSession final : public FleetListener {
 public:
  ControlSession(Loop& loop,
                 const ControlServices& services,
                 Fd client,
                 std::function<void()> on_closed);
  ~ControlSession() override;

  std::size_t queued_bytes() const { return channel_.queued_bytes(); }

  void OnWorker(const std::string& app, const WorkerStatus& worker) override;
  void OnReplacing(const WorkerRef& worker, int pid, std::string_view what) override;
  void OnNodeMessage(const WorkerRef& worker,
                     std::string_view type,
                     std::string_view data) override;

 private:
  using Request = ControlRequest;
  using Handler = void (ControlSession::*)(Request&);
  // nullptr: there is no such verb; `hint` is then one that is like it, or "".
  static Handler FindVerb(std::string_view name, std::string& hint);

  void OnPacket(std::string_view packet);
  void OnOversize();
  void Run(Request& request);
  void Done(ExitCode code, std::string_view error = {});
  void Done(const Error& error);
  // The selected, or nothing after an answer was given.
  std::optional<std::vector<Selected>> Select(Request& request);
  // A ticket whose end answers the request; progress of `apps` is told until then.
  TicketPtr MakeTicket(Request& request, std::set<std::string> apps);

  void Start(Request& request);
  void StartConfigured(Request& request);
  void Stop(Request& request);
  void Restart(Request& request);  // and reload
  void Scale(Request& request);
  void Rollback(Request& request);
  void Trigger(Request& request);
  void Delete(Request& request);
  void List(Request& request);
  void Describe(Request& request);
  void Env(Request& request);
  void Reset(Request& request);
  void Signal(Request& request);
  void Logs(Request& request);
  void Save(Request& request);
  void Resurrect(Request& request);
  void Kill(Request& request);
  void Ping(Request& request);
  void TellApp(const std::string& app);
  void TellEnv(const std::string& app);

  Loop& loop_;
  const ControlServices& services_;
  std::optional<Request> assembling_;  // of a request in several packets
  std::size_t assembled_bytes_ = 0;
  bool busy_ = false;
  std::string verb_;  // of what is carried out; "": it was not understood
  TicketPtr ticket_;
  std::set<std::string> watched_;
  // A trigger that waits for its answers.
  struct Triggered {
    std::string action;
    std::set<std::uint64_t> missing;  // incarnations
    Loop::Watch deadline;
  };
  std::optional<Triggered> triggered_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  PacketChannel channel_;
};

}  // namespace tend::supervisor
