// Writes lines to standard output: producer KIND BYTES RATE GO DONE CPU
//   KIND   plain: 100 bytes a line, its newline among them.
//          mixed: access-log lines and JSON lines as pino writes them, 130 to 400 bytes
//   BYTES  in all, rounded up to whole lines
//   RATE   lines a second, one write(2) each, in ticks of 1 ms. 0: as fast as possible, in writes
//          of whole lines and of at most PIPE_BUF bytes, so that many may share a pipe
//   GO     a file that is waited for. `-`: begin at once, and end at the end; else stay afterwards,
//          for a supervisor would start another
//   DONE   "LINES BYTES" is written to the file DONE.PID when all is written
//   CPU    to run on
#include <limits.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kPoolLines = 4096;
constexpr std::int64_t kTickNs = 1'000'000;

std::vector<std::string> MakeLines(bool mixed) {
  std::uint64_t state = 1;
  const auto random = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return std::to_string(state >> 44);
  };
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kPoolLines; ++i) {
    std::string line;
    if (!mixed) {
      line = "request " + random() + " done in " + random() + " us ";
      line.resize(99, 'x');
    } else if (i % 2 == 0) {
      line = "10.2.0." + std::to_string(i % 256) +
             " - - [21/Nov/2026:10:31:07 +0000] \"GET /api/v1/users/" + random() +
             " HTTP/1.1\" 200 " + random() + " \"https://shop.example/cart\" " +
             "\"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0\"";
    } else {
      line = R"({"level":30,"time":1795257067123,"pid":4711,"hostname":"web-1","req":{"id":")" +
             random() + R"(","method":"GET","url":"/api/v1/cart/)" + random() +
             R"(","remoteAddress":"10.2.0.7","remotePort":)" + random() + "}," +
             R"("res":{"statusCode":200,"headers":{"content-type":"application/json",)" +
             R"("content-length":")" + random() + R"("}},"user":{"name":"Zo\u00eb"},)" +
             R"("responseTime":)" + random() + R"(,"msg":"request completed"})";
    }
    lines.push_back(line + '\n');
  }
  return lines;
}

std::int64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void Sleep(std::int64_t ns) {
  const timespec time{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  nanosleep(&time, nullptr);
}

struct Written {
  std::uint64_t lines = 0;
  std::uint64_t bytes = 0;
};

void Write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n <= 0) std::exit(1);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

Written WriteFast(const std::vector<std::string>& lines, std::uint64_t bytes) {
  struct Chunk {
    std::string text;
    std::uint64_t lines = 0;
  };
  std::vector<Chunk> chunks(1);
  for (const std::string& line : lines) {
    if (chunks.back().text.size() + line.size() > PIPE_BUF) chunks.emplace_back();
    chunks.back().text += line;
    ++chunks.back().lines;
  }
  Written written;
  for (std::size_t i = 0; written.bytes < bytes; i = (i + 1) % chunks.size()) {
    Write(chunks[i].text);
    written.bytes += chunks[i].text.size();
    written.lines += chunks[i].lines;
  }
  return written;
}

Written WritePaced(const std::vector<std::string>& lines, std::uint64_t bytes, std::uint64_t rate) {
  const std::int64_t begun = Now();
  Written written;
  for (std::int64_t tick = 1; written.bytes < bytes; ++tick) {
    const std::uint64_t due = static_cast<std::uint64_t>(tick) * rate / 1000;
    while (written.lines < due && written.bytes < bytes) {
      const std::string& line = lines[written.lines % lines.size()];
      Write(line);
      written.bytes += line.size();
      ++written.lines;
    }
    Sleep(std::max<std::int64_t>(begun + tick * kTickNs - Now(), 0));
  }
  return written;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const std::vector<std::string> lines = MakeLines(std::string_view(argv[1]) == "mixed");
  const std::uint64_t bytes = std::strtoull(argv[2], nullptr, 10);
  const std::uint64_t rate = std::strtoull(argv[3], nullptr, 10);
  const std::string go = argv[4];
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(std::atoi(argv[6])), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) return 1;
  while (go != "-" && ::access(go.c_str(), F_OK) != 0)
    Sleep(kTickNs);
  const Written written = rate > 0 ? WritePaced(lines, bytes, rate) : WriteFast(lines, bytes);
  const std::string done = argv[5] + ('.' + std::to_string(::getpid()));
  std::ofstream(done + "~") << written.lines << ' ' << written.bytes << '\n';
  if (std::rename((done + "~").c_str(), done.c_str()) != 0) return 1;
  if (go != "-") ::pause();
  return 0;
}
