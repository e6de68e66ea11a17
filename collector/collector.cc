#include "collector/collector.h"

#include <algorithm>
#include <span>

#include "collector/pipe_reader.h"
#include "collector/statsd_line.h"
#include "collector/telemetry_frame.h"

namespace tend::collector {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kPipeBytes = 64 * 1024;
// Of a worker in a hurry: so that it seldom has to wait for us, and we take much at a time.
constexpr std::size_t kHurriedPipeBytes = 256 * 1024;
// Values of an app's own that are taken at once; those of one take of a pipe are far fewer.
constexpr std::size_t kCustomTakeMax = 64 * 1024;
constexpr auto kRestMin = std::chrono::microseconds(100);

}  // namespace

struct Collector::PipeState {
  PipeState(Collector& collector, Life& owner, PipeKind k, Fd fd)
      : life(owner),
        kind(k),
        reader(collector.loop_, std::move(fd), [&collector, this] { collector.Take(*this); }),
        splitter(k == PipeKind::kTelemetry ? kFrameMaxBytes : kLineMaxBytes),
        rest(collector.options_.coalesce) {}

  Life& life;
  PipeKind kind;
  PipeReader reader;
  LineSplitter splitter;
  std::shared_ptr<Spool> spool;  // null: none yet, or none at all
  bool wants_spool = true;
  std::uint64_t read_to = 0;  // of the spool
  std::size_t capacity = kPipeBytes;
  std::chrono::nanoseconds rest;               // after a take
  std::size_t last_bytes = 0, last_lines = 0;  // of the last batch
  std::size_t outside_bytes = 0;               // of the unfinished line, that are not in the spool
  bool in_piece = false;                       // the last span was cut; the line goes on
  bool waits_for_room = false;                 // in the sink
  bool waits_for_spool = false;                // that it has room
  bool empty_after_end = false;
  bool finish_when_empty = false;  // the linger time is over, but not what was in the pipe
};

struct Collector::Life {
  std::uint64_t incarnation = 0;
  std::shared_ptr<const WorkerRef> worker;  // null: not announced yet
  bool ended = false;
  bool had_stdout = false;
  bool had_stderr = false;
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
  for (auto& pipe : life.pipes) {
    OpenLeftSpool(*pipe);
    pipe->reader.Listen();
  }
  if (life.ended) TakeLast(worker.incarnation);
}

void Collector::Attach(std::uint64_t incarnation, PipeKind kind, Fd fd) {
  // A descriptor that cannot be read without blocking would hold up every other pipe.
  if (!SetNonBlocking(fd.get())) return;
  Life& life = LifeOf(incarnation);
  life.had_stdout |= kind == PipeKind::kStdout;
  life.had_stderr |= kind == PipeKind::kStderr;
  life.drained = false;
  life.pipes.push_back(std::make_unique<PipeState>(*this, life, kind, std::move(fd)));
  if (!life.worker) return;
  OpenLeftSpool(*life.pipes.back());
  life.pipes.back()->reader.Listen();
  if (life.ended) TakeLast(incarnation);
}

void Collector::Ended(std::uint64_t incarnation) {
  Life& life = LifeOf(incarnation);
  if (life.ended) return;
  life.ended = true;
  life.linger = loop_.After(options_.linger, [this, incarnation] { LingerOver(incarnation); });
  TakeLast(incarnation);
}

void Collector::TakeLast(std::uint64_t incarnation) {
  // Taking may close pipes and end the life.
  std::vector<PipeState*> pipes;
  for (auto& pipe : lives_.at(incarnation)->pipes)
    pipes.push_back(pipe.get());
  for (PipeState* pipe : pipes) {
    const bool waits = pipe->waits_for_room || pipe->waits_for_spool;
    if (!waits && pipe->life.worker) pipe->reader.Listen();
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
    if (pipe->empty_after_end) {
      PublishUnfinished(*pipe, kLineWhole);
    } else {
      pipe->finish_when_empty = true;
    }
  }
  CheckDrained(life);
}

