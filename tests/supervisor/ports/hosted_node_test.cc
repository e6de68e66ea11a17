// Real programs of the node that is in PATH, unmodified, with NodeHost as their parent.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "ports_fixture.h"

namespace tend::supervisor {
namespace {

using config::Balance;

// Says what it is asked for by its argument; each case is a program of its own.
constexpr std::string_view kProgram = R"(
const [kind, ...rest] = process.argv.slice(2);
const net = require('net'), http = require('http'), https = require('https'), dgram = require('dgram');
const cluster = require('cluster');
const say = (type, data) => process.send({ type, data: String(data) });
const port = Number(process.env.PORT);
const failed = (e) => say('error', e.code);
const serve = (where) => http.createServer((q, r) => {
  if (q.url === '/slow') process.once('message', () => r.end(String(process.pid)));
  else r.end(String(process.pid));
}).on('error', failed).listen(where, function () {
  const at = this.address();
  say('listens', typeof at === 'string' ? at : at.port);
});
const kinds = {
  http: () => { const s = serve(port); process.on('message', (m) => { if (m === 'close') s.close(); }); },
  path: () => serve(rest[0]),
  fd: () => serve({ fd: Number(rest[0]) }),
  zero: () => { serve(0); serve(0); },
  udp: () => {
    const s = dgram.createSocket('udp4', (m, from) => s.send('pong', from.port, from.address));
    s.on('error', failed).bind(port, '127.0.0.1', () => say('listens', s.address().port));
  },
  tls: () => { const s = https.createServer({}).on('error', failed); s.listen(port, () => say('keys', s.getTicketKeys().toString('hex'))); },
  again: () => {
    const s = net.createServer().listen(port, () => s.close(() => serve(port)));
  },
  handle: () => {
    const s = net.createServer().listen(0, '127.0.0.1', () => {
      const c = net.connect(s.address().port, '127.0.0.1', () => {
        process.send({ here: 1 }, c);
        say('after', 'the handle');
      });
    });
  },
  leave: () => { serve(port); process.on('message', () => cluster.worker.disconnect()); },
  env: () => say('env', [process.env.NODE_OPTIONS, process.env.TEND_HOLD, process.env.NODE_UNIQUE_ID,
    cluster.isWorker, cluster.worker.id]),
};
kinds[kind]();
)";

class HostedNode : public PortsTest {
 protected:
  struct Process {
    int pid = 0;
    int exit_code = -1;
  };

