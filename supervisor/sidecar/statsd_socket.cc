#include "supervisor/sidecar/statsd_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "collector/statsd_line.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kDatagramMax = 64 * 1024;
constexpr int kDatagramsPerWake = 256;

// The sender's pid, or 0: the kernel did not say. Descriptors that came along are closed.
int SenderOf(msghdr& header) {
  int pid = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(part), sizeof sender);
      pid = sender.pid;
    }
    if (part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      ::close(fd);
    }
  }
  return pid;
}

Result<Fd> Bind(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) {
    return Error(Errc::kInvalid, "the path of the statsd socket does not fit: " + path);
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return SysError("make the statsd socket", errno);
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return SysError("ask who sends to " + path, errno);
  }
  // That of a sidecar before us, if there is one.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return SysError("remove " + path, errno);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return SysError("bind " + path, errno);
  }
  if (::chmod(path.c_str(), 0666) != 0) return SysError("set the mode of " + path, errno);
  return socket;
}

}  // namespace

StatsdSocket::StatsdSocket(Loop& loop,
                           TelemetrySink& sink,
                           std::function<void()> on_stranger,
                           SenderBook senders)
    : loop_(loop),
      sink_(sink),
      on_stranger_(std::move(on_stranger)),
      senders_(std::move(senders)) {}

Result<> StatsdSocket::Open(const std::string& path) {
  if (path.empty()) return {};
  TRY(socket_, Bind(path));
  buffer_.resize(kDatagramMax);
  watch_ = loop_.OnReadable(socket_.get(), [this] { Read(); });
  return {};
}

void StatsdSocket::Ended(std::uint64_t incarnation) {
  senders_.Ended(incarnation);
  budgets_.erase(incarnation);
}

void StatsdSocket::Read() {
  for (int i = 0; i < kDatagramsPerWake; ++i) {
    // Room for descriptors: they are closed, not left to a socket that nobody would close.
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(253 * sizeof(int))>
        control;
    iovec part{buffer_.data(), buffer_.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0) return;
    const std::string_view text(buffer_.data(), static_cast<std::size_t>(n));
    Take(SenderOf(header), text, (header.msg_flags & MSG_TRUNC) != 0);
  }
}

void StatsdSocket::Take(int pid, std::string_view text, bool is_cut) {
  const WorkerRef* worker = senders_.Find(pid, loop_.Now());
  if (worker == nullptr) {
    on_stranger_();
    return;
  }
  Budget& budget = budgets_[worker->incarnation];
  if (budget.until <= loop_.Now()) {
    budget = {loop_.Now() + std::chrono::seconds(1), kStatsdLinesMax};
  }
  std::vector<CustomValue> values;
  std::size_t refused = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const bool is_last = end == std::string_view::npos;
    text = is_last ? std::string_view() : text.substr(end + 1);
    if (line.empty()) continue;
    const bool is_whole = !(is_last && is_cut);
    const bool taken = is_whole && budget.left > 0 && collector::ParseStatsdLine(line, values);
    if (budget.left > 0) --budget.left;
    if (!taken) ++refused;
  }
  if (!values.empty() || refused > 0) sink_.Custom(*worker, values, refused);
}

}  // namespace tend::supervisor
