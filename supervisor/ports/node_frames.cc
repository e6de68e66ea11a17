#include "supervisor/ports/node_frames.h"

#include <utility>

namespace tend::supervisor {

NodeFrames::Cut NodeFrames::Next(std::string_view bytes) {
  if (!whole_.empty()) std::string().swap(whole_);
  const std::size_t newline = bytes.find('\n');
  if (newline == std::string_view::npos) return {};
  Cut cut{Kind::kMessage, newline + 1, bytes.substr(0, newline)};
  if (skipping_) {
    skipping_ = false;
    cut.kind = Kind::kRest;
  } else if (beginning_.size() + newline > message_max_) {
    std::string().swap(beginning_);
    cut.kind = Kind::kTooLarge;
  } else if (!beginning_.empty()) {
    whole_ = std::exchange(beginning_, {});
    whole_ += cut.message;
    cut.message = whole_;
  }
  if (cut.kind != Kind::kMessage) cut.message = {};
  return cut;
}

bool NodeFrames::Keep(std::string_view bytes) {
  if (skipping_) return false;
  if (beginning_.size() + bytes.size() <= message_max_) {
    beginning_ += bytes;
    return false;
  }
  std::string().swap(beginning_);
  skipping_ = true;
  return true;
}

}  // namespace tend::supervisor
