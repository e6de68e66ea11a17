// Ports that only remember what was asked of them.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/ports/worker_ports.h"

namespace tend::supervisor {

class FakePorts final : public WorkerPorts {
 public:
  std::vector<std::string> done;  // "drain 3", "release 4", …
  std::vector<NodeWorker> attached;
  std::set<std::string> with_sockets;  // apps
  std::string refuse_open;             // why no socket can be opened; "": they can

  bool Did(const std::string& what) const {
    return std::find(done.begin(), done.end(), what) != done.end();
  }

  Result<std::vector<int>> OpenConfigured(const std::string& app,
                                          const std::vector<std::string>& addresses) override {
    if (!refuse_open.empty()) return Error(Errc::kIo, refuse_open);
    if (!addresses.empty()) with_sockets.insert(app);
    return std::vector<int>(addresses.size(), 0);
  }
  bool HasAny(const std::string& app) const override { return with_sockets.count(app) != 0; }
  void CloseApp(const std::string& app) override {
    if (with_sockets.erase(app) != 0) done.push_back("close " + app);
  }
  void CloseUnused(const std::string&) override {}
  void Attach(const NodeWorker& worker, Fd) override { attached.push_back(worker); }
  void Release(std::uint64_t id) override { Note("release", id); }
  void Drain(std::uint64_t id) override { Note("drain", id); }
  void Disconnect(std::uint64_t id) override { Note("disconnect", id); }
  void Leaving(std::uint64_t id) override { Note("leaving", id); }
  Result<> Send(std::uint64_t id, std::string_view json) override {
    Note("send " + std::string(json) + " to", id);
    return {};
  }
  Result<> Inject(std::uint64_t id, Fd, NodeHost::InjectAt) override {
    Note("inject", id);
    return {};
  }
  void Detach(std::uint64_t id) override { Note("detach", id); }

 private:
  void Note(const std::string& what, std::uint64_t id) {
    done.push_back(what + ' ' + std::to_string(id));
  }
};

}  // namespace tend::supervisor
