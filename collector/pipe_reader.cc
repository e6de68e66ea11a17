#include "collector/pipe_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tend::collector {

void PipeReader::Listen() {
  rest_.reset();
  if (!readable_) readable_ = loop_.OnReadable(fd_.get(), on_ready_);
}

void PipeReader::Pause() {
  rest_.reset();
  readable_.reset();
}

void PipeReader::RestFor(std::chrono::nanoseconds delay) {
  readable_.reset();
  rest_ = loop_.After(delay, [this] {
    // Both may go with the reader.
    const Loop::Watch over = std::move(rest_);
    const std::function<void()> ready = on_ready_;
    ready();
  });
}

bool PipeReader::Enlarge(std::size_t bytes) {
  return ::fcntl(fd_.get(), F_SETPIPE_SZ, static_cast<int>(bytes)) >= static_cast<int>(bytes);
}

PipeReader::Taken PipeReader::Read(std::span<char> buffer,
                                   std::size_t bytes_max,
                                   const std::function<void(std::string_view)>& take) {
  Taken taken;
  while (taken.bytes < bytes_max && !taken.is_empty) {
    const std::size_t asked = std::min(buffer.size(), bytes_max - taken.bytes);
    const ssize_t n = ::read(fd_.get(), buffer.data(), asked);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      taken.is_empty = true;
      taken.at_end = n == 0 || errno != EAGAIN;
      break;
    }
    const auto size = static_cast<std::size_t>(n);
    taken.bytes += size;
    take(std::string_view(buffer.data(), size));
    // A pipe gives all it has: this one is empty now, though perhaps not at its end.
    taken.is_empty = size < asked;
  }
  return taken;
}

PipeReader::Taken PipeReader::ReadThrough(Spool& spool,
                                          Wall now,
                                          std::span<char> buffer,
                                          std::size_t bytes_max,
                                          const std::function<void(std::string_view)>& take) {
  Taken taken;
  while (taken.bytes < bytes_max && !taken.is_empty && !taken.no_room && !taken.too_early) {
    const std::size_t asked = std::min(buffer.size(), bytes_max - taken.bytes);
    const Spool::Taken moved = spool.TakeFrom(fd_.get(), buffer.first(asked), now);
    if (moved.bytes > 0) take(std::string_view(buffer.data(), moved.bytes));
    taken.bytes += moved.bytes;
    taken.is_empty = moved.is_empty;
    taken.at_end = moved.at_end;
    taken.no_room = moved.no_room;
    taken.too_early = moved.too_early;
  }
  return taken;
}

}  // namespace tend::collector