void Collector::OpenSpool(PipeState& pipe) {
  if (!std::exchange(pipe.wants_spool, false)) return;
  if (!options_.spools || pipe.kind == PipeKind::kTelemetry) return;
  const WorkerRef& worker = *pipe.life.worker;
  auto spool = options_.spools->Get(worker.incarnation, static_cast<std::uint32_t>(pipe.kind),
                                    {worker.app, worker.slot});
  if (!spool) return;
  pipe.spool = *std::move(spool);
  pipe.read_to = pipe.spool->cursor();
  TakeBacklog(pipe);
}

void Collector::OpenLeftSpool(PipeState& pipe) {
  // Its worker may never write again: what was taken is not kept waiting for that.
  const bool is_left =
      options_.spools &&
      options_.spools->HasLeft(pipe.life.incarnation, static_cast<std::uint32_t>(pipe.kind));
  if (is_left) OpenSpool(pipe);
}

void Collector::TakeBacklog(PipeState& pipe) {
  // As near as can be told to when it was taken.
  const Wall taken_at = std::min(pipe.spool->taken_at(), loop_.WallNow());
  const std::string backlog = pipe.spool->Backlog();
  for (std::string_view left = backlog; !left.empty();) {
    const std::string_view part = left.substr(0, options_.take_max_bytes);
    left.remove_prefix(part.size());
    auto batch = std::make_shared<RecordBatch>();
    pipe.splitter.Feed(part, batch->bytes, batch->lines);
    pipe.read_to += part.size();
    if (!batch->lines.empty()) Publish(pipe, std::move(batch), taken_at);
  }
}

bool Collector::Take(PipeState& pipe) {
  Life& life = pipe.life;
  if (!life.worker) return true;
  if (pipe.kind != PipeKind::kTelemetry && !records_.HasRoom(*life.worker)) {
    pipe.waits_for_room = true;
    auto& since = slots_[{life.worker->app, life.worker->slot}].blocked_since;
    if (!since) since = loop_.Now();
    pipe.reader.Pause();
    return true;
  }
  OpenSpool(pipe);
  auto batch = std::make_shared<RecordBatch>();
  batch->bytes.reserve(pipe.last_bytes);
  batch->lines.reserve(pipe.last_lines);
  const auto feed = [&](std::string_view bytes) {
    pipe.splitter.Feed(bytes, batch->bytes, batch->lines);
  };
  PipeReader::Taken taken = ReadFrom(pipe, feed);
  if (life.ended && taken.bytes > 0 && taken.is_empty) {
    // Empty is not yet at its end, and no other turn of the loop is needed to tell.
    const std::size_t before = taken.bytes;
    taken = ReadFrom(pipe, feed);
    taken.bytes += before;
  }
  if (taken.is_empty && life.ended) pipe.empty_after_end = true;
  if (taken.at_end || (taken.is_empty && std::exchange(pipe.finish_when_empty, false))) {
    pipe.splitter.Finish(batch->bytes, batch->lines);
  }
  pipe.last_bytes = batch->bytes.size();
  pipe.last_lines = batch->lines.size();
  if (!batch->lines.empty()) Publish(pipe, std::move(batch));
  if (taken.no_room) {
    pipe.waits_for_spool = true;
    pipe.reader.Pause();
    return true;
  }
  if (taken.at_end) {
    Close(pipe);
    return false;
  }
  if (life.ended) CheckDrained(life);
  // The last words of a worker are taken without a rest.
  const bool last_words = life.ended && !life.drained;
  if (taken.too_early) {
    pipe.reader.RestFor(options_.coalesce);
  } else if (last_words || !MayRest(pipe, taken)) {
    pipe.reader.Listen();
  } else {
    pipe.reader.RestFor(UntilRested(pipe));
  }
  return true;
}

// How long depends on how fast the worker fills its pipe: it should not come to wait for us.
bool Collector::MayRest(PipeState& pipe, const PipeReader::Taken& taken) {
  if (taken.bytes >= pipe.capacity / 2) {
    pipe.rest = pipe.rest > kRestMin ? pipe.rest / 4 : std::chrono::nanoseconds(0);
    const bool enlarge = pipe.capacity < kHurriedPipeBytes && pipe.rest.count() == 0;
    if (enlarge && pipe.reader.Enlarge(kHurriedPipeBytes)) pipe.capacity = kHurriedPipeBytes;
  } else if (taken.bytes < pipe.capacity / 4) {
    pipe.rest = std::clamp<std::chrono::nanoseconds>(pipe.rest * 2, kRestMin, options_.coalesce);
  }
  return taken.bytes > 0 && taken.is_empty && pipe.rest.count() > 0;
}

