#include "collector/collector.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "collector/telemetry_frame.h"

namespace tend::collector {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// Less than this from one take: the worker is not in a hurry, and neither are we.
constexpr std::size_t kHalfPipeBytes = 32 * 1024;

}  // namespace

struct Collector::PipeState {
  PipeState(Life& owner, PipeKind k, Fd f)
      : life(owner),
        kind(k),
        fd(std::move(f)),
        splitter(k == PipeKind::kTelemetry ? kFrameMaxBytes : kLineMaxBytes) {}

  Life& life;
  PipeKind kind;
  Fd fd;
  LineSplitter splitter;
  bool in_piece = false;  // the last span was cut; the line goes on
  bool waits_for_room = false;
  bool empty_after_end = false;
  Loop::Watch readable;
  Loop::Watch rest;
};

struct Collector::Life {
  std::uint64_t incarnation = 0;
  std::shared_ptr<const WorkerRef> worker;  // null: not announced yet
  bool ended = false;
  bool had_pipes = false;
  bool lingered = false;
  bool drained = false;
  std::vector<std::unique_ptr<PipeState>> pipes;
  Loop::Watch linger;
};

Collector::Collector(
    Loop& loop, RecordSink& records, TelemetrySink& telemetry, Callbacks callbacks, Options options)
    : loop_(loop),
      records_(records),
      telemetry_(telemetry),
      callbacks_(std::move(callbacks)),
      options_(options),
      buffer_(kReadBytes, '\0') {}

Collector::~Collector() = default;

Collector::Life& Collector::LifeOf(std::uint64_t incarnation) {
  std::unique_ptr<Life>& life = lives_[incarnation];
  if (!life) {
    life = std::make_unique<Life>();
    life->incarnation = incarnation;
  }
  return *life;
}

void Collector::Announce(const WorkerRef& worker) {
  Life& life = LifeOf(worker.incarnation);
  if (life.worker) return;
  life.worker = std::make_shared<const WorkerRef>(worker);
  for (auto& pipe : life.pipes)
    Watch(*pipe);
}

void Collector::Attach(std::uint64_t incarnation, PipeKind kind, Fd fd) {
  // A descriptor that cannot be read without blocking would hold up every other pipe.
  if (!SetNonBlocking(fd.get())) return;
  Life& life = LifeOf(incarnation);
  life.had_pipes = true;
  life.pipes.push_back(std::make_unique<PipeState>(life, kind, std::move(fd)));
  if (life.worker) Watch(*life.pipes.back());
}

void Collector::Ended(std::uint64_t incarnation) {
  Life& life = LifeOf(incarnation);
  if (life.ended) return;
  life.ended = true;
  life.linger = loop_.After(options_.linger, [this, incarnation] { LingerOver(incarnation); });
  // Taking may close pipes and end the life.
  std::vector<PipeState*> pipes;
  for (auto& pipe : life.pipes)
    pipes.push_back(pipe.get());
  for (PipeState* pipe : pipes) {
    pipe->rest.reset();
    Watch(*pipe);
    Take(*pipe);
  }
  if (const auto it = lives_.find(incarnation); it != lives_.end()) CheckDrained(*it->second);
}

void Collector::LingerOver(std::uint64_t incarnation) {
  const auto it = lives_.find(incarnation);
  if (it == lives_.end()) return;
  Life& life = *it->second;
  life.lingered = true;
  for (auto& pipe : life.pipes) {
    if (pipe->empty_after_end) PublishUnfinished(*pipe);
  }
  CheckDrained(life);
}

void Collector::Watch(PipeState& pipe) {
  if (!pipe.life.worker || pipe.waits_for_room || pipe.readable) return;
  pipe.readable = loop_.OnReadable(pipe.fd.get(), [this, &pipe] { Take(pipe); });
}

void Collector::Rest(PipeState& pipe) {
  pipe.readable.reset();
  pipe.rest = loop_.After(options_.coalesce, [this, &pipe] {
    pipe.rest.reset();
    Watch(pipe);
  });
}

