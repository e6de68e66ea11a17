// Batches as a collector would make them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/record.h"

namespace tend::rotate {

inline Wall At(int seconds, int nanos = 0) {
  // 2026-11-21T10:31:07Z
  return Wall(std::chrono::seconds(1795257067 + seconds) + std::chrono::nanoseconds(nanos));
}

struct BatchOf {
  std::string app = "api";
  int slot = 0;
  Stream stream = Stream::kStdout;
  Wall stamp = At(0);
  bool last_is_partial = false;

  RecordBatchPtr operator()(const std::vector<std::string>& lines) const {
    auto batch = std::make_shared<RecordBatch>();
    batch->worker =
        std::make_shared<const WorkerRef>(WorkerRef{.app = app, .slot = slot, .incarnation = 1});
    batch->stream = stream;
    batch->stamp = stamp;
    for (const std::string& line : lines) {
      LineSpan span;
      span.offset = static_cast<std::uint32_t>(batch->bytes.size());
      span.size = static_cast<std::uint32_t>(line.size());
      batch->bytes += line;
      batch->lines.push_back(span);
    }
    if (last_is_partial) batch->lines.back().flags = kLinePartial;
    return batch;
  }
};

}  // namespace tend::rotate