// Long rests end at the same moments, so that one wake-up serves many pipes.
std::chrono::nanoseconds Collector::UntilRested(const PipeState& pipe) const {
  if (pipe.rest < options_.coalesce) return pipe.rest;
  return pipe.rest - loop_.Now().time_since_epoch() % pipe.rest;
}

PipeReader::Taken Collector::ReadFrom(PipeState& pipe,
                                      const std::function<void(std::string_view)>& feed) {
  if (!pipe.spool) return pipe.reader.Read(buffer_, options_.take_max_bytes, feed);
  PipeReader::Taken taken;
  const auto read = [&] {
    const std::size_t before = taken.bytes;
    const std::size_t pending = pipe.splitter.pending_bytes();
    taken = pipe.reader.ReadThrough(*pipe.spool, loop_.WallNow(), buffer_,
                                    options_.take_max_bytes - before, feed);
    pipe.read_to += taken.bytes;
    // When a line ended, what was outside was of that line.
    const std::size_t now_pending = pipe.splitter.pending_bytes();
    if (now_pending != pending + taken.bytes) {
      const std::size_t older = now_pending - std::min(now_pending, taken.bytes);
      pipe.outside_bytes = std::min(pipe.outside_bytes, older);
    }
    taken.bytes += before;
  };
  read();
  if (!taken.no_room) return taken;
  Spool::Room room = pipe.spool->MakeRoom(CompleteTo(pipe));
  if (room == Spool::Room::kNow) {
    read();
    // Still none: then it is not for the reason that was thought.
    room = taken.no_room ? pipe.spool->MakeRoom(CompleteTo(pipe)) : room;
  }
  if (room != Spool::Room::kNone) {
    taken.no_room = room == Spool::Room::kLater;
    return taken;
  }
  // A worker is not held up because the memory for its line is short.
  const std::size_t before = taken.bytes;
  taken = pipe.reader.Read(buffer_, options_.take_max_bytes, feed);
  pipe.outside_bytes += taken.bytes;
  taken.bytes += before;
  return taken;
}

std::uint64_t Collector::CompleteTo(PipeState& pipe) {
  const std::size_t unfinished = pipe.splitter.pending_bytes();
  pipe.outside_bytes = std::min(pipe.outside_bytes, unfinished);
  return pipe.read_to - (unfinished - pipe.outside_bytes);
}

void Collector::Publish(PipeState& pipe, std::shared_ptr<RecordBatch> batch, Wall taken_at) {
  if (pipe.kind == PipeKind::kTelemetry) {
    TakeFrames(pipe, *batch);
    return;
  }
  if (pipe.spool) batch->mark = {pipe.spool, CompleteTo(pipe)};
  const Stream stream = pipe.kind == PipeKind::kStdout ? Stream::kStdout : Stream::kStderr;
  Stamp(pipe.life.worker, stream, std::move(batch), pipe.in_piece, taken_at);
}

void Collector::Stamp(std::shared_ptr<const WorkerRef> worker,
                      Stream stream,
                      std::shared_ptr<RecordBatch> batch,
                      bool& in_piece,
                      Wall taken_at) {
  batch->stream = stream;
  batch->stamp = StampFor(worker->app, taken_at);
  WorkerCounters& counters = slots_[{worker->app, worker->slot}].counters;
  batch->worker = std::move(worker);
  StreamCounters& counter = batch->stream == Stream::kStdout ? counters.out : counters.err;
  for (const LineSpan& line : batch->lines) {
    const bool cut = (line.flags & kLinePartial) != 0;
    if (!cut) ++counter.lines;
    if (cut && !in_piece) ++counter.split_lines;
    in_piece = cut;
    counter.bytes += line.size + (cut ? 0 : 1);
  }
  if (batch->stream == Stream::kStderr) Remember(*batch);
  records_.Publish(std::move(batch));
}

