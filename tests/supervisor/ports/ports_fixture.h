// A NodeHost on a real loop and real sockets, with the test at the workers' ends of the channels.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/loop.h"
#include "supervisor/ports/listeners.h"
#include "supervisor/ports/node_host.h"

namespace tend::supervisor {

// What the keeper does for sockets: has a copy of each while one core follows another.
class KeptSockets final : public DescriptorStore {
 public:
  Result<> Put(StoreKind kind, std::uint64_t id, int fd) override {
    EXPECT_EQ(kind, StoreKind::kListener);
    if (is_full) return Error(Errc::kLimit, "the keeper's store is full");
    TRY(held[id], Duplicate(fd));
    return {};
  }
  void Drop(StoreKind, std::uint64_t id) override { held.erase(id); }
  std::map<std::uint64_t, Fd> Replay() const {
    std::map<std::uint64_t, Fd> copies;
    for (const auto& [id, fd] : held)
      copies[id] = *Duplicate(fd.get());
    return copies;
  }
  std::map<std::uint64_t, Fd> held;
  bool is_full = false;
};

inline std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

class TempFolder {
 public:
  TempFolder() {
    char name[] = "/tmp/tend-ports-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

inline int PortOf(int socket) {
  const auto bound = BoundAddress(socket);
  return bound ? bound->port : 0;
}

// A port that nobody listens on, and that the kernel gives to no connection of other tests
// meanwhile.
inline int FreePort() {
  int below = 32768;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> below;
  std::random_device random;
  std::uniform_int_distribution<int> choose(std::min(10'000, below / 2), below - 1);
  for (;;) {
    const auto port = static_cast<std::uint16_t>(choose(random));
    if (OpenSocket({SocketAddress::Family::kAny, "", port}, SocketOptions{.backlog = 0}))
      return port;
  }
}

// An invalid one if it is refused.
inline Fd Connect(int port, const std::string& host = "127.0.0.1") {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return Fd();
  return fd;
}

// A worker's end of its channel.
class WorkerEnd {
 public:
  struct Heard {
    std::string text;
    Fd fd;
  };

  WorkerEnd() = default;
  explicit WorkerEnd(Fd end) : end_(std::move(end)) {}

  bool is_valid() const { return end_.valid(); }
  // False: the kernel takes nothing more.
  bool SayBytes(std::string_view bytes, int fd = -1) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof fd);
      std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    return ::sendmsg(end_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  void Say(const std::string& json, int fd = -1) { EXPECT_TRUE(SayBytes(json + '\n', fd)); }
  // listen(port) of its `index`-th server there.
  void Query(int seq, int port, const std::string& more = {}) {
    Say(R"({"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"address":null,"port":)" +
        std::to_string(port) + R"(,"addressType":4,"backlog":64)" + more + R"(,"seq":)" +
        std::to_string(seq) + '}');
  }
  void Accept(const std::string& newconn, bool accepted = true) {
    const std::size_t at = newconn.rfind("\"seq\":") + 6;
    Say(R"({"cmd":"NODE_HANDLE_ACK"})");
    Say(R"({"cmd":"NODE_CLUSTER","ack":)" + newconn.substr(at, newconn.find('}', at) - at) +
        (accepted ? R"(,"accepted":true,"seq":9})" : R"(,"accepted":false,"seq":9})"));
  }
  void CloseEnd() { end_.Reset(); }
  Fd TakeEnd() { return std::move(end_); }

  // What was heard since.
  std::vector<Heard>& Listen() {
    char bytes[65536];
    for (;;) {
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
      iovec part{bytes, sizeof bytes};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      const ssize_t n = ::recvmsg(end_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (n <= 0) return heard;
      Fd fd;
      for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(h), sizeof number);
        fd.Reset(number);
      }
      rest_.append(bytes, static_cast<std::size_t>(n));
      for (std::size_t end; (end = rest_.find('\n')) != std::string::npos;) {
        heard.push_back({rest_.substr(0, end), Fd()});
        rest_.erase(0, end + 1);
      }
      // The kernel ends a read behind what a descriptor came with.
      if (fd.valid() && !heard.empty()) heard.back().fd = std::move(fd);
    }
  }

  std::vector<Heard> heard;

 private:
  Fd end_;
  std::string rest_;
};

class PortsTest : public testing::Test, public NodeHostListener {
 protected:
  PortsTest() { Boot(); }

  void Boot() {
    listeners = std::make_unique<Listeners>(store, FilesLinux(), folder / "listeners");
    listeners->Adopt(store.Replay(), [](const std::string&, std::uint64_t) { return Fd(); });
    host = std::make_unique<NodeHost>(*loop, *listeners, *this);
  }
  // Core ends without a word, and another one starts. The keeper has had the channels.
  void CrashAndBoot() {
    host.reset();
    listeners.reset();
    Boot();
  }

  NodeWorker Info(std::uint64_t incarnation,
                  config::Balance balance = config::Balance::kShared,
                  const std::string& app = "api") {
    NodeWorker info;
    info.ref = {app, static_cast<int>(incarnation) - 1, incarnation};
    info.pid = ::getpid();
    info.cluster = true;
    info.balance = balance;
    return info;
  }
  WorkerEnd Attach(const NodeWorker& info) {
    auto channel = NodeHost::MakeChannel();
    EXPECT_TRUE(channel);
    kept_channels[info.ref.incarnation] = *Duplicate(channel->first.get());
    host->Attach(info, std::move(channel->first));
    return WorkerEnd(std::move(channel->second));
  }
  void AttachAgain(const NodeWorker& info) {
    host->Attach(info, *Duplicate(kept_channels[info.ref.incarnation].get()));
  }

  // Lets the loop look at what is ready.
  void Turn(std::chrono::milliseconds at_most = std::chrono::milliseconds(0)) {
    const auto end = loop->After(at_most, [this] { loop->Stop(); });
    loop->Run();
  }
  void Settle() {
    for (int i = 0; i < 20; ++i)
      Turn();
  }
  testing::AssertionResult Until(const std::function<bool()>& is_so) {
    const Mono deadline = loop->Now() + std::chrono::seconds(60);
    while (!is_so()) {
      if (loop->Now() > deadline) return testing::AssertionFailure() << "not within 60 s";
      Turn(std::chrono::milliseconds(1));
    }
    return testing::AssertionSuccess();
  }
  // The next message that the worker has not been asked for yet.
  WorkerEnd::Heard Next(WorkerEnd& worker) {
    EXPECT_TRUE(Until([&] { return !worker.Listen().empty(); }));
    if (worker.heard.empty()) return {};
    WorkerEnd::Heard first = std::move(worker.heard.front());
    worker.heard.erase(worker.heard.begin());
    return first;
  }

  void OnWord(std::uint64_t incarnation, NodeWord word) override {
    words.emplace_back(incarnation, word);
    if (on_word) on_word(incarnation, word);
  }
  void OnNodeMessage(const WorkerRef& worker,
                     std::string_view type,
                     std::string_view data) override {
    messages.push_back(worker.Name() + ' ' + std::string(type) + ' ' + std::string(data));
  }
  void OnFact(Fact fact) override { facts.push_back(std::move(fact)); }
  bool Has(std::uint64_t incarnation, NodeWord word) const {
    for (const auto& each : words) {
      if (each == std::pair(incarnation, word)) return true;
    }
    return false;
  }

  TempFolder folder;
  KeptSockets store;
  std::unique_ptr<Loop> loop = MakeAsioLoop();
  std::unique_ptr<Listeners> listeners;
  std::unique_ptr<NodeHost> host;
  std::map<std::uint64_t, Fd> kept_channels;
  std::vector<std::pair<std::uint64_t, NodeWord>> words;
  std::vector<std::string> messages;
  std::vector<Fact> facts;
  std::function<void(std::uint64_t, NodeWord)> on_word;
};

}  // namespace tend::supervisor
