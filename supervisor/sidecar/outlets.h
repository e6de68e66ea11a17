// The exporters that run: started, replaced and ended as the configuration changes. One whose
// configuration is as before goes on undisturbed; a changed one ends, which may take seconds and is
// done on a thread of its own, before its successor of the same name begins.
//
// Owner: the sidecar. Thread: the loop's.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/loop.h"
#include "config/observe.h"
#include "exporter/ship/export_stats.h"

namespace tend::supervisor {

// An exporter that runs on threads of its own.
class Outlet {
 public:
  Outlet() = default;
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;
  virtual ~Outlet() = default;
  virtual exporter::ExportStats Stats() const = 0;
  // Any thread, once.
  virtual void Stop(std::chrono::nanoseconds time_max) = 0;
};

class Outlets {
 public:
  using Make = std::function<std::unique_ptr<Outlet>(const config::ExporterConfig&)>;

  Outlets(Loop& loop, Make make) : loop_(loop), make_(std::move(make)) {}
  ~Outlets();  // Stops with no time to flush.
  Outlets(const Outlets&) = delete;
  Outlets& operator=(const Outlets&) = delete;

  void Apply(const std::vector<config::ExporterConfig>& wanted);
  // Of those that run, by name.
  std::vector<exporter::ExportStats> Stats() const;
  // All at once; nothing runs afterwards.
  void Stop(std::chrono::nanoseconds time_max);

 private:
  struct Slot {
    std::optional<config::ExporterConfig> wanted;
    config::ExporterConfig running;
    std::unique_ptr<Outlet> outlet;  // null: none runs, or it is ending
    std::thread ending;
  };
  void Settle(const std::string& name);
  void End(const std::string& name, Slot& slot);

  Loop& loop_;
  const Make make_;
  std::map<std::string, Slot> slots_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tend::supervisor
