// What the sidecar knows of apps → incidents → people: feeds IncidentBook, gives its incidents the
// last words of their workers, hands them to the Notifier, and keeps in a file what must outlive
// this process.
//
// Owner: the sidecar. Thread: the loop's, but for Handle(). The file is written, and receivers that
// have been replaced are waited for, on threads of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/fact.h"
#include "base/files.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/status.h"
#include "config/config.h"
#include "config/observe.h"
#include "exporter/alert/alert_state.h"
#include "exporter/alert/incident_book.h"
#include "exporter/alert/notifier.h"
#include "exporter/http_server.h"
#include "rotate/log_stats.h"
#include "supervisor/sidecar/helper_thread.h"

namespace tend::supervisor {

class Alerting {
 public:
  struct Options {
    std::string state_file;  // "": nothing outlives us
    std::string host;        // as which messages say that it happened
    std::function<std::vector<std::string>(
        const std::string& app, int slot, std::uint64_t incarnation)>
        last_stderr;
    exporter::Notifier::MakeChannelFn make_channel = exporter::MakeChannel;
  };
  Alerting(Loop& loop, Files& files, Options options);
  ~Alerting();
  Alerting(const Alerting&) = delete;
  Alerting& operator=(const Alerting&) = delete;

  // Who is told, maybe nobody; to be said again when it changes. A receiver with a new name is told
  // what lasts now; one that was there keeps what it is yet to be told. Receivers that are replaced
  // end first, which is not waited for here. Before the first call nothing is told, and facts are
  // not looked at.
  void Configure(const std::vector<config::ReceiverConfig>& receivers);

  void PutApp(const config::AppConfig& app, const AppStatus& status);
  void DropApp(const std::string& app);
  void PutWorker(const std::string& app, const WorkerStatus& worker);
  void DropWorker(const std::string& app, int slot);
  void Synced();  // all that there is has been put
  void OnFact(const Fact& fact);
  // Every few seconds. `open_logs`: the apps that `logs` will know, if it does not yet; one whose
  // log cannot be opened is not among them.
  void Measured(const rotate::LogStoreStats& logs,
                const std::set<std::string>& open_logs,
                const std::vector<exporter::ExporterLag>& exporters);

  std::vector<exporter::ReceiverStats> Stats() const;
  // GET and POST /api/v1/notify (notify_routes.h); nothing: it is for somebody else. Any thread.
  std::optional<exporter::HttpResponse> Handle(const exporter::HttpRequest& request) const;
  // Waits at most so long for what is to be told now, and keeps the rest for the next sidecar.
  // Nothing is to be said afterwards.
  void Finish(std::chrono::nanoseconds time_max);

 private:
  using WorkerKey = std::pair<std::string, int>;

  exporter::Instant Now() const { return {loop_.Now(), loop_.WallNow()}; }
  void LoadState();
  void EndNotifier();
  void BeginNotifier();
  void TellDue();
  void AddLastWords(exporter::Incident& incident) const;
  void SaveSoon();
  std::string StateText() const;
  void Save();
  void Saved(const Result<>& written);
  std::shared_ptr<exporter::Notifier> notifier() const;

  Loop& loop_;
  Files& files_;
  const Options options_;
  exporter::IncidentBook book_;
  bool is_synced_ = false;
  exporter::Notifier::States states_;  // of receivers, while there is no notifier
  std::optional<std::vector<config::ReceiverConfig>> receivers_;
  // The last two of each worker, the latest first.
  std::map<WorkerKey, std::pair<std::uint64_t, std::uint64_t>> incarnations_;
  std::string saved_;  // or is being written
  std::future<void> writing_;
  bool save_again_ = false;  // after that
  Loop::Watch settle_, save_;
  mutable std::mutex mutex_;  // of the next three: handlers look at them on the HTTP thread
  mutable std::condition_variable replaced_;
  std::shared_ptr<exporter::Notifier> notifier_;
  bool is_replacing_ = false;
  std::thread ending_;  // of that notifier, before the next one
  HelperThread disk_{"tend-alerts"};
  // Whoever posts to the loop looks whether we are still there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The name of this machine.
std::string HostName();

}  // namespace tend::supervisor
