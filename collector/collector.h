// All worker pipes: takes their bytes, makes lines of them, stamps them, and publishes them.
//
// One take from one pipe is one batch under one stamp. Stamps of an app never decrease. A pipe that
// was taken empty is left alone for a moment, as long as its worker does not come to wait for us:
// one wake-up then serves many lines, and that rule is two thirds of the CPU at 50,000 lines a
// second. Bytes for which the sink has no room stay in the pipe.
//
// With spools the bytes of a pipe live in a second pipe that outlives this process until the sink
// has seen to their lines: a new process goes on with the first line that was not seen to. Where
// that is not possible (no more descriptors), pipes are read without: their workers come first.
//
// Core, keeper and this process are told of an incarnation by different roads, so Announce, Attach
// and Ended may come in any order.
//
// Owned by the composition root. Thread: the loop's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/loop.h"
#include "base/record.h"
#include "base/telemetry.h"
#include "collector/line_splitter.h"
#include "collector/pipe_reader.h"
#include "collector/redactor.h"

namespace tend::collector {

enum class PipeKind : std::uint8_t { kStdout, kStderr, kTelemetry };

struct StreamCounters {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;        // of text and newlines, as the worker wrote them
  std::uint64_t split_lines = 0;  // lines that were cut at the length limit
};

struct WorkerCounters {
  StreamCounters out, err;
  double blocked_seconds = 0;  // for which nothing was read, because the sink had no room
};

class Collector {
 public:
  struct Options {
    std::size_t take_max_bytes = 256 * 1024;  // of one pipe, in one turn of the loop
    std::chrono::nanoseconds coalesce = std::chrono::milliseconds(5);  // the longest rest
    std::chrono::nanoseconds linger = std::chrono::seconds(2);  // for a pipe without end of file
    std::size_t keep_lines = 20;                                // of stderr, for LastStderr
    std::size_t keep_bytes = 4096;
    std::size_t keep_lives = 4;          // incarnations of a slot of which that is kept
    std::shared_ptr<SpoolTable> spools;  // null: nothing outlives this process
  };
  struct Callbacks {
    // This pipe has been read to its end and is closed.
    std::function<void(std::uint64_t incarnation, PipeKind kind)> on_closed;
    // All that the worker wrote before Ended() has been published. Again if a pipe of it came
    // after that.
    std::function<void(std::uint64_t incarnation)> on_drained;
  };

  Collector(Loop& loop,
            RecordSink& records,
            TelemetrySink& telemetry,
            Callbacks callbacks,
            Options options);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  // Whose pipes these will be. Again for the same incarnation: no effect.
  void Announce(const WorkerRef& worker);
  // Reads from `fd`, which is made non-blocking. Pipes of an incarnation that is not announced
  // wait.
  void Attach(std::uint64_t incarnation, PipeKind kind, Fd fd);
  // The process is gone. Its pipes are read until they are empty and closed at end of file. One
  // that somebody else holds open is read on; after the linger time its unfinished line is
  // published. For that time the incarnation is remembered, and its late pipes are read.
  void Ended(std::uint64_t incarnation);
  // Lines that were taken elsewhere than from a pipe: stamped, counted and published like others.
  // `in_piece` is kept by the caller for each source, and begins as false.
  bool HasRoom(const WorkerRef& worker) const { return records_.HasRoom(worker); }
  void Deliver(std::shared_ptr<const WorkerRef> worker,
               Stream stream,
               std::shared_ptr<RecordBatch> batch,
               bool& in_piece) {
    Stamp(std::move(worker), stream, std::move(batch), in_piece, loop_.WallNow());
  }
  // The sink has room for this app again.
  void Resume(const std::string& app);
  // A spool of this incarnation that had no room has some.
  void SpoolHasRoom(std::uint64_t incarnation);
  // All pipes of workers that an earlier process knew have been attached: what it took from others,
  // and did not see to, is published now.
  void PublishLeft();
  // The apps of which PublishLeft would publish something.
  std::vector<std::string> AppsWithLeft() const;
  // The last act: takes what is in the pipes now, as far as the sink has room, and publishes
  // unfinished lines; those of workers that live are flagged kLinePartial.
  void DrainAll();

  // What it finds in lines of `app` is gone from LastStderr(); null: nothing is. Published lines
  // are as they came.
  void SetRedactor(const std::string& app, std::shared_ptr<const Redactor> redactor);

  void Forget(const std::string& app);
  void Forget(const std::string& app, int slot);

  // The newest lines that this incarnation wrote on stderr, oldest first. In a crash loop its lines
  // may be gone when somebody asks: then those of the next that are there.
  std::vector<std::string> LastStderr(const std::string& app,
                                      int slot,
                                      std::uint64_t incarnation) const;
  // True once on_drained was called for it, or if it is not known.
  bool IsDrained(std::uint64_t incarnation) const;
  // Since the sidecar started, over all incarnations of the slot.
  WorkerCounters Counters(const std::string& app, int slot) const;
  std::size_t open_pipes() const;
  bool HasPipes(const std::string& app) const;

 private:
  struct Life;
  struct PipeState;
  struct Tail {
    std::uint64_t incarnation = 0;
    std::deque<std::string> lines;
    std::size_t bytes = 0;
  };
  struct Slot {
    WorkerCounters counters;
    std::optional<Mono> blocked_since;
    std::deque<Tail> tails;  // of the newest incarnations that wrote on stderr
  };
  using SlotKey = std::pair<std::string, int>;

  double SecondsSince(Mono time) const;
  Life& LifeOf(std::uint64_t incarnation);
  void TakeLast(std::uint64_t incarnation);
  // False: the pipe is gone.
  bool Take(PipeState& pipe);
  PipeReader::Taken ReadFrom(PipeState& pipe, const std::function<void(std::string_view)>& feed);
  void OpenSpool(PipeState& pipe);
  void OpenLeftSpool(PipeState& pipe);
  // False: there may be more to take.
  bool MayRest(PipeState& pipe, const PipeReader::Taken& taken);
  std::chrono::nanoseconds UntilRested(const PipeState& pipe) const;
  // What an earlier process took and did not see to.
  void TakeBacklog(PipeState& pipe);
  // Of what was read: where the line begins that is not complete yet.
  static std::uint64_t CompleteTo(PipeState& pipe);
  void Publish(PipeState& pipe, std::shared_ptr<RecordBatch> batch, Wall taken_at);
  void Stamp(std::shared_ptr<const WorkerRef> worker,
             Stream stream,
             std::shared_ptr<RecordBatch> batch,
             bool& in_piece,
             Wall taken_at);
  void Publish(PipeState& pipe, std::shared_ptr<RecordBatch> batch) {
    Publish(pipe, std::move(batch), loop_.WallNow());
  }
  void TakeFrames(PipeState& pipe, const RecordBatch& batch);
  void Remember(const RecordBatch& batch);
  void PublishUnfinished(PipeState& pipe, LineFlags flags);
  void Close(PipeState& pipe);
  void CheckDrained(Life& life);
  void LingerOver(std::uint64_t incarnation);
  Wall StampFor(const std::string& app, Wall taken_at);

  Loop& loop_;
  RecordSink& records_;
  TelemetrySink& telemetry_;
  Callbacks callbacks_;
  Options options_;
  std::map<std::uint64_t, std::unique_ptr<Life>> lives_;
  std::map<SlotKey, Slot> slots_;
  std::map<std::string, std::shared_ptr<const Redactor>> redactors_;  // of the apps that have one
  std::map<std::string, Wall> last_stamp_;
  std::string buffer_;  // one for all pipes
};

}  // namespace tend::collector
