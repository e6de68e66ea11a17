// Reads what core says over the link (base/link.h) and hands it on as calls. Total: a packet that
// cannot be read as what it says it is is refused, and one of a type that we do not know is passed
// over: core may be newer than we are.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fact.h"
#include "base/status.h"
#include "base/telemetry.h"
#include "config/config.h"
#include "exporter/control_numbers.h"

namespace tend::supervisor {

class LinkListener {
 public:
  LinkListener() = default;
  LinkListener(const LinkListener&) = delete;
  LinkListener& operator=(const LinkListener&) = delete;
  virtual ~LinkListener() = default;

  virtual void OnCoreHello() = 0;  // core started: all that is known is told anew
  virtual void OnSynced() = 0;     // what was not told since the hello is gone
  virtual void OnApp(config::AppConfig app, AppStatus status) = 0;
  virtual void OnAppGone(const std::string& app) = 0;
  virtual void OnWorker(const std::string& app, WorkerStatus worker) = 0;
  virtual void OnWorkerGone(const std::string& app, int slot) = 0;
  virtual void OnIncarnation(
      const std::string& app, int slot, std::uint64_t incarnation, int pid, std::uint16_t port) = 0;
  virtual void OnEnded(std::uint64_t incarnation) = 0;
  // There is no connection to this worker, which was asked for.
  virtual void OnNoProbe(std::uint64_t incarnation, const std::string& error, bool unknown) = 0;
  virtual void OnFact(Fact fact) = 0;
  // What its program told with @pm2/io.
  virtual void OnCustom(const WorkerRef& worker,
                        const std::vector<CustomValue>& values,
                        std::size_t refused) = 0;
  // What clients were answered since core began, which was at `since` (nanoseconds of the clock).
  virtual void OnRequests(std::uint64_t since,
                          const std::vector<exporter::ControlNumbers>& requests) = 0;
  enum class LogsOp : std::uint8_t { kFlush, kReopen, kRotate };
  virtual void OnLogsRequest(LogsOp op, const std::string& app, std::uint64_t request) = 0;
};

// False: damaged.
bool ReadLinkPacket(std::string_view packet, LinkListener& listener);

// The sidecar's own messages.
std::string SidecarHello(int pid);
// `error` empty: it worked.
std::string LogsDone(std::uint64_t request, std::string_view error);
std::string ReadyWord(std::uint64_t incarnation);
std::string RestartWord(std::uint64_t incarnation, RestartReason reason, std::string_view why);
std::string RestartAppWord(std::string_view app, RestartReason reason, std::string_view why);
std::string ProbeWord(std::uint64_t incarnation, std::uint16_t port, bool exact);

}  // namespace tend::supervisor
