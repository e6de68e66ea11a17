// A worker may say anything on its channel, in any pieces. The first byte shapes the pieces, the
// second is the cap of a message, the rest is what it says. The messages are those of the whole,
// and what is answered to them is a line that the kernel takes whole.
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json_text.h"
#include "supervisor/ports/node_frames.h"
#include "supervisor/ports/node_message.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kWhole = 32u << 10;

std::vector<std::string> Model(std::string_view input, std::size_t message_max) {
  std::vector<std::string> messages;
  for (std::size_t end; (end = input.find('\n')) != std::string_view::npos;) {
    if (end <= message_max) messages.emplace_back(input.substr(0, end));
    input.remove_prefix(end + 1);
  }
  return messages;
}

// As NodeChannel does it: a piece is looked at, what is whole is cut, and the rest is looked at
// again.
std::vector<std::string> Cut(std::string_view input, std::size_t message_max, std::uint32_t seed) {
  NodeFrames frames(message_max);
  std::vector<std::string> messages;
  while (!input.empty()) {
    seed = seed * 1664525 + 1013904223;
    const std::string_view there = input.substr(0, 1 + (seed >> 24) % 61);
    std::size_t used = 0;
    for (;;) {
      const auto cut = frames.Next(there.substr(used));
      if (cut.kind == NodeFrames::Kind::kNone) break;
      used += cut.size;
      if (cut.kind == NodeFrames::Kind::kMessage) messages.emplace_back(cut.message);
    }
    if (used == 0) {
      frames.Keep(there);
      used = there.size();
    }
    input.remove_prefix(used);
  }
  return messages;
}

void CheckLine(const std::string& line) {
  TEND_CHECK(line.size() < kWhole);
  TEND_CHECK(line.find('\n') == line.size() - 1);
}

void CheckMessage(const std::string& text) {
  const NodeMessage message = ParseNodeMessage(text);
  TEND_CHECK(message.type.size() <= kTypeMax);
  TEND_CHECK(message.data.find('\n') == std::string::npos);
  if (message.kind != NodeMessage::Kind::kQuery) return;
  TEND_CHECK(message.query.data.size() <= kListenDataMax);
  TEND_CHECK(message.query.options.backlog > 0);
  const QueryReply reply{INT64_MAX, message.seq, message.query.key, message.query.data};
  CheckLine(SharedReply(reply, true));
  CheckLine(RoundRobinReply(reply, message.query.address));
  CheckLine(ErrorReply(reply, EADDRINUSE));
  CheckLine(NewConnection(INT64_MAX, Quoted(message.query.key)));
  if (message.query.wrong == 0) (void)ToKernel(message.query.address);
}

}  // namespace
}  // namespace tend::supervisor

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tend::supervisor;
  if (size < 2) return 0;
  const std::string input(data + 2, data + size);
  const std::size_t message_max = 16u * data[1];
  const auto messages = Cut(input, message_max, data[0]);
  TEND_CHECK(messages == Model(input, message_max));
  for (const std::string& message : messages)
    CheckMessage(message);
  return 0;
}
