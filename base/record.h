// The nouns of the log path: who wrote, on which stream, when we took it, and the lines themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/spool.h"
#include "base/time.h"

namespace tend {

enum class Stream : std::uint8_t { kStdout, kStderr };
inline constexpr std::string_view StreamName(Stream s) {
  return s == Stream::kStdout ? "stdout" : "stderr";
}

// One life of a worker. `incarnation` is unique for as long as the state folder lives; `slot` is
// stable over restarts. Never a pid.
struct WorkerRef {
  std::string app;
  int slot = 0;
  std::uint64_t incarnation = 0;

  // "api:1", as people read it in lines and tables.
  std::string Name() const { return app + ':' + std::to_string(slot); }
  friend bool operator==(const WorkerRef&, const WorkerRef&) = default;
};

enum LineFlags : std::uint8_t {
  kLineWhole = 0,
  kLinePartial = 1,  // goes on in the next record of this stream (CRI's P)
};

// Where a line's text lies in its batch. The newline is not part of the text.
struct LineSpan {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  std::uint8_t flags = kLineWhole;
};

// What one take from one pipe gave: lines of one stream of one worker under one stamp. Owns its
// bytes; immutable once published, so it may cross threads.
struct RecordBatch {
  std::shared_ptr<const WorkerRef> worker;
  Stream stream = Stream::kStdout;
  Wall stamp{};
  std::string bytes;
  std::vector<LineSpan> lines;
  // Where these lines end in what is recorded of their pipe. A batch without lines moves the mark
  // over lines that are not to be written.
  SpoolMark mark;

  std::string_view Text(const LineSpan& line) const {
    return std::string_view(bytes).substr(line.offset, line.size);
  }
};
using RecordBatchPtr = std::shared_ptr<const RecordBatch>;

// One without lines that stands for `batch` otherwise: same worker, stream, stamp and mark.
inline std::shared_ptr<RecordBatch> EmptyLike(const RecordBatch& batch) {
  auto empty = std::make_shared<RecordBatch>();
  empty->worker = batch.worker;
  empty->stream = batch.stream;
  empty->stamp = batch.stamp;
  empty->mark = batch.mark;
  return empty;
}

// Takes records. Thread: the loop's.
class RecordSink {
 public:
  RecordSink() = default;
  RecordSink(const RecordSink&) = delete;
  RecordSink& operator=(const RecordSink&) = delete;
  virtual ~RecordSink() = default;

  // True if there is room for another batch of this app. The collector asks before it takes bytes
  // from a pipe and leaves them there if not; so Publish itself never refuses.
  virtual bool HasRoom(const WorkerRef& worker) const = 0;
  virtual void Publish(RecordBatchPtr batch) = 0;
};

}  // namespace tend
