// What a worker has besides its process: sockets to listen on and, of a Node program, the channel.
// A seam, so that workers are tested without either; PortsOfHost (below) is the real one.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/ports/listeners.h"
#include "supervisor/ports/node_host.h"

namespace tend::supervisor {

class WorkerPorts {
 public:
  WorkerPorts() = default;
  WorkerPorts(const WorkerPorts&) = delete;
  WorkerPorts& operator=(const WorkerPorts&) = delete;
  virtual ~WorkerPorts() = default;

  // As Listeners and NodeHost have them.
  virtual Result<std::vector<int>> OpenConfigured(const std::string& app,
                                                  const std::vector<std::string>& addresses) = 0;
  virtual bool HasAny(const std::string& app) const = 0;
  virtual void CloseApp(const std::string& app) = 0;
  virtual void CloseUnused(const std::string& app) = 0;
  virtual void Attach(const NodeWorker& worker, Fd channel) = 0;
  virtual void Release(std::uint64_t incarnation) = 0;
  virtual void Drain(std::uint64_t incarnation) = 0;
  virtual void Disconnect(std::uint64_t incarnation) = 0;
  virtual void Leaving(std::uint64_t incarnation) = 0;
  virtual Result<> Send(std::uint64_t incarnation, std::string_view json) = 0;
  virtual Result<> Inject(std::uint64_t incarnation, Fd connection, NodeHost::InjectAt at) = 0;
  virtual void Detach(std::uint64_t incarnation) = 0;
};

class PortsOfHost final : public WorkerPorts {
 public:
  PortsOfHost(Listeners& listeners, NodeHost& host) : listeners_(listeners), host_(host) {}
  Result<std::vector<int>> OpenConfigured(const std::string& app,
                                          const std::vector<std::string>& addresses) override {
    return listeners_.OpenConfigured(app, addresses);
  }
  bool HasAny(const std::string& app) const override { return listeners_.HasAny(app); }
  void CloseApp(const std::string& app) override { listeners_.CloseApp(app); }
  void CloseUnused(const std::string& app) override { listeners_.CloseUnused(app); }
  void Attach(const NodeWorker& worker, Fd channel) override {
    host_.Attach(worker, std::move(channel));
  }
  void Release(std::uint64_t incarnation) override { host_.Release(incarnation); }
  void Drain(std::uint64_t incarnation) override { host_.Drain(incarnation); }
  void Disconnect(std::uint64_t incarnation) override { host_.Disconnect(incarnation); }
  void Leaving(std::uint64_t incarnation) override { host_.Leaving(incarnation); }
  Result<> Send(std::uint64_t incarnation, std::string_view json) override {
    return host_.Send(incarnation, json);
  }
  Result<> Inject(std::uint64_t incarnation, Fd connection, NodeHost::InjectAt at) override {
    return host_.Inject(incarnation, std::move(connection), at);
  }
  void Detach(std::uint64_t incarnation) override { host_.Detach(incarnation); }

 private:
  Listeners& listeners_;
  NodeHost& host_;
};

}  // namespace tend::supervisor