  void SetUp() override {
    if (std::system("node --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "no node in PATH";
    std::ofstream(folder / "app.cjs") << kProgram;
    port_ = FreePort();
  }
  void TearDown() override {
    for (auto& [incarnation, process] : processes_)
      End(incarnation, SIGKILL);
  }

  struct Options {
    Balance balance = Balance::kShared;
    std::string app = "api";
    bool held = false;
    int inherited = -1;
    std::string script = "app.cjs";
  };
  void Start(std::uint64_t incarnation,
             std::vector<std::string> arguments,
             const Options& options) {
    auto channel = NodeHost::MakeChannel();
    ASSERT_TRUE(channel);
    std::vector<std::string> environment{"PATH=" + std::string(::getenv("PATH")),
                                         "NODE_CHANNEL_FD=3",
                                         "NODE_CHANNEL_SERIALIZATION_MODE=json",
                                         "NODE_UNIQUE_ID=" + std::to_string(incarnation),
                                         "PORT=" + std::to_string(port_),
                                         "NODE_OPTIONS=--require " TEND_PRELOAD,
                                         "TEND_NODE_OPTIONS="};
    if (options.held) environment.push_back("TEND_HOLD=1");
    arguments.insert(arguments.begin(), {"node", folder / options.script});
    std::vector<char*> argv, envp;
    for (std::string& each : arguments)
      argv.push_back(each.data());
    for (std::string& each : environment)
      envp.push_back(each.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    const int pid = ::fork();
    if (pid == 0) {
      if (options.inherited >= 0) ::dup2(options.inherited, 10);
      ::dup2(channel->second.get(), 3);
      ::execvpe("node", argv.data(), envp.data());
      ::_exit(127);
    }
    processes_[incarnation].pid = pid;
    NodeWorker info = Info(incarnation, options.balance, options.app);
    info.pid = pid;
    info.held = options.held;
    infos_[incarnation] = info;
    kept_channels[incarnation] = *Duplicate(channel->first.get());
    host->Attach(info, std::move(channel->first));
  }
  void Start(std::uint64_t incarnation, std::vector<std::string> arguments) {
    Start(incarnation, std::move(arguments), {});
  }
  // The exit code, or minus the signal.
  int End(std::uint64_t incarnation, int signal = 0) {
    Process& process = processes_[incarnation];
    if (process.pid == 0) return process.exit_code;
    if (signal != 0) ::kill(process.pid, signal);
    int status = 0;
    EXPECT_TRUE(Until([&] { return ::waitpid(process.pid, &status, WNOHANG) == process.pid; }));
    process.pid = 0;
    return process.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  bool Said(std::uint64_t incarnation, const std::string& text, const std::string& app = "api") {
    const std::string want = app + ':' + std::to_string(incarnation - 1) + ' ' + text;
    return std::any_of(messages.begin(), messages.end(),
                       [&](const std::string& message) { return message.starts_with(want); });
  }
  // What came after `text`, as JSON's string without its quotes.
  std::string Heard(std::uint64_t incarnation, const std::string& type) {
    const std::string want = "api:" + std::to_string(incarnation - 1) + ' ' + type + " \"";
    std::string found;
    EXPECT_TRUE(Until([&] {
      for (const std::string& message : messages) {
        if (message.starts_with(want)) found = message.substr(want.size());
      }
      return !found.empty();
    })) << type
        << " of " << incarnation;
    if (!found.empty()) found.pop_back();
    return found;
  }
  bool Listens(std::uint64_t incarnation) {
    return bool(Until([&] { return Has(incarnation, NodeWord::kListening); }));
  }

  std::string Ask(const Fd& client, const std::string& path, bool keep) {
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: " + (keep ? "keep-alive" : "close") +
        "\r\n\r\n";
    EXPECT_EQ(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return keep ? std::string() : Rest(client);
  }
  // All that comes until its end, or until the end of a short answer.
  std::string Rest(const Fd& client, bool to_the_end = true) {
    std::string text;
    EXPECT_TRUE(Until([&] {
      char bytes[4096];
      for (;;) {
        const ssize_t n = ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0) text.append(bytes, static_cast<std::size_t>(n));
        if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
        if (n < 0) {
          return !to_the_end && text.find("\r\n\r\n") != std::string::npos &&
                 !text.ends_with("\r\n");
        }
      }
    })) << text;
    return text;
  }
  // Which worker answers, by its pid.
  std::uint64_t WhoAnswers() {
    const Fd client = Connect(port_);
    EXPECT_TRUE(client.valid());
    if (!client.valid()) return 0;
    const std::string text = Ask(client, "/", false);
    for (const auto& [incarnation, process] : processes_) {
      if (text.find("\r\n\r\n" + std::to_string(process.pid)) != std::string::npos ||
          text.find("\r\n" + std::to_string(process.pid) + "\r\n") != std::string::npos) {
        return incarnation;
      }
    }
    ADD_FAILURE() << text;
    return 0;
  }
  // Who answers, until so many have; those that have within some time.
  std::set<std::uint64_t> WhoAnswer(std::size_t workers) {
    std::set<std::uint64_t> answered;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (answered.size() < workers && std::chrono::steady_clock::now() < give_up)
      answered.insert(WhoAnswers());
    return answered;
  }

  int port_ = 0;
  std::map<std::uint64_t, Process> processes_;
  std::map<std::uint64_t, NodeWorker> infos_;
};

class EveryBalance : public HostedNode, public testing::WithParamInterface<Balance> {};
std::string NameOf(const testing::TestParamInfo<Balance>& balance) {
  if (balance.param == Balance::kShared) return "Shared";
  return balance.param == Balance::kRoundRobin ? "RoundRobin" : "Reuseport";
}
INSTANTIATE_TEST_SUITE_P(Each,
                         EveryBalance,
                         testing::Values(Balance::kShared,
                                         Balance::kRoundRobin,
                                         Balance::kReuseport),
                         NameOf);

TEST_P(EveryBalance, TwoWorkersServeOnePortAndDisconnectInTheEnd) {
  const Options options{.balance = GetParam()};
  Start(1, {"http"}, options);
  Start(2, {"http"}, options);
  ASSERT_TRUE(Listens(1) && Listens(2));
  EXPECT_EQ(WhoAnswer(2), (std::set<std::uint64_t>{1, 2}));
  EXPECT_EQ(Heard(1, "listens"), std::to_string(port_));
  EXPECT_EQ(Heard(2, "listens"), std::to_string(port_));
  // A worker goes, and another one takes its place on the same port.
  host->Disconnect(1);
  ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kDisconnected); }));
  EXPECT_EQ(End(1), 0);
  host->Detach(1);
  Start(3, {"http"}, options);
  ASSERT_TRUE(Listens(3));
  EXPECT_EQ(WhoAnswer(2), (std::set<std::uint64_t>{2, 3}));
}

TEST_P(EveryBalance, ListenZeroGivesTheNthOfEachWorkerOnePort) {
  const Options options{.balance = GetParam()};
  Start(1, {"zero"}, options);
  Start(2, {"zero"}, options);
  std::map<std::string, int> ports;
  ASSERT_TRUE(Until([&] {
    ports.clear();
    for (const std::string& message : messages) {
      if (message.find(" listens ") != std::string::npos) ++ports[message.substr(6)];
    }
    return ports.size() == 2 && ports.begin()->second == 2 && ports.rbegin()->second == 2;
  }));
}

TEST_P(EveryBalance, AProgramMayCloseAndListenAgain) {
  Start(1, {"again"}, {.balance = GetParam()});
  EXPECT_EQ(Heard(1, "listens"), std::to_string(port_));
  EXPECT_EQ(WhoAnswers(), 1u);
}

TEST_P(EveryBalance, AnotherAppGetsEaddrinuse) {
  Start(1, {"http"}, {.balance = GetParam()});
  ASSERT_TRUE(Listens(1));
  Start(2, {"http"}, {.balance = GetParam(), .app = "other"});
  Start(3, {"tls"}, {.balance = GetParam(), .app = "other"});
  EXPECT_TRUE(Until([&] { return Said(2, "error \"EADDRINUSE\"", "other"); }));
  EXPECT_TRUE(Until([&] { return Said(3, "error \"EADDRINUSE\"", "other"); }));
}

TEST_P(EveryBalance, AHeldWorkerIsGivenNothingBeforeItIsReleased) {
  Start(1, {"http"}, {.balance = GetParam()});
  Start(2, {"http"}, {.balance = GetParam(), .held = true});
  ASSERT_TRUE(Listens(1) && Listens(2));
  EXPECT_EQ(Heard(2, "listens"), std::to_string(port_));
  for (int i = 0; i < 60; ++i)
    ASSERT_EQ(WhoAnswers(), 1u);
  host->Release(2);
  EXPECT_EQ(WhoAnswer(2), (std::set<std::uint64_t>{1, 2}));
}

TEST_P(EveryBalance, DrainEndsConnectionsWithTheirNextResponse) {
  Start(1, {"http"}, {.balance = GetParam()});
  ASSERT_TRUE(Listens(1));
  const Fd idle = Connect(port_), busy = Connect(port_);
  Ask(idle, "/", true);
  EXPECT_NE(Rest(idle, false).find("keep-alive"), std::string::npos);
  Ask(busy, "/slow", true);
  for (int i = 0; i < 50; ++i)
    Turn(std::chrono::milliseconds(1));
  host->Drain(1);
  ASSERT_TRUE(host->Send(1, "\"answer\""));
  EXPECT_NE(Rest(busy).find("Connection: close"), std::string::npos);
  Ask(idle, "/", true);
  EXPECT_NE(Rest(idle).find("Connection: close"), std::string::npos);
  host->Disconnect(1);
  ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kDisconnected); }));
  EXPECT_EQ(End(1), 0);
}

