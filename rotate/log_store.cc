#include "rotate/log_store.h"

#include <pthread.h>

#include <thread>
#include <utility>

#include "base/check.h"
#include "rotate/disk_queue.h"
#include "rotate/disk_worker.h"
#include "rotate/segment_name.h"

namespace tend::rotate {
namespace {

constexpr auto kShutdownDefault = std::chrono::seconds(2);

Moment MomentNow() {
  return {std::chrono::steady_clock::now(), NowWall()};
}

// What the loop's side of the callbacks is reached by; gone when the store is.
struct Callbacks {
  std::function<void(Fact)> on_fact;
  std::function<void(const std::string&)> on_room;
};

}  // namespace

struct LogStore::Core {
  Core(Loop& l, Files& files, const Options& options, std::weak_ptr<Callbacks> c)
      : loop(l),
        callbacks(std::move(c)),
        queue({options.queue_max_bytes, options.queue_app_max_bytes}),
        worker(files,
               {options.folder, options.logs_total, options.journals, options.locks},
               {[this](Fact fact) { Tell(std::move(fact)); },
                [this](const std::string& app, std::size_t bytes) { Released(app, bytes); }}) {}

  void Tell(Fact fact) {
    fact.time = NowWall();
    loop.Post([weak = callbacks, fact = std::move(fact)]() mutable {
      const auto alive = weak.lock();
      if (alive && alive->on_fact) alive->on_fact(std::move(fact));
    });
  }

  void Released(const std::string& app, std::size_t bytes) {
    for (std::string& roomy : queue.Release(app, bytes)) {
      loop.Post([weak = callbacks, name = std::move(roomy)] {
        const auto alive = weak.lock();
        if (alive && alive->on_room) alive->on_room(name);
      });
    }
  }

  void Handle(DiskQueue::Work& work) {
    std::vector<RecordBatchPtr> batches;
    const auto write = [&] {
      if (batches.empty()) return;
      worker.Write(work.app, batches, MomentNow());
      batches.clear();
    };
    for (DiskQueue::Item& item : work.items) {
      if (item.batch) {
        batches.push_back(std::move(item.batch));
        continue;
      }
      write();
      item.command();
    }
    write();
    if (work.lost_lines > 0) {
      worker.NoteLost(work.app,
                      {.lines = work.lost_lines,
                       .bytes = work.lost_bytes,
                       .reason = DropReason::kQueueFull,
                       .why = "lines came faster than the disk takes them"},
                      MomentNow());
    }
  }

  void Compress() {
    const Mono until = MomentNow().mono + worker.SliceTime();
    for (;;) {
      const Moment now = MomentNow();
      if (!worker.HasSlice(now)) return;
      worker.Slice(now);
      if (now.mono >= until) return;
      // The next segment, if this one is done.
      worker.Tick(now);
    }
  }

  void Run() {
    for (;;) {
      const Mono next = worker.Tick(MomentNow());
      const bool busy = worker.HasSlice(MomentNow());
      std::vector<DiskQueue::Work> all = queue.Take(busy ? Mono{} : next);
      const bool stop = all.empty() && queue.stopping();
      for (DiskQueue::Work& work : all)
        Handle(work);
      if (busy && !stop) Compress();
      stats.With([this](LogStoreStats& s) { worker.Export(s); });
      if (stop) break;
    }
    worker.Finish(MomentNow());
    queue.Finish();
  }

