#include "supervisor/ports/node_host.h"

#include <cerrno>
#include <set>

#include "ports_fixture.h"

namespace tend::supervisor {
namespace {

using config::Balance;

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_F(PortsTest, AChannelIsAsNodeAndCoreWantIt) {
  auto channel = NodeHost::MakeChannel();
  ASSERT_TRUE(channel);
  EXPECT_TRUE(::fcntl(channel->first.get(), F_GETFL) & O_NONBLOCK);
  EXPECT_FALSE(::fcntl(channel->second.get(), F_GETFL) & O_NONBLOCK);
  EXPECT_TRUE(::fcntl(channel->first.get(), F_GETFD) & FD_CLOEXEC);
  EXPECT_TRUE(::fcntl(channel->second.get(), F_GETFD) & FD_CLOEXEC);
}

TEST_F(PortsTest, HearsWordsAndTypedMessages) {
  auto worker = Attach(Info(1));
  worker.Say(R"({"cmd":"NODE_CLUSTER","act":"online","seq":0})");
  worker.Say(R"({"type":"axm:monitor","data":{"x":1}})");
  worker.Say("\"ready\"");
  worker.Say(R"({"cmd":"NODE_CLUSTER","act":"listening","port":80,"seq":1})");
  ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kListening); }));
  EXPECT_EQ(words.front(), std::pair(std::uint64_t{1}, NodeWord::kReady));
  EXPECT_EQ(messages, std::vector<std::string>{R"(api:0 axm:monitor {"x":1})"});
  worker.SayBytes("\"rea");  // and dies within a message
  worker.CloseEnd();
  ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kDisconnected); }));
  EXPECT_EQ(words.size(), 3u);
  EXPECT_EQ(host->Send(1, "1").error().code(), Errc::kNotFound);
}

TEST_F(PortsTest, SharesOneSocketAndEchoesTheFirstWorkersKeys) {
  auto one = Attach(Info(1)), two = Attach(Info(2));
  const int port = FreePort();
  one.Query(7, port, R"(,"data":{"ticketKeys":"abc"})");
  const auto first = Next(one);
  EXPECT_TRUE(Contains(first.text, R"("type":"net.Native")") && Contains(first.text, R"("ack":7)"));
  EXPECT_TRUE(Contains(first.text, R"("errno":0)")) << first.text;
  ASSERT_TRUE(first.fd.valid());
  EXPECT_EQ(PortOf(first.fd.get()), port);
  EXPECT_TRUE(::fcntl(first.fd.get(), F_GETFL) & O_NONBLOCK);
  two.Query(7, port, R"(,"data":{"ticketKeys":"def"})");
  const auto second = Next(two);
  EXPECT_TRUE(Contains(second.text, R"("data":{"ticketKeys":"abc"})")) << second.text;
  EXPECT_EQ(PortOf(second.fd.get()), port);
}

TEST_F(PortsTest, TellsAnErrorAsNodeDoes) {
  auto one = Attach(Info(1)), other = Attach(Info(2, Balance::kShared, "other"));
  const int port = FreePort();
  one.Query(1, port);
  ASSERT_TRUE(Next(one).fd.valid());
  other.Query(1, port);
  const auto refused = Next(other);
  EXPECT_TRUE(Contains(refused.text, "\"errno\":-98") && Contains(refused.text, "\"ack\":1"));
  EXPECT_FALSE(refused.fd.valid());
  EXPECT_FALSE(listeners->HasAny("other"));
  other.Query(2, FreePort());
  EXPECT_TRUE(Next(other).fd.valid());
}