void Collector::SetRedactor(const std::string& app, std::shared_ptr<const Redactor> redactor) {
  if (redactor) {
    redactors_.insert_or_assign(app, std::move(redactor));
  } else {
    redactors_.erase(app);
  }
}

void Collector::TakeFrames(PipeState& pipe, const RecordBatch& batch) {
  const WorkerRef& worker = *pipe.life.worker;
  std::vector<CustomValue> values;
  std::size_t refused = 0;
  for (const LineSpan& line : batch.lines) {
    const std::string_view text = batch.Text(line);
    if (!text.starts_with('{')) {
      const bool is_statsd = values.size() < kCustomTakeMax && ParseStatsdLine(text, values);
      if (!is_statsd && !text.empty()) ++refused;
      continue;
    }
    const auto report = ParseFrame(text);
    if (report) {
      telemetry_.Report(worker, *report);
    } else {
      ++refused;
    }
  }
  if (!values.empty() || refused > 0) telemetry_.Custom(worker, values, refused);
}

void Collector::Remember(const RecordBatch& batch) {
  std::deque<Tail>& tails = slots_[{batch.worker->app, batch.worker->slot}].tails;
  // Two incarnations may overlap, while the pipes of the first are read to their ends.
  auto tail = std::find_if(tails.begin(), tails.end(), [&](const Tail& known) {
    return known.incarnation >= batch.worker->incarnation;
  });
  if (tail == tails.end() || tail->incarnation != batch.worker->incarnation) {
    tail = tails.insert(tail, {batch.worker->incarnation, {}, 0});
  }
  const std::size_t count = std::min(batch.lines.size(), options_.keep_lines);
  const auto redactor = redactors_.find(batch.worker->app);
  for (const LineSpan& line : std::span(batch.lines).last(count)) {
    // All of it is looked at: what is cut in the middle may not be found.
    std::string text = redactor != redactors_.end() ? redactor->second->Redact(batch.Text(line))
                                                    : std::string(batch.Text(line));
    if (text.size() > options_.keep_bytes) text.resize(options_.keep_bytes);
    tail->bytes += text.size();
    tail->lines.push_back(std::move(text));
    while (tail->lines.size() > options_.keep_lines || tail->bytes > options_.keep_bytes) {
      tail->bytes -= tail->lines.front().size();
      tail->lines.pop_front();
    }
  }
  if (tails.size() > options_.keep_lives) tails.pop_front();
}

void Collector::PublishUnfinished(PipeState& pipe, LineFlags flags) {
  auto batch = std::make_shared<RecordBatch>();
  pipe.splitter.Finish(batch->bytes, batch->lines, flags);
  if (!batch->lines.empty()) Publish(pipe, std::move(batch));
}

void Collector::Close(PipeState& pipe) {
  Life& life = pipe.life;
  const PipeKind kind = pipe.kind;
  if (pipe.spool) pipe.spool->Close();
  std::erase_if(life.pipes, [&](const auto& candidate) { return candidate.get() == &pipe; });
  if (callbacks_.on_closed) callbacks_.on_closed(life.incarnation, kind);
  CheckDrained(life);
}

void Collector::CheckDrained(Life& life) {
  if (!life.ended) return;
  // The word that it ended may have come before its pipes.
  if (!life.lingered && !(life.had_stdout && life.had_stderr)) return;
  const bool empty = std::all_of(life.pipes.begin(), life.pipes.end(),
                                 [](const auto& pipe) { return pipe->empty_after_end; });
  if (!life.drained && empty) {
    life.drained = true;
    if (callbacks_.on_drained) callbacks_.on_drained(life.incarnation);
  }
  // Until then a pipe may still come, and must find out whose it is.
  if (life.lingered && life.pipes.empty()) lives_.erase(life.incarnation);
}

void Collector::Resume(const std::string& app) {
  for (auto& [key, slot] : slots_) {
    if (key.first != app || !slot.blocked_since) continue;
    slot.counters.blocked_seconds += SecondsSince(*slot.blocked_since);
    slot.blocked_since.reset();
  }
  for (auto& entry : lives_) {
    Life& life = *entry.second;
    if (!life.worker || life.worker->app != app) continue;
    for (auto& pipe : life.pipes) {
      if (!pipe->waits_for_room) continue;
      pipe->waits_for_room = false;
      pipe->reader.Listen();
    }
  }
}

