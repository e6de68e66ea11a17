// What the sidecar knows of apps and workers: core's word, kept as it was last told. The numbers
// that the sidecar measures are added when somebody asks.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/config.h"

namespace tend::supervisor {

class FleetView {
 public:
  struct App {
    config::AppConfig config;
    AppStatus status;  // workers by slot
    bool confirmed = true;
  };

  // What is not told again before EndSync is gone then.
  void BeginSync();
  // Returns the names of apps that were dropped.
  std::vector<std::string> EndSync();

  // Keeps the workers that are known already.
  void PutApp(config::AppConfig config, AppStatus status);
  void DropApp(const std::string& app);
  // False: there is no such app.
  bool PutWorker(const std::string& app, WorkerStatus worker);
  void DropWorker(const std::string& app, int slot);

  const App* Find(const std::string& app) const;
  const WorkerStatus* FindWorker(const std::string& app, int slot) const;
  const std::map<std::string, App>& apps() const { return apps_; }
  bool synced() const { return synced_; }
  bool is_syncing() const { return syncing_; }
  // Core said so. What we have not heard of may be about to come.
  bool HasEnded(const std::string& app, int slot, std::uint64_t incarnation) const;

 private:
  std::map<std::string, App> apps_;
  bool syncing_ = false;
  bool synced_ = false;
};

}  // namespace tend::supervisor
