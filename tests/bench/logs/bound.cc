// The least work that stamping and storing lines can be: bound FOLDER SEGMENT_BYTES FD...
//
// Reads up to 64 KiB from each pipe, finds newlines with memchr, copies each line behind a stamp
// that is made once a read, writes, and renames the file when it is full. Ends when all pipes have.
// A line is as wide as tend writes it. Buffers are fixed: a line longer than one is an error, and
// so is any other trouble. An upper bound, not a program to use.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// A read of nothing but newlines becomes this much text.
constexpr std::size_t kOutBytes = 64 * kReadBytes;
constexpr std::size_t kFlushBytes = 256 * 1024;
constexpr char kAfterStamp[] = " stdout F w:0 ";

[[noreturn]] void Fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

struct Source {
  int fd;
  std::size_t held = 0;  // of an unfinished line, in front of what is read next
  std::vector<char> buffer = std::vector<char>(2 * kReadBytes);
};

struct Stamp {
  char text[64];
  std::size_t size;
};

struct Out {
  std::string folder;
  std::size_t segment_bytes;
  int fd = -1;
  std::size_t in_segment = 0;
  int sealed = 0;
  std::size_t used = 0;
  std::vector<char> buffer = std::vector<char>(kOutBytes);
};

void Open(Out& out) {
  const std::string path = out.folder + "/current";
  out.fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (out.fd < 0) Fail("open");
  out.in_segment = 0;
}

void Flush(Out& out) {
  if (out.used == 0) return;
  if (out.in_segment > 0 && out.in_segment + out.used > out.segment_bytes) {
    ::close(out.fd);
    const std::string path = out.folder + "/current";
    if (std::rename(path.c_str(), (path + '.' + std::to_string(++out.sealed)).c_str()) != 0)
      Fail("rename");
    Open(out);
  }
  for (std::size_t done = 0; done < out.used;) {
    const ssize_t n = ::write(out.fd, out.buffer.data() + done, out.used - done);
    if (n <= 0) Fail("write");
    done += static_cast<std::size_t>(n);
  }
  out.in_segment += out.used;
  out.used = 0;
}

Stamp MakeStamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  Stamp stamp{};
  stamp.size = std::strftime(stamp.text, sizeof stamp.text, "%Y-%m-%dT%H:%M:%S", &parts);
  stamp.size += static_cast<std::size_t>(std::snprintf(stamp.text + stamp.size,
                                                       sizeof stamp.text - stamp.size, ".%09ldZ%s",
                                                       now.tv_nsec, kAfterStamp));
  return stamp;
}

// One read. False at the end of the pipe.
bool Take(Source& source, Out& out) {
  char* const data = source.buffer.data();
  const ssize_t n = ::read(source.fd, data + source.held, kReadBytes);
  if (n <= 0) return false;
  const Stamp stamp = MakeStamp();
  const char* line = data;
  const char* search = data + source.held;
  const char* const end = search + n;
  while (const auto* newline = static_cast<const char*>(
             std::memchr(search, '\n', static_cast<std::size_t>(end - search)))) {
    const auto size = static_cast<std::size_t>(newline + 1 - line);
    if (out.used + stamp.size + size > out.buffer.size()) Flush(out);
    char* const to = out.buffer.data() + out.used;
    std::memcpy(to, stamp.text, stamp.size);
    std::memcpy(to + stamp.size, line, size);
    out.used += stamp.size + size;
    line = search = newline + 1;
  }
  source.held = static_cast<std::size_t>(end - line);
  if (source.held > kReadBytes) Fail("a line is too long");
  std::memmove(data, line, source.held);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  Out out{.folder = argv[1], .segment_bytes = std::strtoull(argv[2], nullptr, 10)};
  Open(out);
  std::vector<Source> sources;
  std::vector<pollfd> polled;
  for (int i = 3; i < argc; ++i) {
    sources.push_back({.fd = std::atoi(argv[i])});
    polled.push_back({.fd = sources.back().fd, .events = POLLIN, .revents = 0});
  }
  for (std::size_t open = sources.size(); open > 0;) {
    if (::poll(polled.data(), polled.size(), -1) < 0) Fail("poll");
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      if (!Take(sources[i], out)) {
        polled[i].fd = -1;
        --open;
      }
      if (out.used >= kFlushBytes) Flush(out);
    }
    Flush(out);
  }
  return 0;
}
