#include "cli/http_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "base/number.h"
#include "base/time.h"
#include "cli/unix_socket.h"

namespace tend::cli {
namespace {

constexpr std::size_t kHeadMaxBytes = 16 * 1024;
constexpr std::size_t kBodyMaxBytes = 16 * 1024 * 1024;

Error NotHttp(std::string_view why) {
  return Error(Errc::kInvalid, "the sidecar's answer is not HTTP: " + std::string(why));
}

bool SameWord(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// `body` goes with anything but a GET.
Result<Fd> SendRequest(const std::string& socket,
                       std::string_view method,
                       const std::string& target,
                       std::string_view body,
                       Mono deadline) {
  TRY(Fd fd, ConnectUnix(socket, SOCK_STREAM, deadline));
  std::string request(method);
  request += ' ' + target + " HTTP/1.1\r\nHost: tend\r\nConnection: close\r\n";
  if (method != "GET") {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size());
    request += "\r\n";
  }
  request += "\r\n";
  request += body;
  std::string_view left = request;
  while (!left.empty()) {
    const ssize_t n = ::send(fd.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      left.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      TRY_VOID(WaitFor(fd.get(), POLLOUT, deadline));
    } else if (errno != EINTR) {
      return Error(Errc::kUnreachable, "the sidecar does not take the request", errno);
    }
  }
  return fd;
}

// One read into `response`; true when the answer is over.
Result<bool> ReadSome(int fd, HttpResponse& response) {
  std::array<char, 64 * 1024> buffer;
  const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) {
    TRY_VOID(response.End());
    return true;
  }
  TRY_VOID(response.Feed({buffer.data(), static_cast<std::size_t>(n)}));
  return response.complete();
}

}  // namespace

Result<> HttpResponse::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kHead: {
        line_.append(bytes);
        bytes = {};
        const std::size_t end = line_.find("\r\n\r\n");
        if (end == std::string::npos) {
          if (line_.size() > kHeadMaxBytes) return NotHttp("its head has no end");
          if (!std::string_view(line_).substr(0, 5).starts_with(
                  std::string_view("HTTP/").substr(0, line_.size()))) {
            return NotHttp("it does not begin with HTTP/");
          }
          return {};
        }
        const std::string head = line_.substr(0, end);
        const std::string rest = line_.substr(end + 4);
        line_.clear();
        TRY_VOID(TakeHead(head));
        return Feed(rest);
      }
      case State::kUntilClose:
        on_body_(bytes);
        return {};
      case State::kLength:
      case State::kChunk:
        TakeBody(bytes);
        break;
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailer: {
        const std::size_t end = bytes.find('\n');
        line_.append(bytes.substr(0, end));
        if (line_.size() > kHeadMaxBytes) return NotHttp("a line of its chunks has no end");
        if (end == std::string_view::npos) return {};
        bytes.remove_prefix(end + 1);
        const std::string line = std::move(line_);
        line_.clear();
        TRY_VOID(TakeLine(Trim(line)));
        break;
      }
      case State::kDone:
        return {};  // what follows the answer is not for us
    }
  }
  return {};
}

void HttpResponse::TakeBody(std::string_view& bytes) {
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  if (n > 0) on_body_(bytes.substr(0, n));
  bytes.remove_prefix(n);
  left_ -= n;
  if (left_ == 0) state_ = state_ == State::kChunk ? State::kChunkEnd : State::kDone;
}

Result<> HttpResponse::TakeLine(std::string_view line) {
  if (state_ == State::kChunkEnd) {
    if (!line.empty()) return NotHttp("a chunk is longer than it said");
    state_ = State::kChunkSize;
  } else if (state_ == State::kTrailer) {
    if (line.empty()) state_ = State::kDone;
  } else {
    const auto size = ParseNumber<std::uint64_t>(Trim(line.substr(0, line.find(';'))), 16);
    if (!size) return NotHttp("a chunk without a size");
    left_ = *size;
    state_ = left_ == 0 ? State::kTrailer : State::kChunk;
  }
  return {};
}

