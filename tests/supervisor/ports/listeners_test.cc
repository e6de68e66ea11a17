#include "supervisor/ports/listeners.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "ports_fixture.h"
#include "support/faulty_files.h"

namespace tend::supervisor {
namespace {

using Family = SocketAddress::Family;
using config::Balance;

TEST(SocketAddressTest, ReadsWhatPeopleWrite) {
  EXPECT_EQ(*ParseSocketAddress("3000"), (SocketAddress{Family::kAny, "", 3000}));
  EXPECT_EQ(*ParseSocketAddress(":3000"), (SocketAddress{Family::kAny, "", 3000}));
  EXPECT_EQ(*ParseSocketAddress("127.0.0.1:80"), (SocketAddress{Family::kIpv4, "127.0.0.1", 80}));
  EXPECT_EQ(*ParseSocketAddress("[::1]:80"), (SocketAddress{Family::kIpv6, "::1", 80}));
  EXPECT_EQ(*ParseSocketAddress("unix:/run/x"), (SocketAddress{Family::kUnix, "/run/x", 0}));
  EXPECT_EQ(ParseSocketAddress("localhost:80")->port, 80);
  for (const char* text : {"", "x", "70000", "127.0.0.1", "::1:80", "[127.0.0.1]:80", "unix:x",
                           "no.such.host.invalid:80", "80x", "-1"}) {
    const auto parsed = ParseSocketAddress(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Errc::kInvalid);
  }
  EXPECT_FALSE(ParseSocketAddress("unix:/" + std::string(200, 'x')));
}

class ListenersTest : public testing::Test {
 protected:
  ListenersTest() { Boot(); }
  void Boot() {
    listeners.reset();
    listeners = std::make_unique<Listeners>(store, files, folder / "listeners");
    listeners->Adopt(store.Replay(), find);
  }
  ListenQuery Query(const SocketAddress& address, const std::string& key = "k") {
    ListenQuery query;
    query.key = key;
    query.address = address;
    return query;
  }
  Result<Listeners::Grant> Ask(const ListenQuery& query,
                               std::uint64_t incarnation = 1,
                               Balance balance = Balance::kShared,
                               const std::string& app = "api") {
    const WorkerRef worker{app, 0, incarnation};
    return listeners->Ask({worker, balance}, query);
  }
  static SocketAddress Loopback(int port = 0) {
    return {Family::kIpv4, "127.0.0.1", static_cast<std::uint16_t>(port)};
  }