std::size_t Collector::ReadInto(PipeState& pipe, RecordBatch& batch, bool& at_end) {
  std::size_t taken = 0;
  while (taken < options_.take_max_bytes) {
    const ssize_t n = ::read(pipe.fd.get(), buffer_.data(), buffer_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 || (n < 0 && errno != EAGAIN)) at_end = true;
    if (n <= 0) {
      pipe.empty_after_end = pipe.life.ended;
      break;
    }
    const auto size = static_cast<std::size_t>(n);
    taken += size;
    pipe.splitter.Feed(std::string_view(buffer_.data(), size), batch.bytes, batch.lines);
    if (size == buffer_.size()) continue;
    // A pipe gives all it has: this one is empty, though perhaps not at its end.
    pipe.empty_after_end = pipe.life.ended;
    break;
  }
  return taken;
}

bool Collector::Take(PipeState& pipe) {
  Life& life = pipe.life;
  if (!life.worker) return true;
  if (pipe.kind != PipeKind::kTelemetry && !records_.HasRoom(*life.worker)) {
    pipe.waits_for_room = true;
    pipe.readable.reset();
    return true;
  }
  auto batch = std::make_shared<RecordBatch>();
  bool at_end = false;
  const std::size_t taken = ReadInto(pipe, *batch, at_end);
  if (at_end) pipe.splitter.Finish(batch->bytes, batch->lines);
  if (!batch->lines.empty()) Publish(pipe, std::move(batch));
  if (at_end) {
    Close(pipe);
    return false;
  }
  if (life.ended) {
    CheckDrained(life);
  } else if (taken < kHalfPipeBytes) {
    Rest(pipe);
  }
  return true;
}

void Collector::Publish(PipeState& pipe, std::shared_ptr<RecordBatch> batch) {
  if (pipe.kind == PipeKind::kTelemetry) {
    TakeFrames(pipe, *batch);
    return;
  }
  const std::shared_ptr<const WorkerRef>& worker = pipe.life.worker;
  batch->worker = worker;
  batch->stream = pipe.kind == PipeKind::kStdout ? Stream::kStdout : Stream::kStderr;
  batch->stamp = StampFor(worker->app);
  WorkerCounters& counters = slots_[{worker->app, worker->slot}].counters;
  StreamCounters& counter = batch->stream == Stream::kStdout ? counters.out : counters.err;
  for (const LineSpan& line : batch->lines) {
    const bool cut = (line.flags & kLinePartial) != 0;
    if (!cut) ++counter.lines;
    if (cut && !pipe.in_piece) ++counter.split_lines;
    pipe.in_piece = cut;
    counter.bytes += line.size + (cut ? 0 : 1);
  }
  if (batch->stream == Stream::kStderr) Remember(*batch);
  records_.Publish(std::move(batch));
}

void Collector::TakeFrames(PipeState& pipe, const RecordBatch& batch) {
  for (const LineSpan& line : batch.lines) {
    const auto report = ParseFrame(batch.Text(line));
    if (report) {
      telemetry_.Report(*pipe.life.worker, *report);
    } else {
      ++slots_[{pipe.life.worker->app, pipe.life.worker->slot}].counters.bad_frames;
    }
  }
}

void Collector::Remember(const RecordBatch& batch) {
  Slot& slot = slots_[{batch.worker->app, batch.worker->slot}];
  if (slot.stderr_incarnation != batch.worker->incarnation) {
    slot.stderr_incarnation = batch.worker->incarnation;
    slot.stderr_lines.clear();
    slot.stderr_bytes = 0;
  }
  const std::size_t count = std::min(batch.lines.size(), options_.keep_lines);
  for (const LineSpan& line : std::span(batch.lines).last(count)) {
    const std::string_view text = batch.Text(line).substr(0, options_.keep_bytes);
    slot.stderr_bytes += text.size();
    slot.stderr_lines.emplace_back(text);
    while (slot.stderr_lines.size() > options_.keep_lines ||
           slot.stderr_bytes > options_.keep_bytes) {
      slot.stderr_bytes -= slot.stderr_lines.front().size();
      slot.stderr_lines.pop_front();
    }
  }
}