Result<> HttpResponse::TakeHead(std::string_view head) {
  const std::size_t first_end = std::min(head.find("\r\n"), head.size());
  const std::string_view first = head.substr(0, first_end);
  const auto status = first.size() >= 12 && first.starts_with("HTTP/1.") && first[8] == ' '
                          ? ParseNumber<std::uint64_t>(first.substr(9, 3))
                          : std::nullopt;
  if (!status || *status < 100) return NotHttp("its first line has no status");
  body_state_ = State::kUntilClose;
  chunked_ = false;
  std::string_view rest = head.substr(std::min(first_end + 2, head.size()));
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\r\n"), rest.size());
    TRY_VOID(TakeHeader(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  if (*status < 200) return {};  // 100 Continue and its like: the answer is yet to come
  status_ = static_cast<int>(*status);
  state_ = chunked_ ? State::kChunkSize : body_state_;
  const bool empty = status_ == 204 || status_ == 304 || (state_ == State::kLength && left_ == 0);
  if (empty) state_ = State::kDone;
  return {};
}

Result<> HttpResponse::TakeHeader(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return NotHttp("a header without a colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (SameWord(name, "content-length")) {
    const auto length = ParseNumber<std::uint64_t>(value);
    if (!length) return NotHttp("its length is not a number");
    left_ = *length;
    body_state_ = State::kLength;
  } else if (SameWord(name, "transfer-encoding")) {
    if (!SameWord(value, "chunked")) return NotHttp("an unknown transfer coding");
    chunked_ = true;
  }
  return {};
}

Result<> HttpResponse::End() {
  if (state_ == State::kUntilClose) state_ = State::kDone;
  if (complete()) return {};
  return Error(Errc::kUnreachable, "the sidecar broke off its answer");
}

Result<HttpReply> HttpGet(const std::string& socket,
                          const std::string& target,
                          std::chrono::milliseconds limit) {
  return HttpSend(socket, "GET", target, "", limit);
}

Result<HttpReply> HttpSend(const std::string& socket,
                           std::string_view method,
                           const std::string& target,
                           std::string_view body,
                           std::chrono::milliseconds limit) {
  const Mono deadline = std::chrono::steady_clock::now() + limit;
  HttpReply reply;
  HttpResponse response([&](std::string_view bytes) { reply.body.append(bytes); });
  TRY(const Fd fd, SendRequest(socket, method, target, body, deadline));
  for (;;) {
    TRY_VOID(WaitFor(fd.get(), POLLIN, deadline));
    TRY(const bool over, ReadSome(fd.get(), response));
    if (over) break;
    if (reply.body.size() > kBodyMaxBytes) {
      return Error(Errc::kLimit, "the sidecar's answer is larger than 16 MiB");
    }
  }
  reply.status = response.status();
  return reply;
}

Result<int> HttpStream(const std::string& socket,
                       const std::string& target,
                       std::chrono::milliseconds head_limit,
                       const HttpResponse::OnBody& on_body,
                       const std::function<bool()>& tick) {
  const Mono deadline = std::chrono::steady_clock::now() + head_limit;
  HttpResponse response(on_body);
  TRY(const Fd fd, SendRequest(socket, "GET", target, "", deadline));
  for (;;) {
    if (!tick()) return Error(Errc::kBusy, "stopped");
    const Mono now = std::chrono::steady_clock::now();
    if (response.status() == 0 && now >= deadline) {
      return Error(Errc::kTimeout, "the sidecar does not answer");
    }
    const auto ready = WaitFor(fd.get(), POLLIN, now + std::chrono::milliseconds(100));
    if (!ready && ready.error().code() == Errc::kTimeout) continue;
    if (!ready) return ready.error();
    TRY(const bool over, ReadSome(fd.get(), response));
    if (over) return response.status();
  }
}

std::string PercentEncode(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~')) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace tend::cli