TEST_F(PortsTest, AcksDescriptorsOfAWorkerAndKeepsNone) {
  auto worker = Attach(Info(1));
  Settle();
  const Fd gift(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto before = OpenDescriptors();
  for (int i = 0; i < 100; ++i) {
    worker.Say(R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":{"here":1}})", gift.get());
    EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_HANDLE_ACK"})");
  }
  // One that is larger than what is read at once.
  const std::string large(200'000, 'x');
  worker.SayBytes(R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":")" + large, gift.get());
  Settle();
  worker.SayBytes("\"}\n");
  EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_HANDLE_ACK"})");
  worker.Say(R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":1})");
  EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_HANDLE_NACK"})");
  // Three at once, each with its own.
  for (int i = 0; i < 3; ++i)
    worker.Say(R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":1})", gift.get());
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_HANDLE_ACK"})");
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(PortsTest, AcksAWorkerThatDisconnectsByItself) {
  auto worker = Attach(Info(1));
  const int port = FreePort();
  worker.Query(1, port);
  const auto granted = Next(worker);
  worker.Say(R"({"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":44})");
  EXPECT_TRUE(Contains(Next(worker).text, "\"ack\":44"));
  worker.Say(R"({"cmd":"NODE_CLUSTER","act":"close","key":"null:)" + std::to_string(port) +
             R"(:4:undefined:0","seq":45})");
  Settle();
  EXPECT_TRUE(Connect(port).valid());
}

TEST_F(PortsTest, AProgramThatClosesItsServerGivesThePortUpUnlessOthersUseIt) {
  auto one = Attach(Info(1)), two = Attach(Info(2));
  const int port = FreePort();
  const std::string close = R"({"cmd":"NODE_CLUSTER","act":"close","key":"null:)" +
                            std::to_string(port) + R"(:4:undefined:0","seq":5})";
  one.Query(1, port);
  Next(one);
  two.Query(1, port);
  Next(two);
  one.Say(close);
  Settle();
  EXPECT_TRUE(Connect(port).valid());
  two.Say(close);
  ASSERT_TRUE(Until([&] { return !listeners->HasAny("api"); }));
  EXPECT_FALSE(Connect(port).valid());
  two.Query(2, port);
  EXPECT_TRUE(Next(two).fd.valid());
}

TEST_F(PortsTest, AProgramThatListensAgainAtOnceHasItsSocketBack) {
  auto worker = Attach(Info(1));
  const int port = FreePort();
  const std::string close = R"({"cmd":"NODE_CLUSTER","act":"close","key":"null:)" +
                            std::to_string(port) + R"(:4:undefined:0","seq":5})";
  worker.Query(1, port);
  Next(worker);
  const auto id = store.held.begin()->first;
  worker.Say(close);
  worker.Query(2, port);
  EXPECT_TRUE(Next(worker).fd.valid());
  EXPECT_EQ(store.held.begin()->first, id);
  worker.Say(close);
  EXPECT_TRUE(Until([&] { return store.held.empty(); }));
}

TEST_F(PortsTest, APortOutlivesItsWorkers) {
  const std::string close = R"({"cmd":"NODE_CLUSTER","act":"close","key":"null:)";
  for (const char* end : {"drain", "disconnect", "leaving", "death"}) {
    auto worker = Attach(Info(1));
    const int port = FreePort();
    worker.Query(1, port);
    Next(worker);
    if (end == std::string("drain")) host->Drain(1);
    if (end == std::string("disconnect")) host->Disconnect(1);
    if (end == std::string("leaving")) host->Leaving(1);
    if (end != std::string("death")) {
      worker.Say(close + std::to_string(port) + R"(:4:undefined:0","seq":5})");
    }
    worker.CloseEnd();
    ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kDisconnected); }));
    host->Detach(1);
    EXPECT_TRUE(Connect(port).valid()) << end;
    auto next = Attach(Info(2));
    next.Query(1, port);
    EXPECT_TRUE(Next(next).fd.valid()) << end;
    listeners->CloseApp("api");
    host->Detach(2);
    words.clear();
  }
}

TEST_F(PortsTest, SaysDrainReleaseAndDisconnect) {
  auto info = Info(1);
  info.held = true;
  auto worker = Attach(info);
  host->Release(1);
  host->Release(1);
  host->Drain(1);
  host->Disconnect(1);
  EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_TEND_RELEASE"})");
  // Said again: a core before this one may not have come to it.
  EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_TEND_RELEASE"})");
  EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_TEND_DRAIN"})");
  EXPECT_TRUE(Contains(Next(worker).text, R"("act":"disconnect")"));
  host->Release(9);
  host->Drain(9);
  host->Disconnect(9);
  host->Detach(9);
}

