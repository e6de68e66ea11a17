// A disk worker without a thread, on a clock that the test moves, and ways to see what is on disk.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rotate/batches.h"
#include "rotate/disk_worker.h"
#include "rotate/log_reader.h"
#include "rotate/temp_folder.h"
#include "support/faulty_files.h"

namespace tend::rotate {

class WorkerFixture : public testing::Test {
 protected:
  WorkerFixture() {
    limits_.max_size = 400;
    limits_.min_free = 0;
    limits_.compress_delay = std::chrono::seconds(60);
    Restart();
  }

  // A new worker on the same folder, as after a crash of the old one.
  void Restart() {
    worker_.reset();
    worker_ = std::make_unique<DiskWorker>(
        files_, DiskWorker::Options{.folder = folder_.path()},
        DiskWorker::Hooks{
            [this](Fact fact) { facts_.push_back(std::move(fact)); },
            [this](const std::string& app, std::size_t bytes) { released_[app] += bytes; }});
  }
  void Open(const std::string& app = "api", const std::vector<ExtraFile>& extras = {}) {
    worker_->Configure(app, limits_, extras, now_);
  }
  void Advance(std::chrono::nanoseconds time) {
    now_.mono += time;
    now_.wall += time;
  }
  // Lets the worker do all that is due.
  void Settle() {
    for (int i = 0; i < 1000; ++i) {
      worker_->Tick(now_);
      if (!worker_->HasSlice(now_)) return;
      worker_->Slice(now_);
    }
    ADD_FAILURE() << "the worker does not come to rest";
  }
  void AdvanceAndSettle(std::chrono::nanoseconds time) {
    Advance(time);
    Settle();
  }
  void Write(const std::vector<std::string>& lines, BatchOf make = {}) {
    make.stamp = now_.wall;
    const RecordBatchPtr batch = make(lines);
    queued_ += QueuedBytes(*batch);
    worker_->Write(make.app, {batch}, now_);
  }
  // Lines "<n>" with n from `from` to `to`.
  void WriteNumbers(int from, int to) {
    for (int i = from; i <= to; ++i)
      Write({std::to_string(i)});
  }
  AppLogStats Stats(const std::string& app = "api") {
    worker_->Export(stats_);
    return stats_.apps[app];
  }
  int CountFacts(FactId id) const {
    int count = 0;
    for (const Fact& fact : facts_)
      count += fact.id == id ? 1 : 0;
    return count;
  }
  std::vector<StoredLine> Lines(LogQuery query = {}) {
    if (query.apps.empty()) query.apps = {{"api", folder_.At("api")}};
    LogReader reader(FilesLinux(), std::move(query));
    std::vector<StoredLine> all;
    do {
      auto lines = reader.Next(1000);
      EXPECT_TRUE(lines);
      if (!lines) break;
      all.insert(all.end(), lines->begin(), lines->end());
    } while (!reader.at_end());
    return all;
  }
  std::vector<std::string> Texts(LogQuery query = {}) {
    std::vector<std::string> texts;
    for (StoredLine& line : Lines(std::move(query)))
      texts.push_back(std::move(line.text));
    return texts;
  }
  // "1..3 5" for the lines 1, 2, 3, 5; stamps must not decrease.
  std::string Ranges() {
    std::string text;
    int first = 0, last = -1;
    Wall stamp{};
    const auto flush = [&] {
      if (last < first) return;
      if (!text.empty()) text += ' ';
      text += std::to_string(first);
      if (last > first) text += ".." + std::to_string(last);
    };
    for (const StoredLine& line : Lines()) {
      EXPECT_GE(line.time, stamp);
      stamp = line.time;
      if (line.slot < 0) continue;
      const int number = std::stoi(line.text);
      if (last < first || number != last + 1) {
        flush();
        first = number;
      }
      last = number;
    }
    flush();
    return text;
  }

  TempFolder folder_;
  FaultyFiles files_{FilesLinux()};
  config::LogConfig limits_;
  Moment now_{Mono(std::chrono::hours(1)), At(0)};
  std::vector<Fact> facts_;
  std::map<std::string, std::size_t> released_;
  std::size_t queued_ = 0;
  LogStoreStats stats_;
  std::unique_ptr<DiskWorker> worker_;
};

}  // namespace tend::rotate