TEST_P(EveryBalance, ServesOverACrashOfCore) {
  const Options options{.balance = GetParam()};
  Start(1, {"http"}, options);
  Start(2, {"http"}, options);
  ASSERT_TRUE(Listens(1) && Listens(2));
  CrashAndBoot();
  const Fd waiting = Connect(port_);
  ASSERT_TRUE(waiting.valid());
  for (const auto& [incarnation, info] : infos_)
    AttachAgain(info);
  EXPECT_NE(Ask(waiting, "/", false).find("200 OK"), std::string::npos);
  Start(3, {"http"}, options);
  ASSERT_TRUE(Listens(3));
  EXPECT_EQ(WhoAnswer(3), (std::set<std::uint64_t>{1, 2, 3}));
}

TEST_P(EveryBalance, TheFirstWorkersTicketKeysAreEverybodys) {
  Start(1, {"tls"}, {.balance = GetParam()});
  const std::string first = Heard(1, "keys");
  EXPECT_EQ(first.size(), 96u);
  Start(2, {"tls"}, {.balance = GetParam()});
  EXPECT_EQ(Heard(2, "keys"), first);
  for (const std::uint64_t i : {1u, 2u}) {
    End(i, SIGKILL);
    host->Detach(i);
  }
  CrashAndBoot();
  Start(3, {"tls"}, {.balance = GetParam()});
  EXPECT_EQ(Heard(3, "keys"), first);
}

