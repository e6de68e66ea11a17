// What a shipper does, step by step, on clocks that a test may set: which lines to read, what to
// send and when, what becomes of it.
//
// A batch takes some of every app in turn, so that no app waits for another's backlog. While the
// receiver does not answer the same is tried again, and positions stay; lines that cannot be read
// or were removed meanwhile are dropped as queue_full, for the disk is the queue.
//
// Owned by a Shipper. Thread: its own; Step() blocks for as long as a request takes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/time.h"
#include "config/observe.h"
#include "exporter/ship/outbox.h"
#include "exporter/ship/retry_delay.h"
#include "exporter/ship/ship_state.h"

namespace tend::exporter {

class ShipRun {
 public:
  struct Options {
    config::ExporterConfig config;
    std::string state_file;  // "": nothing is kept
    Draw draw = RandomDraw();
    std::function<Mono()> mono = std::chrono::steady_clock::now;
    std::function<Wall()> wall = NowWall;
    // Before each request, whose answer may take as long as its timeout.
    std::function<void(const ExportStats&)> on_request = [](const ExportStats&) {};
  };
  // All outlive the run.
  ShipRun(Files& files, Options options, LogSource& source, LogSink& sink);

  // What is due at this moment; at most one request. When to come again.
  Mono Step();
  // The same, without waiting for more to fill a batch. False: all is sent, or it cannot be.
  bool Flush();
  // Keeps what Step() has not yet.
  void Save();

  // As of the last step, or of the request that it sends now.
  const ExportStats& stats() const { return stats_; }

 private:
  struct App {
    AppProgress done;  // what is kept
    LogPosition read;  // behind what is in the outbox
    std::array<Wall, kStreams> last{};
    LogBacklog behind;    // behind `read`, as counted last
    bool at_end = false;  // nothing was behind it, or what is cannot be read now:
    bool is_stuck = false;
    Mono seen{};  // in the list of apps
  };

  bool Load();
  void FindApps();
  void LeaveOut(const std::string& name);
  void Forget();
  static App ResumedAt(const AppProgress& progress);
  bool Wants(const std::string& app) const;
  void Collect();
  bool IsFull(std::uint64_t bytes_max) const;
  bool HasMore() const;
  bool ReadSome(const std::string& name, App& app);
  OutboxPart Sort(const std::string& name, App& app, LogChunk chunk) const;
  void Count();
  void DropBehind(const std::string& name, App& app);
  void Send();
  void Settle(const SendOutcome& outcome, std::size_t entries);
  void Deliver(std::size_t entries, std::size_t lost, ExportDrop reason);
  void Advance(const Outbox::Progress& progress);
  void Halve();
  void Wait(const SendOutcome& outcome);
  void Tell(std::string what);
  void UpdateStats();
  Mono WhenNext() const;

  Files& files_;
  const Options options_;
  LogSource& source_;
  LogSink& sink_;
  const std::string target_;
  bool loaded_ = false;
  ShipState kept_;  // counters, and what the file will have
  std::map<std::string, App> apps_;
  std::string turn_, count_turn_;  // the apps that were read and counted last
  Outbox outbox_;
  Mono now_{};  // of this step
  Mono filling_since_{};
  std::uint64_t bytes_limit_;  // of a request, for as long as the receiver takes no more
  int good_in_row_ = 0, limited_in_row_ = 0;
  bool is_repeat_ = false, needs_help_ = false;
  RetryDelay retry_;
  Mono retry_at_{};
  Mono found_at_{}, counted_at_{}, saved_at_{};
  bool is_dirty_ = false;
  Wall told_at_{};
  bool has_told_ = false;
  ExportStats stats_;
};

}  // namespace tend::exporter
