// Bytes of a Node channel → messages. One message is one line; a raw newline is never inside of
// one.
//
// Made for bytes that are looked at before they are taken: what is whole is cut out of the bytes
// where they lie, and only a beginning whose end is not there yet is kept here. A message larger
// than the cap is skipped to its end without being kept.
//
// Pure. Holds memory only while a message is unfinished, and then at most the cap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tend::supervisor {

class NodeFrames {
 public:
  enum class Kind : std::uint8_t {
    kNone,     // no message ends in these bytes
    kMessage,  // a whole one
    kTooLarge,
    kRest,  // of one that was too large and is known as that
  };
  struct Cut {
    Kind kind = Kind::kNone;
    std::size_t size = 0;      // bytes that it takes, with its newline
    std::string_view message;  // until the next call
  };

  explicit NodeFrames(std::size_t message_max) : message_max_(message_max) {}

  // The first message of `bytes`, which begin where the last Cut or Keep ended.
  Cut Next(std::string_view bytes);
  // All of `bytes` is the beginning, or a part, of a message whose end is to come. True if that
  // makes it too large.
  bool Keep(std::string_view bytes);

  // True between messages.
  bool empty() const { return beginning_.empty() && !skipping_; }

 private:
  const std::size_t message_max_;
  std::string beginning_, whole_;
  bool skipping_ = false;
};

}  // namespace tend::supervisor
