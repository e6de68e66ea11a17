// A client that sees bytes: what a test of the server says, and what comes back, with a deadline.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace tend::exporter {

class RawClient {
 public:
  // To 127.0.0.1, at the port at the end of `address`.
  static RawClient Tcp(const std::string& address) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1)));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return RawClient(AF_INET, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  static RawClient Unix(const std::string& path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    return RawClient(AF_UNIX, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

  bool connected() const { return fd_.valid(); }
  void Close() { fd_.Reset(); }

  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  // Reads until `done(received so far)`, the other end closes, or time is up; true in the first
  // case.
  template <typename Done>
  bool ReadUntil(Done done, std::chrono::seconds time = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!done(received_)) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd wait{fd_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) return false;
      std::array<char, 65536> buffer;
      const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      closed_ = n <= 0;
      if (closed_) return done(received_);
      received_.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return true;
  }
  bool ReadUntilText(std::string_view text) {
    return ReadUntil(
        [text](const std::string& all) { return all.find(text) != std::string::npos; });
  }
  // All until the other end closes.
  std::string ReadAll() {
    ReadUntil([](const std::string&) { return false; });
    return received_;
  }
  // One answer with a Content-Length, and forgets it.
  std::string ReadAnswer(bool has_body = true) {
    std::size_t size = 0;
    const bool whole = ReadUntil([&](const std::string& all) {
      const auto end = all.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      const auto length = all.find("Content-Length: ");
      size = end + 4;
      if (has_body && length < end) {
        size += static_cast<std::size_t>(std::atoll(all.c_str() + length + 16));
      }
      return all.size() >= size;
    });
    if (!whole) return "incomplete: " + received_;
    std::string answer = received_.substr(0, size);
    received_.erase(0, size);
    return answer;
  }

  bool closed() const { return closed_; }
  const std::string& received() const { return received_; }

 private:
  RawClient(int family, const sockaddr* to, socklen_t size)
      : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (::connect(fd_.get(), to, size) != 0) fd_.Reset();
  }

  Fd fd_;
  std::string received_;
  bool closed_ = false;
};

}  // namespace tend::exporter
