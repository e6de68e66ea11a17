// The sidecar put together: pipes → collector → log store → disk; /proc and telemetry → numbers;
// both → HTTP. Every part is handed to the others here and nowhere else.
//
// Owner: sidecar_main. Thread: the loop's; HTTP handlers fetch what they need through
// SidecarRoutes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/link.h"
#include "base/loop.h"
#include "base/paths.h"
#include "collector/collector.h"
#include "config/observe.h"
#include "exporter/http_server.h"
#include "exporter/self_metrics.h"
#include "rotate/log_store.h"
#include "supervisor/exit_journal.h"
#include "supervisor/keeper_client.h"
#include "supervisor/sidecar/event_ring.h"
#include "supervisor/sidecar/fleet_view.h"
#include "supervisor/sidecar/joining_sink.h"
#include "supervisor/sidecar/limited_sink.h"
#include "supervisor/sidecar/link_reader.h"
#include "supervisor/sidecar/measurements.h"
#include "supervisor/sidecar/outbound.h"
#include "supervisor/sidecar/redacting_sink.h"
#include "supervisor/sidecar/run_book.h"
#include "supervisor/sidecar/sidecar_routes.h"
#include "supervisor/sidecar/statsd_socket.h"
#include "supervisor/sidecar/trigger_tap.h"
#include "supervisor/sidecar/triggers.h"

namespace tend::supervisor {

class Sidecar final : public LinkListener {
 public:
  struct Options {
    std::string logs;                         // folder
    std::string listen;                       // host:port, or "off"
    std::string listen_file;                  // gets the address that was bound; "": none
    std::string http_socket;                  // "": none
    std::string statsd_socket = {};           // "": none
    std::string run;                          // where the exit journal is; "": none
    std::string state;                        // what outlives all of us; "": nothing does
    std::vector<std::string> own_files = {};  // that tend writes: changes there restart nobody
    bool has_lock = false;      // the caller holds the folder of its app (rotate/folder_lock.h)
    std::string journals = {};  // folder for announced writes where there is no run; "": none
    // The log of this app has room again, for whoever publishes lines beside the pipes.
    std::function<void(const std::string& app)> on_room = nullptr;
  };
  Sidecar(Loop& loop, Options options);
  ~Sidecar() override;

  // Listens and answers. The error is about the TCP address; the rest works without it.
  Result<> Serve();
  std::string bound_address() const { return http_ ? http_->bound_address() : std::string(); }
  // Takes pipes from the keeper's store, and follows core over the link.
  void FollowKeeper();
  // The link's messages, from whoever plays core.
  LinkListener& listener() { return *this; }
  Outbound& outbound() { return outbound_; }
  collector::Collector& collector() { return collector_; }
  rotate::LogStore& store() { return store_; }

  // Opens all log files anew that are no longer where they were.
  void ReopenLogs();
  // Takes what is in the pipes and writes it. False if that was not done by the deadline.
  bool Finish(std::chrono::nanoseconds time_max);

  void OnCoreHello() override;
  void OnSynced() override;
  void OnApp(config::AppConfig app, AppStatus status) override;
  void OnAppGone(const std::string& app) override;
  void OnWorker(const std::string& app, WorkerStatus worker) override;
  void OnWorkerGone(const std::string& app, int slot) override;
  void OnIncarnation(const std::string& app,
                     int slot,
                     std::uint64_t incarnation,
                     int pid,
                     std::uint16_t port) override;
  void OnEnded(std::uint64_t incarnation) override;
  void OnNoProbe(std::uint64_t incarnation, const std::string& error, bool unknown) override {
    triggers_.NoConnection(incarnation, error, unknown);
  }
  void OnFact(Fact fact) override;
  void OnCustom(const WorkerRef& worker,
                const std::vector<CustomValue>& values,
                std::size_t refused) override {
    measurements_.reports().Custom(worker, values, refused);
  }
  void OnRequests(std::uint64_t since,
                  const std::vector<exporter::ControlNumbers>& requests) override {
    measurements_.PutRequests(since, requests);
  }
  void OnLogsRequest(LogsOp op, const std::string& app, std::uint64_t request) override;

 private:
  // Null where there is no run folder, or no room in it: then a crash may lose lines.
  std::shared_ptr<SpoolTable> OpenSpools();
  SpoolTable::Hooks SpoolHooks();
  void AdoptSpool(StoreKind kind, std::uint64_t incarnation, Fd hold);
  // Once all pipes of before are here and all apps are known.
  void PublishLeft();
  collector::Collector::Options CollectorOptions() const;
  collector::Collector::Callbacks CollectorCallbacks();
  rotate::LogStore::Options StoreOptions();
  LimitedSink::NoteLost NoteLimited();
  Triggers::Options TriggerOptions();
  SidecarState RouteState();
  Outbound::Options OutboundOptions();
  void OnPut(StoreKind kind, std::uint64_t id, Fd fd);
  void OpenLink(Fd socket);
  void OnPipeClosed(std::uint64_t incarnation, collector::PipeKind kind);
  void OpenLog(const std::string& app);
  void SetFilters(const std::string& app, const config::LogConfig& logs);
  void SetPatterns(const std::string& app, const std::vector<std::string>& patterns);
  void CloseLogIfUnused(const std::string& app);
  void SetLogsTotal();
  void SampleLater();
  Measurements::Options MeasureOptions();

  Loop& loop_;
  const Options options_;
  FleetView view_;
  exporter::SelfMetrics self_;
  EventRing events_;
  RunBook runs_;
  Measurements measurements_;
  StatsdSocket statsd_;
  const std::shared_ptr<SpoolTable> spools_;
  rotate::LogStore store_;
  // A line goes through these from below to above.
  RedactingSink redacting_;
  LimitedSink limited_;
  JoiningSink joining_;
  Triggers triggers_;
  TriggerTap tap_;
  collector::Collector collector_;
  SidecarRoutes routes_;
  Outbound outbound_;
  std::set<std::string> open_logs_;
  std::uint64_t logs_total_ = config::LogConfig().total;
  Fd core_link_;           // until then
  bool replayed_ = false;  // the keeper has given all pipes that it kept
  bool synced_ = false;    // core has told about all apps
  // Announced before core told about their apps.
  std::vector<WorkerRef> waiting_;
  std::optional<ExitJournalReader> journal_;
  std::unique_ptr<KeeperClient> keeper_;
  std::unique_ptr<PacketChannel> link_;
  Loop::Watch sample_;
  // Last: its thread uses the rest.
  std::unique_ptr<exporter::HttpServer> http_;
};

}  // namespace tend::supervisor