TEST_F(PortsTest, SendsOneLineWhateverTheJsonLooksLike) {
  auto worker = Attach(Info(1));
  EXPECT_TRUE(host->Send(1, "{\n  \"a\": 1\n}"));
  EXPECT_EQ(Next(worker).text, "{   \"a\": 1 }");
  EXPECT_EQ(host->Send(1, std::string(kMessageToWorkerMax + 1, ' ')).error().code(), Errc::kLimit);
  EXPECT_EQ(host->Send(2, "1").error().code(), Errc::kNotFound);
}

TEST_F(PortsTest, AWorkerThatReadsNothingHasABoundedQueueAndAllOfItInTheEnd) {
  auto worker = Attach(Info(1));
  int sent = 0;
  const std::string message(1000, '1');
  while (sent < 100'000 && host->Send(1, message))
    ++sent;
  EXPECT_EQ(host->Send(1, message).error().code(), Errc::kLimit);
  EXPECT_LT(sent, 2000);
  EXPECT_TRUE(Until([&] { return static_cast<int>(worker.Listen().size()) == sent; }));
  for (const auto& heard : worker.heard)
    ASSERT_EQ(heard.text, message);
  EXPECT_TRUE(host->Send(1, message));
}

TEST_F(PortsTest, AWorkerThatAsksWithoutReadingIsNotListenedTo) {
  auto worker = Attach(Info(1));
  const auto before = OpenDescriptors();
  int asked = 0;
  const auto ask = [&] {
    return worker.SayBytes(R"({"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":1})"
                           "\n");
  };
  for (int quiet = 0; quiet < 50;) {
    if (ask()) {
      ++asked;
      quiet = 0;
    } else {
      ++quiet;
      Turn();
    }
  }
  EXPECT_GT(asked, 100);
  EXPECT_LE(OpenDescriptors(), before + 1);
  // Each question is answered when it reads again.
  EXPECT_TRUE(Until([&] { return static_cast<int>(worker.Listen().size()) == asked; }));
  // One that dies like that is noticed.
  for (int quiet = 0; quiet < 50;) {
    quiet = ask() ? 0 : quiet + 1;
    Turn();
  }
  worker.CloseEnd();
  EXPECT_TRUE(Until([&] { return Has(1, NodeWord::kDisconnected); }));
}

TEST_F(PortsTest, SkipsAMessageThatIsTooLargeAndSaysSoOnceAMinute) {
  auto worker = Attach(Info(1));
  const std::string piece(60'000, 'x');
  for (int round = 0; round < 3; ++round) {
    worker.SayBytes("\"");
    for (std::size_t bytes = 0; bytes <= 2 * kMessageMax; bytes += piece.size()) {
      ASSERT_TRUE(Until([&] { return worker.SayBytes(piece); }));
    }
    ASSERT_TRUE(Until([&] { return worker.SayBytes("\"\n\"ready\"\n"); }));
    ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kReady); }));
    words.clear();
  }
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_EQ(facts[0].id, FactId::kWorkerMessageDropped);
  EXPECT_EQ(Describe(facts[0]), "worker_message_dropped api:0 max_bytes=1048576");
}