void Collector::PublishUnfinished(PipeState& pipe) {
  auto batch = std::make_shared<RecordBatch>();
  pipe.splitter.Finish(batch->bytes, batch->lines);
  if (!batch->lines.empty()) Publish(pipe, std::move(batch));
}

void Collector::Close(PipeState& pipe) {
  Life& life = pipe.life;
  const PipeKind kind = pipe.kind;
  std::erase_if(life.pipes, [&](const auto& candidate) { return candidate.get() == &pipe; });
  if (callbacks_.on_closed) callbacks_.on_closed(life.incarnation, kind);
  CheckDrained(life);
}

void Collector::CheckDrained(Life& life) {
  if (!life.ended) return;
  // The word that it ended may have come before its pipes.
  if (!life.had_pipes && !life.lingered) return;
  const bool empty = std::all_of(life.pipes.begin(), life.pipes.end(),
                                 [](const auto& pipe) { return pipe->empty_after_end; });
  if (!life.drained && empty) {
    life.drained = true;
    if (callbacks_.on_drained) callbacks_.on_drained(life.incarnation);
  }
  if (life.drained && life.pipes.empty()) lives_.erase(life.incarnation);
}

void Collector::Resume(const std::string& app) {
  for (auto& entry : lives_) {
    Life& life = *entry.second;
    if (!life.worker || life.worker->app != app) continue;
    for (auto& pipe : life.pipes) {
      if (!pipe->waits_for_room) continue;
      pipe->waits_for_room = false;
      Watch(*pipe);
    }
  }
}

void Collector::DrainAll() {
  std::vector<std::uint64_t> incarnations;
  for (const auto& entry : lives_)
    incarnations.push_back(entry.first);
  for (const std::uint64_t incarnation : incarnations) {
    std::vector<PipeState*> pipes;
    for (auto& pipe : lives_.at(incarnation)->pipes)
      pipes.push_back(pipe.get());
    for (PipeState* pipe : pipes) {
      if (Take(*pipe) && pipe->life.worker) PublishUnfinished(*pipe);
    }
  }
}

void Collector::Forget(const std::string& app) {
  std::erase_if(slots_, [&](const auto& entry) { return entry.first.first == app; });
  last_stamp_.erase(app);
}

void Collector::Forget(const std::string& app, int slot) {
  slots_.erase({app, slot});
}

std::vector<std::string> Collector::LastStderr(const std::string& app,
                                               int slot,
                                               std::uint64_t incarnation) const {
  const auto it = slots_.find({app, slot});
  if (it == slots_.end() || it->second.stderr_incarnation != incarnation) return {};
  return {it->second.stderr_lines.begin(), it->second.stderr_lines.end()};
}

bool Collector::IsDrained(std::uint64_t incarnation) const {
  const auto it = lives_.find(incarnation);
  return it == lives_.end() || it->second->drained;
}

WorkerCounters Collector::Counters(const std::string& app, int slot) const {
  const auto it = slots_.find({app, slot});
  return it == slots_.end() ? WorkerCounters{} : it->second.counters;
}

std::size_t Collector::open_pipes() const {
  std::size_t count = 0;
  for (const auto& entry : lives_)
    count += entry.second->pipes.size();
  return count;
}

bool Collector::HasPipes(const std::string& app) const {
  return std::any_of(lives_.begin(), lives_.end(), [&](const auto& entry) {
    const Life& life = *entry.second;
    return life.worker && life.worker->app == app && !life.pipes.empty();
  });
}

Wall Collector::StampFor(const std::string& app) {
  Wall& last = last_stamp_[app];
  last = std::max(last, loop_.WallNow());
  return last;
}

}  // namespace tend::collector