TEST_P(EveryBalance, ServesAUnixSocket) {
  const std::string path = folder / "s";
  Start(1, {"path", path}, {.balance = GetParam()});
  Start(2, {"path", path}, {.balance = GetParam()});
  ASSERT_TRUE(Listens(1) && Listens(2));
  EXPECT_EQ(Heard(1, "listens"), path);
  Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  auto address = ToKernel({SocketAddress::Family::kUnix, path, 0});
  ASSERT_EQ(::connect(client.get(), address->get(), address->size), 0);
  EXPECT_NE(Ask(client, "/", false).find("200 OK"), std::string::npos);
  listeners->CloseApp("api");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_P(EveryBalance, ServesASocketThatTheWorkerInherited) {
  const auto own = OpenSocket(
      {SocketAddress::Family::kIpv4, "127.0.0.1", static_cast<std::uint16_t>(port_)}, {});
  ASSERT_TRUE(own);
  Start(1, {"fd", "10"}, {.balance = GetParam(), .inherited = own->get()});
  EXPECT_EQ(Heard(1, "listens"), std::to_string(port_));
  EXPECT_EQ(WhoAnswers(), 1u);
}

TEST_F(HostedNode, RoundRobinIsExact) {
  for (std::uint64_t i = 1; i <= 3; ++i) {
    Start(i, {"http"}, {.balance = Balance::kRoundRobin});
    ASSERT_TRUE(Listens(i));
  }
  std::map<std::uint64_t, int> count;
  for (int i = 0; i < 60; ++i)
    ++count[WhoAnswers()];
  EXPECT_EQ(count, (std::map<std::uint64_t, int>{{1, 20}, {2, 20}, {3, 20}}));
}

TEST_F(HostedNode, RoundRobinHandsOutManyConnections) {
  constexpr int kClients = 50, kConnections = 3000;
  for (std::uint64_t i = 1; i <= 2; ++i) {
    Start(i, {"http"}, {.balance = Balance::kRoundRobin});
    ASSERT_TRUE(Listens(i));
  }
  const auto before = OpenDescriptors();
  const Mono begun = loop->Now();
  std::vector<Fd> clients(kClients);
  int asked = 0, answered = 0;
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(Until([&] {
    for (Fd& client : clients) {
      char bytes[4096];
      const ssize_t n =
          client.valid() ? ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT) : 0;
      if (n != 0) continue;
      if (client.valid()) ++answered;
      client.Reset();
      if (asked == kConnections) continue;
      ++asked;
      client = Connect(port_);
      EXPECT_GT(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
    }
    return answered == kConnections;
  }));
  const std::chrono::duration<double> took = loop->Now() - begun;
  RecordProperty("connections_per_second", static_cast<int>(kConnections / took.count()));
  Settle();
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(HostedNode, UdpIsSharedInRoundRobin) {
  Start(1, {"udp"}, {.balance = Balance::kRoundRobin});
  Start(2, {"udp"}, {.balance = Balance::kRoundRobin});
  EXPECT_EQ(Heard(1, "listens"), std::to_string(port_));
  EXPECT_EQ(Heard(2, "listens"), std::to_string(port_));
  const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto address =
      ToKernel({SocketAddress::Family::kIpv4, "127.0.0.1", static_cast<std::uint16_t>(port_)});
  ASSERT_EQ(::sendto(client.get(), "ping", 4, 0, address->get(), address->size), 4);
  char bytes[16];
  ASSERT_TRUE(Until([&] { return ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT) == 4; }));
}

TEST_F(HostedNode, AWorkerThatSentADescriptorGoesOnSpeaking) {
  Start(1, {"handle"});
  EXPECT_EQ(Heard(1, "after"), "the handle");
}

TEST_F(HostedNode, AWorkerMayDisconnectByItself) {
  Start(1, {"leave"});
  ASSERT_TRUE(Listens(1));
  ASSERT_TRUE(host->Send(1, "\"go\""));
  ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kDisconnected); }));
  EXPECT_EQ(End(1), 0);
  EXPECT_TRUE(Connect(port_).valid());
}