TEST_F(PortsTest, SurvivesHostileWords) {
  auto info = Info(1, Balance::kRoundRobin);
  auto worker = Attach(info);
  const Fd gift(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto before = OpenDescriptors();
  for (const char* text :
       {R"({"cmd":"NODE_CLUSTER","ack":1,"accepted":true,"seq":1})",
        R"({"cmd":"NODE_CLUSTER","ack":-1,"accepted":false})", R"({"cmd":"NODE_HANDLE_NACK"})",
        R"({"cmd":"NODE_HANDLE_ACK"})", R"({"cmd":"NODE_CLUSTER","act":"close","key":"none"})",
        R"({"cmd":"NODE_CLUSTER","act":"close"})", R"({"cmd":"NODE_CLUSTER","act":"newconn"})",
        "{\"cmd\":\"NODE_CLUSTER\",\"act\":\"\xff\xfe\"}", "[[[[[[[[", "", "\r", "{}", "0"}) {
    worker.Say(text);
    worker.SayBytes(std::string(text) + '\n', gift.get());
  }
  worker.SayBytes(std::string("a\0b\n", 4));
  worker.Say(R"({"cmd":"NODE_CLUSTER","act":"queryServer","seq":5})");
  EXPECT_TRUE(Contains(Next(worker).text, "\"errno\":-22"));
  worker.Say(R"({"cmd":"NODE_CLUSTER","act":"queryServer","seq":6,"address":null,"port":null,)"
             R"("addressType":null,"fd":0})");
  EXPECT_TRUE(Contains(Next(worker).text, "\"errno\":-"));
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_TRUE(words.empty());
}

TEST_F(PortsTest, DoesNotWaitForASocketThatAWorkerWantsToLinger) {
  auto worker = Attach(Info(1));
  Settle();
  const auto server = OpenSocket({SocketAddress::Family::kIpv4, "127.0.0.1", 0}, {});
  Fd client = Connect(PortOf(server->get()));
  const linger wait{1, 600};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &wait, sizeof wait);
  const std::string unread(1 << 20, 'x');
  while (::send(client.get(), unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
  }
  worker.Say(R"({"cmd":"NODE_HANDLE","type":"net.Socket","msg":1})", client.get());
  // The last copy is the one in the channel; a close() of this one does not linger.
  client.Reset();
  const Mono begun = loop->Now();
  EXPECT_EQ(Next(worker).text, R"({"cmd":"NODE_HANDLE_ACK"})");
  EXPECT_LT(loop->Now() - begun, std::chrono::seconds(5));
}

TEST_F(PortsTest, OnlyAClusterIsGivenSockets) {
  auto info = Info(1);
  info.cluster = false;
  auto worker = Attach(info);
  worker.Query(1, FreePort());
  Settle();
  EXPECT_TRUE(worker.Listen().empty());
  EXPECT_FALSE(listeners->HasAny("api"));
}

TEST_F(PortsTest, AListenerMayLetGoOfTheWorkerFromInsideItsWord) {
  on_word = [this](std::uint64_t incarnation, NodeWord) { host->Detach(incarnation); };
  auto one = Attach(Info(1)), two = Attach(Info(2));
  one.SayBytes("\"ready\"\n\"ready\"\n");
  two.CloseEnd();
  ASSERT_TRUE(Until([&] { return words.size() == 2; }));
  Settle();
  EXPECT_EQ(words.size(), 2u);
}

TEST_F(PortsTest, AQuestionThatCoreDiedOverIsAskedAgain) {
  auto worker = Attach(Info(1));
  const int port = FreePort();
  worker.Query(1, port);  // Nobody has looked at it yet.
  CrashAndBoot();
  AttachAgain(Info(1));
  EXPECT_EQ(PortOf(Next(worker).fd.get()), port);
  // One that was dealt with is not.
  CrashAndBoot();
  AttachAgain(Info(1));
  Settle();
  EXPECT_TRUE(worker.Listen().empty());
}

class RoundRobinTest : public PortsTest {
 protected:
  // Workers 1 to n, all of which listen on port_.
  void Start(int n) {
    port_ = FreePort();
    for (int i = 1; i <= n; ++i) {
      ends_[i] = Attach(Info(static_cast<std::uint64_t>(i), Balance::kRoundRobin));
      Ask(i);
    }
  }
  void Ask(int i) {
    ends_[i].Query(1, port_);
    const auto reply = Next(ends_[i]);
    EXPECT_FALSE(reply.fd.valid());
    EXPECT_TRUE(Contains(reply.text, R"("errno":null)")) << reply.text;
    EXPECT_TRUE(Contains(reply.text, R"("sockname":{"address":"::","family":"IPv6","port":)" +
                                         std::to_string(port_)));
  }
  // Which worker is given a connection; it is left in `given_`.
  int Given() {
    int to = 0;
    EXPECT_TRUE(Until([&] {
      for (auto& [i, end] : ends_) {
        if (!end.Listen().empty()) to = i;
      }
      return to != 0;
    }));
    if (to == 0) return 0;
    given_ = Next(ends_[to]);
    EXPECT_TRUE(Contains(given_.text, R"("act":"newconn")")) << given_.text;
    EXPECT_TRUE(given_.fd.valid());
    return to;
  }
  bool NobodyIsGiven() {
    Settle();
    for (auto& [i, end] : ends_) {
      if (!end.Listen().empty()) return false;
    }
    return true;
  }

  int port_ = 0;
  std::map<int, WorkerEnd> ends_;
  WorkerEnd::Heard given_;
};

TEST_F(RoundRobinTest, HandsConnectionsOutStrictlyInTurn) {
  Start(3);
  const auto before = OpenDescriptors();
  std::vector<int> order;
  for (int i = 0; i < 9; ++i) {
    const Fd client = Connect(port_);
    ASSERT_TRUE(client.valid());
    order.push_back(Given());
    EXPECT_TRUE(::fcntl(given_.fd.get(), F_GETFL) & O_NONBLOCK);
    ends_[order.back()].Accept(given_.text);
    Settle();
    given_ = {};
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(RoundRobinTest, AWorkerHasOneAtATimeAndTheRestWaitsInTheKernel) {
  Start(2);
  const auto before = OpenDescriptors();
  std::vector<Fd> clients;
  for (int i = 0; i < 10; ++i)
    clients.push_back(Connect(port_));
  Settle();
  const auto first = Next(ends_[1]), second = Next(ends_[2]);
  EXPECT_TRUE(NobodyIsGiven());
  // Of each that was given there is our copy and the worker's.
  EXPECT_EQ(OpenDescriptors(), before + clients.size() + 4);
  ends_[2].Accept(second.text);
  EXPECT_EQ(Given(), 2);
}

TEST_F(RoundRobinTest, WhatOneDoesNotTakeGoesToAnother) {
  Start(2);
  const Fd client = Connect(port_);
  ASSERT_EQ(Given(), 1);
  ends_[1].Accept(given_.text, false);
  ASSERT_EQ(Given(), 2);
  ends_[2].Say(R"({"cmd":"NODE_HANDLE_NACK"})");  // out of descriptors
  ASSERT_EQ(Given(), 1);
  ends_[1].CloseEnd();  // dies with it
  ASSERT_EQ(Given(), 2);
  ends_[2].Accept(given_.text);
  EXPECT_TRUE(NobodyIsGiven());
}

TEST_F(RoundRobinTest, AConnectionThatNobodyWantsIsClosed) {
  Start(2);
  const auto before = OpenDescriptors();
  const Fd client = Connect(port_);
  for (int round = 0; round < 8; ++round) {
    const int to = Given();
    ASSERT_NE(to, 0);
    ends_[to].Accept(given_.text, false);
    given_ = {};
  }
  EXPECT_TRUE(NobodyIsGiven());
  EXPECT_EQ(OpenDescriptors(), before + 1);
  char byte;
  EXPECT_EQ(::recv(client.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(RoundRobinTest, OneWithoutWorkersWaitsForTheNext) {
  Start(1);
  const Fd first = Connect(port_);
  ASSERT_EQ(Given(), 1);
  given_ = {};
  host->Detach(1);
  ends_.clear();
  const Fd second = Connect(port_);
  ASSERT_TRUE(second.valid());
  Settle();
  ends_[2] = Attach(Info(2, Balance::kRoundRobin));
  Ask(2);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(Given(), 2);
    ends_[2].Accept(given_.text);
  }
}

TEST_F(RoundRobinTest, NothingForWorkersThatAreHeldOrDrain) {
  Start(1);
  auto held = Info(2, Balance::kRoundRobin);
  held.held = true;
  ends_[2] = Attach(held);
  Ask(2);
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Connect(port_));
    ASSERT_EQ(Given(), 1);
    ends_[1].Accept(given_.text);
  }
  host->Release(2);
  EXPECT_EQ(Next(ends_[2]).text, R"({"cmd":"NODE_TEND_RELEASE"})");
  host->Drain(1);
  EXPECT_EQ(Next(ends_[1]).text, R"({"cmd":"NODE_TEND_DRAIN"})");
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Connect(port_));
    ASSERT_EQ(Given(), 2);
    ends_[2].Accept(given_.text);
  }
}

TEST_F(RoundRobinTest, GoesOnAfterACrashOfCore) {
  Start(2);
  CrashAndBoot();
  const Fd waiting = Connect(port_);
  ASSERT_TRUE(waiting.valid());
  for (std::uint64_t i : {1u, 2u})
    AttachAgain(Info(i, Balance::kRoundRobin));
  ASSERT_EQ(Given(), 1);
  const std::string first = given_.text;
  const Fd other = Connect(port_);
  ASSERT_EQ(Given(), 2);
  ends_[2].Accept(given_.text);
  ends_[1].Accept(first);
  const Fd third = Connect(port_);
  ASSERT_EQ(Given(), 2);
  ends_[3] = Attach(Info(3, Balance::kRoundRobin));
  Ask(3);
}

TEST_F(RoundRobinTest, ForgetsTheSocketWithTheApp) {
  Start(2);
  const Fd client = Connect(port_);
  ASSERT_EQ(Given(), 1);
  listeners->CloseApp("api");
  EXPECT_FALSE(Connect(port_).valid());
  ends_[1].Accept(given_.text);
  EXPECT_TRUE(NobodyIsGiven());
}

TEST_F(RoundRobinTest, AWorkerThatLiesAboutWhatItWasGivenHarmsNobody) {
  Start(2);
  const auto before = OpenDescriptors();
  {
    const Fd client = Connect(port_);
    ASSERT_EQ(Given(), 1);
    const std::string text = given_.text;
    given_ = {};
    for (int i = 0; i < 5; ++i)
      ends_[1].Accept(text);
    ends_[2].Accept(text, false);  // that was not its
    Settle();
  }
  EXPECT_EQ(OpenDescriptors(), before);
  const Fd client = Connect(port_);
  EXPECT_EQ(Given(), 2);
}

TEST_F(PortsTest, InjectsAConnectionIntoASharedServer) {
  auto worker = Attach(Info(1));
  auto pair = MakePacketPair();
  EXPECT_EQ(host->Inject(1, *Duplicate(pair->first.get()), {}).error().code(), Errc::kNotFound);
  worker.Query(1, FreePort());
  Next(worker);
  const auto before = OpenDescriptors();
  ASSERT_TRUE(host->Inject(1, *Duplicate(pair->first.get()), {}));
  {
    const auto given = Next(worker);
    EXPECT_TRUE(Contains(given.text, R"("act":"newconn")") && given.fd.valid());
    worker.Accept(given.text);
    Settle();
  }
  EXPECT_EQ(OpenDescriptors(), before);
  Result<> last;
  for (int i = 0; i < 10'000 && last; ++i)
    last = host->Inject(1, *Duplicate(pair->first.get()), {});
  EXPECT_EQ(last.error().code(), Errc::kLimit);
  host->Detach(1);
  const auto given = worker.Listen().size();
  EXPECT_EQ(OpenDescriptors(), before - 1 + given);
}

TEST_F(PortsTest, AReplyThatTheWorkerCouldNotOpenIsAnErrorInstead) {
  auto worker = Attach(Info(1));
  worker.Query(3, FreePort());
  Next(worker);
  worker.Say(R"({"cmd":"NODE_HANDLE_NACK"})");
  const auto error = Next(worker);
  EXPECT_TRUE(Contains(error.text, "\"errno\":-24") && Contains(error.text, "\"ack\":3"));
}

TEST_F(PortsTest, LeavesNoDescriptorBehind) {
  Settle();
  const auto before = OpenDescriptors();
  for (int round = 0; round < 20; ++round) {
    {
      auto one = Attach(Info(1)), two = Attach(Info(2, Balance::kReuseport, "two"));
      const int port = FreePort();
      one.Query(1, port);
      Next(one);
      two.Query(1, FreePort());
      Next(two);
      host->Detach(1);
      host->Detach(2);
    }
    listeners->CloseApp("api");
    listeners->CloseApp("two");
    kept_channels.clear();
    EXPECT_EQ(OpenDescriptors(), before);
  }
}

}  // namespace
}  // namespace tend::supervisor
