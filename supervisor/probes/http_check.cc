#include "supervisor/probes/http_check.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/time.h"

namespace tend::probes {
namespace {

constexpr std::size_t kLineMax = 1024;

std::string RequestFor(const std::string& host, const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: " + host +
         "\r\nUser-Agent: tend\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

std::string HostOf(const config::Address& peer) {
  if (!peer.path.empty()) return "localhost";
  const bool is_v6 = peer.host.find(':') != std::string::npos;
  return (is_v6 ? '[' + peer.host + ']' : peer.host) + ':' + std::to_string(peer.port);
}

}  // namespace

HttpCheck::HttpCheck(Loop& loop,
                     const config::Address& peer,
                     const std::string& path,
                     std::chrono::nanoseconds timeout,
                     CheckDone done)
    : loop_(loop), done_(std::move(done)), request_(RequestFor(HostOf(peer), path)) {
  Begin(timeout);
  connector_.emplace(loop_, peer, [this](Result<Fd> connected) {
    if (!connected) return Bad(connected.error().message());
    Talk(*std::move(connected));
  });
}

HttpCheck::HttpCheck(Loop& loop,
                     Fd connected,
                     const std::string& path,
                     std::chrono::nanoseconds timeout,
                     CheckDone done)
    : loop_(loop), done_(std::move(done)), request_(RequestFor("localhost", path)) {
  Begin(timeout);
  // One that cannot be used says so when it is written to.
  (void)SetNonBlocking(connected.get());
  Talk(std::move(connected));
}

void HttpCheck::Begin(std::chrono::nanoseconds timeout) {
  deadline_ =
      loop_.After(timeout, [this, timeout] { Bad("no answer within " + FormatDuration(timeout)); });
}

void HttpCheck::Talk(Fd socket) {
  socket_ = std::move(socket);
  watch_ = loop_.OnWritable(socket_.get(), [this] { Write(); });
}

void HttpCheck::Write() {
  while (!request_.empty()) {
    const ssize_t size = ::send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) return Bad(SysError("ask", errno).message());
    request_.erase(0, static_cast<std::size_t>(size));
  }
  watch_ = loop_.OnReadable(socket_.get(), [this] { Read(); });
}

void HttpCheck::Read() {
  std::array<char, 512> buffer;
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (size < 0) return Bad(SysError("read the answer", errno).message());
  if (size == 0) return Bad("the connection was closed without an answer");
  answer_.append(buffer.data(), static_cast<std::size_t>(size));
  const std::size_t end = answer_.find('\n');
  if (end != std::string::npos) return Judge(std::string_view(answer_).substr(0, end));
  if (answer_.size() > kLineMax) Bad("the answer is no HTTP");
}

void HttpCheck::Judge(std::string_view line) {
  const int status = HttpStatus(line);
  if (status == 0) return Bad("the answer is no HTTP");
  if (status >= 200 && status < 300) return Finish({});
  Bad("status " + std::to_string(status));
}

void HttpCheck::Finish(CheckResult result) {
  watch_.reset();
  deadline_.reset();
  socket_.Reset();
  const CheckDone done = std::move(done_);
  done(std::move(result));
}

int HttpStatus(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kStatus = kVersion.size() + 2;  // after the minor version and a blank
  if (!line.starts_with(kVersion) || line.size() < kStatus + 3 || line[kStatus - 1] != ' ') {
    return 0;
  }
  int status = 0;
  for (const char c : line.substr(kStatus, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  const bool ends =
      line.size() == kStatus + 3 || line[kStatus + 3] == ' ' || line[kStatus + 3] == '\r';
  return ends ? status : 0;
}

}  // namespace tend::probes