TEST_F(HostedNode, AProgramSeesItsMessagesAndGivesItsPortUp) {
  Start(1, {"http"});
  ASSERT_TRUE(Listens(1));
  ASSERT_TRUE(host->Send(1, "\"close\""));
  ASSERT_TRUE(Until([&] { return !listeners->HasAny("api"); }));
  EXPECT_FALSE(Connect(port_).valid());
}

TEST_F(HostedNode, SeesNothingOfUs) {
  Start(1, {"env"}, {.held = true});
  EXPECT_EQ(Heard(1, "env"), ",,,true,1");
}

TEST_F(HostedNode, HoldsAndDrainsAnEsModuleToo) {
  std::ofstream(folder / "app.mjs")
      << "import http from 'node:http'; import { createServer } from 'http';"
         "createServer((q, r) => r.end(String(process.pid))).listen(process.env.PORT);";
  Start(1, {}, {.script = "app.mjs"});
  Start(2, {}, {.held = true, .script = "app.mjs"});
  ASSERT_TRUE(Listens(1) && Listens(2));
  for (int i = 0; i < 30; ++i)
    ASSERT_EQ(WhoAnswers(), 1u);
  host->Release(2);
  host->Disconnect(1);
  ASSERT_TRUE(Until([&] { return Has(1, NodeWord::kDisconnected); }));
  EXPECT_EQ(WhoAnswers(), 2u);
}

TEST_F(HostedNode, AnErrorOfAHeldListenIsTheServersError) {
  Start(1, {"http"}, {.balance = Balance::kReuseport, .held = true});
  ASSERT_TRUE(Listens(1));
  // Somebody takes the port before it is listened on.
  const SocketAddress any{SocketAddress::Family::kAny, "", static_cast<std::uint16_t>(port_)};
  const auto thief = OpenSocket(any, {});
  if (!thief) GTEST_SKIP() << "nobody can take a port that is bound";
  host->Release(1);
  EXPECT_TRUE(Until([&] { return Said(1, "error \"EADDRINUSE\""); }));
}

TEST_F(HostedNode, InjectsIntoAServer) {
  Start(1, {"http"});
  ASSERT_TRUE(Listens(1));
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const Fd client(ends[0]);
  ASSERT_TRUE(host->Inject(1, Fd(ends[1]), {}));
  EXPECT_NE(Ask(client, "/", false).find("200 OK"), std::string::npos);
}

}  // namespace
}  // namespace tend::supervisor