  TempFolder folder;
  KeptSockets store;
  FaultyFiles files{FilesLinux()};
  Listeners::FindInWorkers find = [](const std::string&, std::uint64_t) { return Fd(); };
  std::unique_ptr<Listeners> listeners;
};

TEST_F(ListenersTest, WhatTheStoreHasLostIsLookedForInTheWorkers) {
  auto opened = listeners->OpenConfigured("api", {"127.0.0.1:0"});
  ASSERT_TRUE(opened);
  const int port = PortOf((*opened)[0]);
  auto in_worker = Duplicate((*opened)[0]);
  ASSERT_TRUE(in_worker);
  std::string asked;
  find = [&](const std::string& app, std::uint64_t inode) {
    struct stat info {};
    ::fstat(in_worker->get(), &info);
    asked = app + (info.st_ino == inode ? " the socket" : " something else");
    return *Duplicate(in_worker->get());
  };
  store.held.clear();
  Boot();
  EXPECT_EQ(asked, "api the socket");
  EXPECT_EQ(store.Replay().size(), 1u);
  ASSERT_TRUE(listeners->OpenConfigured("api", {"127.0.0.1:0"}));
  EXPECT_TRUE(Connect(port).valid());
}

TEST_F(ListenersTest, OpensWhatIsConfiguredAndKeepsItOverChanges) {
  const std::string path = folder / "s";
  auto first = listeners->OpenConfigured("api", {"127.0.0.1:0", "unix:" + path});
  ASSERT_TRUE(first) << first.error().message();
  ASSERT_EQ(first->size(), 2u);
  const int port = PortOf((*first)[0]);
  EXPECT_TRUE(Connect(port).valid());
  EXPECT_TRUE(listeners->HasAny("api"));
  EXPECT_FALSE(listeners->HasAny("other"));
  const int added = FreePort();
  auto second =
      listeners->OpenConfigured("api", {"127.0.0.1:" + std::to_string(added), "127.0.0.1:0"});
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ((*second)[1], (*first)[0]);
  EXPECT_TRUE(Connect(added).valid());
  // Whoever serves there may go on doing so.
  EXPECT_TRUE(std::filesystem::exists(path));
  listeners->CloseUnused("api");
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(store.held.size(), 2u);
  listeners->CloseApp("api");
  EXPECT_FALSE(Connect(port).valid());
  EXPECT_TRUE(store.held.empty());
  EXPECT_FALSE(listeners->HasAny("api"));
}

TEST_F(ListenersTest, SaysWhichAddressCannotBeOpenedAndChangesNothing) {
  const auto taken = OpenSocket(Loopback(), {});
  const std::string address = "127.0.0.1:" + std::to_string(PortOf(taken->get()));
  const auto before = OpenDescriptors();
  const auto opened = listeners->OpenConfigured("api", {"127.0.0.1:0", address});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find(address), std::string::npos) << opened.error().message();
  EXPECT_EQ(opened.error().sys_errno(), EADDRINUSE);
  EXPECT_FALSE(listeners->HasAny("api"));
  EXPECT_TRUE(store.held.empty());
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ListenersTest, LeavesNothingOpenWhenTheKeeperHasNoRoom) {
  store.is_full = true;
  const auto before = OpenDescriptors();
  EXPECT_FALSE(listeners->OpenConfigured("api", {"unix:" + (folder / "s")}));
  EXPECT_FALSE(std::filesystem::exists(folder / "s"));
  EXPECT_EQ(Ask(Query(Loopback())).error().sys_errno(), ENFILE);
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ListenersTest, TwoAppsCannotHaveOneAddressWhateverTheirBalance) {
  for (const Balance first : {Balance::kShared, Balance::kReuseport, Balance::kRoundRobin}) {
    for (const Balance second : {Balance::kShared, Balance::kReuseport, Balance::kRoundRobin}) {
      const int port = FreePort();
      const SocketAddress any{Family::kAny, "", static_cast<std::uint16_t>(port)};
      auto one = Ask(Query(any), 1, first, "one");
      ASSERT_TRUE(one) << one.error().message();
      auto two = Ask(Query(any), 2, second, "two");
      ASSERT_FALSE(two);
      EXPECT_EQ(two.error().sys_errno(), EADDRINUSE);
      EXPECT_FALSE(Ask(Query(Loopback(port), "other"), 2, second, "two"));
      listeners->CloseApp("one");
      one->own.Reset();
      EXPECT_TRUE(Ask(Query(any), 2, second, "two"));
      listeners->CloseApp("two");
    }
  }
}

TEST_F(ListenersTest, WorkersThatAskForTheSameGetTheSameAlsoAfterACrashOfCore) {
  ListenQuery query = Query(Loopback());
  query.data = R"({"ticketKeys":"first"})";
  auto first = Ask(query, 1);
  ASSERT_TRUE(first);
  const int port = PortOf(first->socket);
  query.data = R"({"ticketKeys":"second"})";
  EXPECT_EQ(PortOf(Ask(query, 2)->socket), port);
  EXPECT_NE(PortOf(Ask(Query(Loopback(), "k2"), 2)->socket), port);
  Boot();
  auto after = Ask(query, 3);
  EXPECT_EQ(PortOf(after->socket), port);
  EXPECT_EQ(after->data, R"({"ticketKeys":"first"})");
  EXPECT_EQ(listeners->UsesOf(2).size(), 2u);
  EXPECT_TRUE(Connect(port).valid());
}

TEST_F(ListenersTest, AWorkerFindsTheConfiguredSocketOfItsPort) {
  const int port = FreePort();
  auto sockets = listeners->OpenConfigured("api", {"127.0.0.1:" + std::to_string(port)});
  ASSERT_TRUE(sockets);
  const SocketAddress any{Family::kAny, "", static_cast<std::uint16_t>(port)};
  EXPECT_EQ(Ask(Query(any))->socket, (*sockets)[0]);
  EXPECT_EQ(Ask(Query(Loopback(port), "exact"), 1, Balance::kReuseport)->socket, (*sockets)[0]);
  ListenQuery again = Query(any, "once more");
  again.first = false;
  EXPECT_EQ(Ask(again).error().sys_errno(), EADDRINUSE);
  EXPECT_EQ(Ask(Query(any), 2, Balance::kShared, "other").error().sys_errno(), EADDRINUSE);
}

TEST_F(ListenersTest, WithReuseportEachWorkerHasASocketOfItsOwnToOnePort) {
  const auto before = OpenDescriptors();
  {
    auto first = Ask(Query(Loopback()), 1, Balance::kReuseport);
    auto second = Ask(Query(Loopback()), 2, Balance::kReuseport);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(first->own.valid() && second->own.valid());
    EXPECT_NE(first->socket, second->socket);
    EXPECT_EQ(PortOf(first->socket), PortOf(second->socket));
    EXPECT_FALSE(Connect(PortOf(first->socket)).valid());  // until a worker listens
  }
  EXPECT_TRUE(store.held.empty());
  EXPECT_EQ(OpenDescriptors(), before);
  Boot();
  EXPECT_TRUE(listeners->HasAny("api"));
}

TEST_F(ListenersTest, UnixAndUdpAreSharedEvenWithReuseport) {
  const SocketAddress path{Family::kUnix, folder / "s", 0};
  EXPECT_FALSE(Ask(Query(path), 1, Balance::kReuseport)->own.valid());
  ListenQuery udp = Query(Loopback(), "udp");
  udp.options.datagram = true;
  EXPECT_FALSE(Ask(udp, 1, Balance::kReuseport)->own.valid());
  EXPECT_FALSE(Ask(udp, 2, Balance::kRoundRobin)->round_robin);
}

TEST_F(ListenersTest, ReplacesTheFileOfADeadServerAndNothingElse) {
  const SocketAddress path{Family::kUnix, folder / "s", 0};
  OpenSocket(path, {})->Reset();
  ASSERT_TRUE(std::filesystem::exists(path.host));
  ListenQuery query = Query(path);
  query.options.writable_all = true;
  ASSERT_TRUE(Ask(query));
  struct stat info;
  ASSERT_EQ(::stat(path.host.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0222u, 0222u);
  EXPECT_EQ(Ask(query, 2, Balance::kShared, "other").error().sys_errno(), EADDRINUSE);
  const SocketAddress file{Family::kUnix, folder / "file", 0};
  std::ofstream(file.host) << "precious";
  EXPECT_EQ(Ask(Query(file, "f")).error().sys_errno(), EADDRINUSE);
  EXPECT_TRUE(std::filesystem::exists(file.host));
}

TEST_F(ListenersTest, RemovesOnlyAFileThatIsStillItsOwn) {
  const SocketAddress path{Family::kUnix, folder / "s", 0};
  ASSERT_TRUE(Ask(Query(path)));
  std::filesystem::remove(path.host);
  const auto other = OpenSocket(path, {});
  ASSERT_TRUE(other);
  listeners->CloseApp("api");
  EXPECT_TRUE(std::filesystem::exists(path.host));
}

TEST_F(ListenersTest, IgnoresADamagedFileAndGivesUpTheSockets) {
  const int port = FreePort();
  ASSERT_TRUE(Ask(Query(Loopback(port))));
  for (const char* text : {"", "{", "[]", "{\"schema\":\"tend.listeners/1\"}",
                           "{\"schema\":\"tend.listeners/2\",\"next_id\":9,\"listeners\":[]}",
                           "{\"schema\":\"tend.listeners/1\",\"next_id\":9,\"listeners\":[{}]}"}) {
    listeners.reset();
    std::ofstream(folder / "listeners") << text;
    Boot();
    EXPECT_TRUE(store.held.empty()) << text;
    EXPECT_TRUE(Ask(Query(Loopback(port)), 1)) << text;
  }
}

TEST_F(ListenersTest, ASocketWithoutAnEntryAndAnEntryWithoutASocketAreDropped) {
  ASSERT_TRUE(Ask(Query(Loopback(), "a")));
  ASSERT_TRUE(Ask(Query(Loopback(), "b")));
  store.held.erase(1);
  store.held[77] = *OpenSocket(Loopback(), {});
  Boot();
  EXPECT_EQ(store.held.size(), 1u);
  EXPECT_TRUE(store.held.contains(2));
  ASSERT_TRUE(Ask(Query(Loopback(), "c")));
  EXPECT_TRUE(store.held.contains(78));
}

TEST_F(ListenersTest, ADiskThatTakesNothingStopsNobodyFromListening) {
  files.FailAll({}, ENOSPC);
  EXPECT_TRUE(Ask(Query(Loopback())));
  listeners->CloseApp("api");
  EXPECT_TRUE(store.held.empty());
}

TEST_F(ListenersTest, AnAppHasABoundedNumberOfSockets) {
  const auto before = OpenDescriptors();
  for (std::size_t i = 0; i < kListenersPerApp; ++i)
    ASSERT_TRUE(Ask(Query(Loopback(), std::to_string(i))));
  EXPECT_EQ(Ask(Query(Loopback(), "one more")).error().sys_errno(), EMFILE);
  EXPECT_TRUE(Ask(Query(Loopback(), "x"), 9, Balance::kShared, "other"));
  listeners->CloseApp("api");
  listeners->CloseApp("other");
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ListenersTest, CloseUnusedLeavesWhatIsUsedOrConfigured) {
  ASSERT_TRUE(listeners->OpenConfigured("api", {"127.0.0.1:0"}));
  ASSERT_TRUE(Ask(Query(Loopback(), "used"), 1));
  ASSERT_TRUE(Ask(Query(Loopback(), "left"), 2));
  listeners->RemoveUses(2);
  listeners->CloseUnused("api");
  EXPECT_EQ(store.held.size(), 2u);
  EXPECT_FALSE(store.held.contains(3));
}

TEST_F(ListenersTest, TakesAWorkersOwnSocketAndNothingThatIsNone) {
  auto pair = MakePacketPair();
  auto own = OpenSocket(Loopback(), {});
  const WorkerRef worker{"api", 0, 1};
  const Listeners::Asker self{worker, Balance::kShared, ::getpid(), pair->first.get()};
  ListenQuery query = Query({}, "fd");
  query.fd = own->get();
  auto taken = listeners->Ask(self, query);
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(PortOf(taken->socket), PortOf(own->get()));
  // Another one that has it by another number shares it; one socket is not in the table twice.
  const auto copy = Duplicate(own->get());
  const WorkerRef second{"api", 1, 2};
  ListenQuery other = Query({}, "other fd");
  other.fd = copy->get();
  auto shared = listeners->Ask({second, Balance::kShared, ::getpid(), pair->first.get()}, other);
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->id, taken->id);
  // What the same number names in a third is something else.
  const auto its = OpenSocket(Loopback(), {});
  query.fd = its->get();
  EXPECT_NE(listeners->Ask(self, query)->id, taken->id);
  listeners->RemoveUses(1);
  EXPECT_EQ(store.held.size(), 1u);
  listeners->RemoveUses(2);
  EXPECT_TRUE(store.held.empty());
  query.fd = own->get();
  ASSERT_TRUE(listeners->Ask(self, query));
  // It is still the worker's when we are done with it.
  listeners->CloseApp("api");
  EXPECT_TRUE(Connect(PortOf(own->get())).valid());
  query.fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const Fd null(query.fd);
  EXPECT_EQ(listeners->Ask(self, query).error().sys_errno(), ENOTSOCK);
  query.fd = 9999;
  EXPECT_EQ(listeners->Ask(self, query).error().sys_errno(), EBADF);
  // Its end is closed: who has its pid now, nobody knows.
  query.fd = own->get();
  pair->second.Reset();
  EXPECT_EQ(listeners->Ask(self, query).error().sys_errno(), ESRCH);
}

}  // namespace
}  // namespace tend::supervisor
