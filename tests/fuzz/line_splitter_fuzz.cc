// Whatever comes in whatever pieces: the lines are those of the whole input, said byte by byte.
// The first byte is the limit of a line, the second shapes the pieces, the rest is the input.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "collector/line_splitter.h"

namespace tend::collector {
namespace {

using Lines = std::vector<std::pair<std::string, bool>>;  // text, goes on

Lines Model(std::string_view input, std::size_t line_max_bytes) {
  Lines lines;
  std::string line;
  for (const char c : input) {
    if (c == '\n') {
      lines.emplace_back(std::exchange(line, {}), false);
      continue;
    }
    if (line.size() == line_max_bytes) lines.emplace_back(std::exchange(line, {}), true);
    line += c;
  }
  if (!line.empty()) lines.emplace_back(line, false);
  return lines;
}

Lines Split(std::string_view input, std::size_t line_max_bytes, std::uint32_t seed) {
  LineSplitter splitter(line_max_bytes);
  RecordBatch batch;
  while (!input.empty()) {
    seed = seed * 1664525 + 1013904223;
    const std::string_view chunk = input.substr(0, 1 + (seed >> 24) % 23);
    splitter.Feed(chunk, batch.bytes, batch.lines);
    TEND_CHECK(splitter.pending_bytes() <= line_max_bytes);
    input.remove_prefix(chunk.size());
  }
  splitter.Finish(batch.bytes, batch.lines);
  TEND_CHECK(splitter.pending_bytes() == 0);
  Lines lines;
  for (const LineSpan& span : batch.lines) {
    TEND_CHECK(span.offset + span.size <= batch.bytes.size());
    lines.emplace_back(batch.Text(span), span.flags == kLinePartial);
  }
  return lines;
}

}  // namespace
}  // namespace tend::collector

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string input(data + 2, data + size);
  const std::size_t line_max_bytes = 1 + data[0];
  TEND_CHECK(tend::collector::Split(input, line_max_bytes, data[1]) ==
             tend::collector::Model(input, line_max_bytes));
  return 0;
}