void Collector::SpoolHasRoom(std::uint64_t incarnation) {
  const auto known = lives_.find(incarnation);
  if (known == lives_.end()) return;
  for (auto& pipe : known->second->pipes) {
    if (std::exchange(pipe->waits_for_spool, false)) pipe->reader.Listen();
  }
}

std::vector<std::string> Collector::AppsWithLeft() const {
  std::vector<std::string> apps;
  if (!options_.spools) return apps;
  for (const auto& [incarnation, owner] : options_.spools->OwnersLeft()) {
    if (std::find(apps.begin(), apps.end(), owner.app) == apps.end()) apps.push_back(owner.app);
  }
  return apps;
}

void Collector::PublishLeft() {
  if (!options_.spools) return;
  // First those whose pipes are here, though nobody told whose they are: their spools go on.
  for (const auto& [incarnation, owner] : options_.spools->OwnersLeft()) {
    const auto known = lives_.find(incarnation);
    if (known == lives_.end() || known->second->worker) continue;
    Announce({owner.app, owner.slot, incarnation});
  }
  for (const std::shared_ptr<Spool>& spool : options_.spools->TakeLeft()) {
    Life life;
    life.incarnation = spool->id().incarnation;
    life.worker = std::make_shared<const WorkerRef>(
        WorkerRef{spool->owner().app, spool->owner().slot, life.incarnation});
    PipeState pipe(*this, life, static_cast<PipeKind>(spool->id().stream), Fd());
    pipe.spool = spool;
    pipe.read_to = spool->cursor();
    const Wall taken_at = spool->taken_at();
    TakeBacklog(pipe);
    auto batch = std::make_shared<RecordBatch>();
    pipe.splitter.Finish(batch->bytes, batch->lines);
    if (!batch->lines.empty()) Publish(pipe, std::move(batch), taken_at);
    spool->Close();
    if (callbacks_.on_closed) callbacks_.on_closed(life.incarnation, pipe.kind);
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
      if (!Take(*pipe) || !pipe->life.worker) continue;
      // A worker that lives goes on with its line, and whoever reads the pipe after us with it.
      PublishUnfinished(*pipe, pipe->life.ended ? kLineWhole : kLinePartial);
    }
  }
}

void Collector::Forget(const std::string& app) {
  std::erase_if(slots_, [&](const auto& entry) { return entry.first.first == app; });
  last_stamp_.erase(app);
  redactors_.erase(app);
}

void Collector::Forget(const std::string& app, int slot) {
  slots_.erase({app, slot});
}

std::vector<std::string> Collector::LastStderr(const std::string& app,
                                               int slot,
                                               std::uint64_t incarnation) const {
  const auto it = slots_.find({app, slot});
  if (it == slots_.end()) return {};
  for (const Tail& tail : it->second.tails) {
    const bool is_next =
        tail.incarnation > incarnation && it->second.tails.size() == options_.keep_lives;
    if (tail.incarnation == incarnation || is_next) return {tail.lines.begin(), tail.lines.end()};
    if (tail.incarnation > incarnation) break;
  }
  return {};
}

bool Collector::IsDrained(std::uint64_t incarnation) const {
  const auto it = lives_.find(incarnation);
  return it == lives_.end() || it->second->drained;
}

WorkerCounters Collector::Counters(const std::string& app, int slot) const {
  const auto it = slots_.find({app, slot});
  if (it == slots_.end()) return {};
  WorkerCounters counters = it->second.counters;
  if (it->second.blocked_since) counters.blocked_seconds += SecondsSince(*it->second.blocked_since);
  return counters;
}

double Collector::SecondsSince(Mono time) const {
  return std::chrono::duration<double>(loop_.Now() - time).count();
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

Wall Collector::StampFor(const std::string& app, Wall taken_at) {
  Wall& last = last_stamp_[app];
  last = std::max(last, taken_at);
  return last;
}

}  // namespace tend::collector
