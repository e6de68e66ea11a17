#include "supervisor/ports/round_robin.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tend::supervisor {
namespace {

// A connection that nobody wants is closed after so many rounds.
constexpr std::size_t kRoundsMax = 4;
constexpr auto kRetry = std::chrono::milliseconds(100);

bool Contains(const std::deque<std::uint64_t>& in, std::uint64_t incarnation) {
  return std::find(in.begin(), in.end(), incarnation) != in.end();
}

}  // namespace

RoundRobin::RoundRobin(Loop& loop, int socket, HandOut hand_out)
    : loop_(loop), socket_(socket), hand_out_(std::move(hand_out)) {}

void RoundRobin::Join(std::uint64_t incarnation) {
  if (Contains(members_, incarnation)) return;
  members_.push_back(incarnation);
  free_.push_back(incarnation);
  HandOn();
}

void RoundRobin::Leave(std::uint64_t incarnation) {
  std::erase(members_, incarnation);
  std::erase(free_, incarnation);
}

void RoundRobin::Done(std::uint64_t incarnation) {
  if (Contains(members_, incarnation) && !Contains(free_, incarnation)) {
    free_.push_back(incarnation);
  }
  HandOn();
}

void RoundRobin::Refused(std::uint64_t incarnation, Connection connection) {
  const auto refusals = static_cast<std::size_t>(++connection.refusals);
  if (refusals < kRoundsMax * std::max<std::size_t>(members_.size(), 2)) {
    returned_.push_front(std::move(connection));
  }
  Done(incarnation);
}

void RoundRobin::Return(Connection connection) {
  returned_.push_front(std::move(connection));
  HandOn();
}

void RoundRobin::HandOn() {
  while (!free_.empty()) {
    auto connection = Take();
    if (!connection) return;
    const std::uint64_t worker = free_.front();
    free_.pop_front();
    if (hand_out_(worker, *connection)) continue;
    Leave(worker);
    returned_.push_front(*std::move(connection));
  }
}

std::optional<Connection> RoundRobin::Take() {
  if (!returned_.empty()) {
    Connection connection = std::move(returned_.front());
    returned_.pop_front();
    return connection;
  }
  if (retry_) return std::nullopt;
  for (;;) {
    const int fd = ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return Connection(Fd(fd));
    if (errno == EINTR || errno == ECONNABORTED) continue;
    OnAcceptFailed(errno);
    return std::nullopt;
  }
}

void RoundRobin::OnAcceptFailed(int number) {
  if (number == EAGAIN) {
    if (readable_) return;
    readable_ = loop_.OnReadable(socket_, [this] {
      // Under load nobody is free, and those that become so look by themselves.
      if (free_.empty()) {
        readable_.reset();
      } else {
        HandOn();
      }
    });
    return;
  }
  // Out of descriptors or memory: the socket would be reported as readable for ever.
  readable_.reset();
  retry_ = loop_.After(kRetry, [this] {
    retry_.reset();
    HandOn();
  });
}

}  // namespace tend::supervisor
