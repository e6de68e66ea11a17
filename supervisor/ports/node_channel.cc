#include "supervisor/ports/node_channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "supervisor/ports/listening_socket.h"
#include "supervisor/ports/node_host.h"

namespace tend::supervisor {
namespace {

struct Got {
  ssize_t size = 0;
  bool with_handle = false;
};

Got Receive(int fd, std::span<char> to, std::span<char> control, int flags, msghdr& message) {
  iovec part{to.data(), to.size()};
  message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  Got got;
  do {
    got.size = ::recvmsg(fd, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got.size < 0 && errno == EINTR);
  const bool some = message.msg_controllen > 0 && !control.empty();
  got.with_handle = got.size > 0 && (some || (message.msg_flags & MSG_CTRUNC) != 0);
  return got;
}

// Without room for descriptors the kernel keeps them, and says that there were some.
Got Peek(int fd, std::span<char> to) {
  msghdr message;
  return Receive(fd, to, {}, MSG_PEEK, message);
}

// The descriptors are closed by us, not by the kernel, which would wait for what they have to send.
Got Take(int fd, std::span<char> to) {
  constexpr std::size_t kDescriptorsMax = 253;  // of the kernel
  alignas(cmsghdr) char control[CMSG_SPACE(kDescriptorsMax * sizeof(int))];
  msghdr message;
  const Got got = Receive(fd, to, control, 0, message);
  if (got.size <= 0) return got;
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(h) + i * sizeof number, sizeof number);
      CloseAtOnce(Fd(number));
    }
  }
  return got;
}

}  // namespace

NodeChannel::NodeChannel(Loop& loop, NodeChannelOwner& owner, std::uint64_t incarnation, Fd fd)
    : loop_(loop),
      owner_(owner),
      incarnation_(incarnation),
      fd_(std::move(fd)),
      frames_(kMessageMax) {
  Listen();
}

NodeChannel::~NodeChannel() {
  if (gone_ != nullptr) *gone_ = true;
}

void NodeChannel::Listen() {
  if (!reader_) reader_ = loop_.OnReadable(fd_.get(), [this] { OnReadable(); });
}

void NodeChannel::OnReadable() {
  if (queue_.size() >= kQueuePause) {
    reader_.reset();
    return;
  }
  char buffer[kReadBytes];
  const Got got = Peek(fd_.get(), buffer);
  if (got.size < 0 && errno == EAGAIN) return;
  if (got.size <= 0) return Close();
  const std::string_view bytes(buffer, static_cast<std::size_t>(got.size));
  if (frames_.empty()) handles_ = 0;
  if (got.with_handle) ++handles_;
  std::size_t used = 0;
  if (!HandleMessages(bytes, used)) return;
  // A descriptor that still lies there is counted when it is looked at again.
  if (!Consume(buffer, used) && got.with_handle && handles_ > 0) --handles_;
}

bool NodeChannel::HandleMessages(std::string_view bytes, std::size_t& used) {
  bool gone = false;
  gone_ = &gone;
  end_turn_ = false;
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const NodeFrames::Cut cut = frames_.Next(bytes.substr(used));
    bool too_large = cut.kind == NodeFrames::Kind::kTooLarge;
    if (cut.kind == NodeFrames::Kind::kNone) {
      // What lies at the front without its end would be reported as readable for ever.
      if (used > 0) break;
      too_large = frames_.Keep(bytes);
      used = bytes.size();
    }
    used += cut.size;
    if (cut.kind == NodeFrames::Kind::kMessage) owner_.OnMessage(incarnation_, cut.message);
    if (too_large) owner_.OnTooLarge(incarnation_);
    if (gone) return false;
    if (end_turn_ || queue_.size() >= kQueuePause) break;
  }
  gone_ = nullptr;
  return true;
}

bool NodeChannel::Consume(char* buffer, std::size_t size) {
  bool with_handle = false;
  while (size > 0) {
    const Got got = Take(fd_.get(), {buffer, size});
    if (got.size <= 0) break;
    with_handle |= got.with_handle;
    size -= static_cast<std::size_t>(got.size);
  }
  return with_handle;
}

void NodeChannel::Close() {
  reader_.reset();
  writer_.reset();
  queue_.clear();
  fd_.Reset();
  owner_.OnClosed(incarnation_);
}

bool NodeChannel::TakeHandle() {
  if (handles_ == 0) return false;
  --handles_;
  return true;
}

Result<> NodeChannel::Send(std::string_view line, int handle) {
  if (!is_open()) return Error(Errc::kUnreachable, "the channel is closed");
  if (queue_.size() >= kQueueMax) return Error(Errc::kLimit, "the worker takes no messages");
  std::size_t written = 0;
  if (queue_.empty()) {
    TRY(written, Write(line, handle));
    if (written == line.size()) return {};
  }
  Outgoing rest{std::string(line.substr(written)), Fd()};
  if (handle >= 0 && written == 0) {
    TRY(rest.handle, Duplicate(handle));
  }
  queue_.push_back(std::move(rest));
  if (!writer_) writer_ = loop_.OnWritable(fd_.get(), [this] { Flush(); });
  return {};
}

Result<std::size_t> NodeChannel::Write(std::string_view line, int handle) {
  const std::span<const int> handles(&handle, handle >= 0 ? 1 : 0);
  auto sent = SendSome(fd_.get(), line, handles, MSG_DONTWAIT);
  if (sent) return sent;
  if (sent.error().code() == Errc::kBusy) return std::size_t{0};
  if (sent.error().code() != Errc::kUnreachable) return sent;
  return Error(Errc::kUnreachable, "the worker has closed its channel", sent.error().sys_errno());
}

void NodeChannel::Flush() {
  while (!queue_.empty()) {
    Outgoing& next = queue_.front();
    const auto written = Write(next.line, next.handle.get());
    if (!written && written.error().code() == Errc::kUnreachable) {
      queue_.clear();  // That it left is told by the reader.
      break;
    }
    if (written && *written == 0) break;
    if (written && *written < next.line.size()) {
      next.line.erase(0, *written);
      next.handle.Reset();
      continue;
    }
    queue_.pop_front();  // Also one that cannot be sent at all.
  }
  if (queue_.empty()) writer_.reset();
  if (queue_.size() < kQueuePause) Listen();
}

}  // namespace tend::supervisor