  Loop& loop;
  std::weak_ptr<Callbacks> callbacks;
  std::shared_ptr<Callbacks> callbacks_owner;  // held by the loop's side; reset there
  DiskQueue queue;
  DiskWorker worker;
  Locked<LogStoreStats> stats;
  std::thread thread;
};

LogStore::LogStore(Loop& loop, Files& files, Options options)
    : loop_(loop), folder_(options.folder) {
  auto callbacks = std::make_shared<Callbacks>();
  callbacks->on_fact = std::move(options.on_fact);
  callbacks->on_room = std::move(options.on_room);
  core_ = std::make_shared<Core>(loop, files, options, callbacks);
  core_->callbacks_owner = std::move(callbacks);
  core_->thread = std::thread([core = core_] { core->Run(); });
  ::pthread_setname_np(core_->thread.native_handle(), "tend-disk");
}

LogStore::~LogStore() {
  if (running_) Shutdown(kShutdownDefault);
  core_->callbacks_owner.reset();
}

void LogStore::Submit(const std::string& app, std::function<Result<>()> command, Done done) {
  core_->queue.Command(
      app, [core = core_.get(), run = std::move(command), answer = std::move(done)]() mutable {
        Result<> result = run();
        if (!answer) return;
        core->loop.Post([weak = core->callbacks, answer = std::move(answer),
                         result = std::move(result)]() mutable {
          if (weak.lock()) answer(std::move(result));
        });
      });
}

void LogStore::SubmitConfigure(const std::string& app,
                               const config::LogConfig& limits,
                               std::vector<ExtraFile> extras) {
  Submit(
      app,
      [core = core_.get(), app, limits, extras = std::move(extras)]() -> Result<> {
        core->worker.Configure(app, limits, extras, MomentNow());
        return {};
      },
      nullptr);
}

Result<> LogStore::OpenApp(const std::string& app,
                           const config::LogConfig& limits,
                           std::vector<ExtraFile> extras) {
  const std::string folder = SafeAppName(app);
  for (const auto& [other, used] : open_) {
    if (used != folder) continue;
    if (other == app) return Error(Errc::kExists, "the log of \"" + app + "\" is open already");
    return Error(Errc::kExists, "\"" + app + "\" would keep its log in the folder of \"" + other +
                                    "\" (" + folder + ")");
  }
  open_.emplace(app, folder);
  SubmitConfigure(app, limits, std::move(extras));
  return {};
}

Result<> LogStore::Reconfigure(const std::string& app,
                               const config::LogConfig& limits,
                               std::vector<ExtraFile> extras) {
  if (open_.count(app) == 0) return Error(Errc::kNotFound, "no log of \"" + app + "\" is open");
  SubmitConfigure(app, limits, std::move(extras));
  return {};
}

void LogStore::CloseApp(const std::string& app) {
  if (open_.erase(app) == 0) return;
  Submit(
      app,
      [core = core_.get(), app]() -> Result<> {
        core->worker.Close(app, MomentNow());
        return {};
      },
      nullptr);
}

void LogStore::SetLogsTotal(std::uint64_t bytes) {
  Submit(
      "",
      [core = core_.get(), bytes]() -> Result<> {
        core->worker.SetLogsTotal(bytes);
        return {};
      },
      nullptr);
}

bool LogStore::HasRoom(const WorkerRef& worker) const {
  return core_->queue.HasRoom(worker.app);
}

void LogStore::Publish(RecordBatchPtr batch) {
  TEND_CHECK(batch && batch->worker);
  const std::string& app = batch->worker->app;
  core_->queue.Push(app, std::move(batch));
  // Once for all that comes in one turn of the loop: to wake a thread costs more than a small
  // batch.
  if (std::exchange(wakes_, true)) return;
  loop_.Post([this, weak = core_->callbacks] {
    if (!weak.lock()) return;
    wakes_ = false;
    core_->queue.Wake();
  });
}

void LogStore::NoteLost(const std::string& app, LostLines lost) {
  Submit(
      app,
      [core = core_.get(), app, lost = std::move(lost)]() -> Result<> {
        core->worker.NoteLost(app, lost, MomentNow());
        return {};
      },
      nullptr);
}

void LogStore::Flush(const std::string& app, Done done) {
  Submit(
      app, [core = core_.get(), app] { return core->worker.Flush(app); }, std::move(done));
}

void LogStore::Rotate(const std::string& app, Done done) {
  Submit(
      app, [core = core_.get(), app] { return core->worker.Rotate(app, MomentNow()); },
      std::move(done));
}

void LogStore::Reopen(const std::string& app, Done done) {
  Submit(
      app, [core = core_.get(), app] { return core->worker.Reopen(app, MomentNow()); },
      std::move(done));
}

void LogStore::Barrier(const std::string& app, std::function<void()> done) {
  Submit(
      app, [] { return Result<>(); }, [done = std::move(done)](Result<>) { done(); });
}

LogStoreStats LogStore::Stats() const {
  return core_->stats.With([](const LogStoreStats& stats) { return stats; });
}

std::string LogStore::FolderOf(const std::string& app) const {
  return folder_ + '/' + SafeAppName(app);
}

bool LogStore::Shutdown(std::chrono::nanoseconds time_max) {
  if (!std::exchange(running_, false)) return true;
  core_->queue.Stop();
  const bool finished = core_->queue.WaitFinished(std::chrono::steady_clock::now() + time_max);
  if (finished) {
    core_->thread.join();
  } else {
    core_->thread.detach();
  }
  return finished;
}

}  // namespace tend::rotate
