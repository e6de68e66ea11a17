#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include <gmock/gmock.h>

#include "exporter/ship/journald_sink.h"
#include "exporter/ship/syslog_sink.h"

namespace tend::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using Then = SendOutcome::Then;

// Somebody who takes datagrams.
class Receiver {
 public:
  static Receiver Udp() {
    Receiver receiver(AF_INET);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(receiver.fd_.get(), raw, size), 0);
    ::getsockname(receiver.fd_.get(), raw, &size);
    receiver.url_ = "udp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    return receiver;
  }
  static Receiver Unix(const std::string& path) {
    Receiver receiver(AF_UNIX);
    ::unlink(path.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(
        ::bind(receiver.fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    receiver.url_ = "unix:" + path;
    return receiver;
  }
  const std::string& url() const { return url_; }

  // The next one, or what is in the file that came instead of it; "" when none comes.
  std::string Next() {
    pollfd wait{fd_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 10'000) != 1) return {};
    std::string text(1 << 20, '\0');
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    if (const cmsghdr* header = CMSG_FIRSTHDR(&message)) {
      int raw = -1;
      std::memcpy(&raw, CMSG_DATA(header), sizeof raw);
      const Fd file(raw);
      n = ::pread(file.get(), text.data(), text.size(), 0);
      char byte = 'x';
      EXPECT_LT(::pwrite(file.get(), &byte, 1, 0), 0) << "sealed";
      ++files;
    }
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
  }
  int files = 0;

 private:
  explicit Receiver(int family) : fd_(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}
  Fd fd_;
  std::string url_;
};

std::string TestPath() {
  return ::testing::TempDir() + "tend-datagrams-" + std::to_string(::getpid());
}

ShipEntry Entry(std::string text) {
  ShipEntry entry;
  entry.time = Wall(std::chrono::nanoseconds(1'700'000'000'123'456'789));
  entry.slot = 2;
  entry.stream = Stream::kStderr;
  entry.text = std::move(text);
  return entry;
}

config::ExporterConfig DatagramConfig(const std::string& url,
                                      std::chrono::nanoseconds timeout = seconds(20)) {
  config::ExporterConfig config;
  config.peer.url = url;
  config.peer.timeout = timeout;
  return config;
}

SendOutcome SendTo(LogSink& sink, const std::vector<ShipEntry>& entries) {
  const ShipBatch batch{"api", entries};
  return sink.Send({&batch, 1});
}

TEST(SyslogUdp, SendsOneDatagramEachAndCutsWhatIsTooLong) {
  Receiver receiver = Receiver::Udp();
  SyslogSink sink(DatagramConfig(receiver.url()), "web-1");
  const SendOutcome outcome = SendTo(sink, {Entry("one"), Entry(std::string(20'000, 'x'))});
  EXPECT_EQ(outcome.then, Then::kDone) << outcome.error;
  EXPECT_THAT(receiver.Next(), EndsWith("] one"));
  EXPECT_EQ(receiver.Next().size(), 8192U);
}

TEST(SyslogUdp, TriesAgainWhenNobodyIsThere) {
  std::string url;
  {
    const Receiver gone = Receiver::Udp();
    url = gone.url();
  }
  SyslogSink sink(DatagramConfig(url), "web-1");
  for (const std::size_t entries : {1U, 2U}) {
    const SendOutcome outcome = SendTo(sink, std::vector<ShipEntry>(entries, Entry("one")));
    EXPECT_EQ(outcome.then, Then::kRetry);
    EXPECT_EQ(outcome.taken, 0U);
    EXPECT_THAT(outcome.error, HasSubstr("Connection refused"));
  }
}

TEST(SyslogLocal, GoesOnWithAReceiverThatWasStartedAnew) {
  const std::string path = TestPath();
  std::optional<Receiver> receiver = Receiver::Unix(path);
  SyslogSink sink(DatagramConfig("unix:" + path), "web-1");
  EXPECT_EQ(SendTo(sink, {Entry("one")}).then, Then::kDone);
  EXPECT_THAT(receiver->Next(), EndsWith(" api[2]: one"));
  receiver.reset();
  EXPECT_EQ(SendTo(sink, {Entry("two")}).then, Then::kRetry);
  receiver = Receiver::Unix(path);
  EXPECT_EQ(SendTo(sink, {Entry("two")}).then, Then::kDone);
  EXPECT_THAT(receiver->Next(), EndsWith(" api[2]: two"));
  receiver = Receiver::Unix(path);
  EXPECT_EQ(SendTo(sink, {Entry("three")}).then, Then::kDone) << "at once";
  EXPECT_THAT(receiver->Next(), EndsWith(" api[2]: three"));
}

TEST(SyslogLocal, WaitsForAFullReceiver) {
  Receiver receiver = Receiver::Unix(TestPath());
  SyslogSink sink(DatagramConfig(receiver.url(), milliseconds(500)), "web-1");
  const SendOutcome outcome = SendTo(sink, std::vector<ShipEntry>(10'000, Entry("x")));
  EXPECT_EQ(outcome.then, Then::kSplit) << "less may be done in time";
  EXPECT_EQ(outcome.result, SendResult::kTimeout);
  ASSERT_GT(outcome.taken, 0U);
  for (std::size_t i = 0; i < outcome.taken; ++i)
    EXPECT_THAT(receiver.Next(), EndsWith(": x"));
  EXPECT_EQ(SendTo(sink, {Entry("y")}).then, Then::kDone);
  EXPECT_THAT(receiver.Next(), EndsWith(": y"));
}

TEST(DatagramOutcome, OneThatIsTooLargeDoesNotBlockTheOthers) {
  const SendOutcome outcome = DatagramOutcome(Error(Errc::kLimit, "too large"), 10, 3);
  EXPECT_EQ(outcome.then, Then::kSplit);
  EXPECT_EQ(outcome.result, SendResult::kBadRequest);
  EXPECT_EQ(outcome.taken, 3U);
  EXPECT_FALSE(outcome.needs_help);
}

TEST(AppendJournalEntry, HasAFieldForEachThingThatIsKnown) {
  std::string out;
  ShipEntry entry = Entry("hello");
  entry.level = "warn";
  AppendJournalEntry("api", entry, out);
  EXPECT_EQ(out,
            "MESSAGE=hello\nPRIORITY=4\nSYSLOG_IDENTIFIER=api\nTEND_APP=api\nTEND_WORKER=2\n"
            "TEND_STREAM=stderr\nTEND_LEVEL=warn\n"
            "TEND_TIMESTAMP=2023-11-14T22:13:20.123456789Z\n");
}

TEST(AppendJournalEntry, CountsTheBytesOfWhatHasALineBreak) {
  std::string out;
  AppendJournalEntry("api", Entry("a\nb"), out);
  EXPECT_TRUE(
      out.starts_with(std::string_view("MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nPRIORITY=3\n", 31)))
      << out;
}

TEST(JournaldSink, SendsWhatIsLargeAsASealedFile) {
  Receiver receiver = Receiver::Unix(TestPath());
  JournaldSink sink(DatagramConfig(receiver.url()));
  const std::string large(400'000, 'x');
  const SendOutcome outcome = SendTo(sink, {Entry("small"), Entry(large)});
  EXPECT_EQ(outcome.then, Then::kDone) << outcome.error;
  EXPECT_TRUE(receiver.Next().starts_with("MESSAGE=small\n"));
  EXPECT_TRUE(receiver.Next().starts_with("MESSAGE=" + large + "\nPRIORITY=3\n"));
  EXPECT_EQ(receiver.files, 1);
}

TEST(JournaldSink, SaysWhatAFullJournalHasTaken) {
  Receiver receiver = Receiver::Unix(TestPath());
  JournaldSink sink(DatagramConfig(receiver.url(), milliseconds(500)));
  const SendOutcome outcome = SendTo(sink, std::vector<ShipEntry>(10'000, Entry("x")));
  EXPECT_EQ(outcome.then, Then::kSplit);
  ASSERT_GT(outcome.taken, 0U);
  for (std::size_t i = 0; i < outcome.taken; ++i)
    EXPECT_THAT(receiver.Next(), HasSubstr("MESSAGE=x\n"));
  EXPECT_EQ(SendTo(sink, {Entry("y")}).then, Then::kDone);
  EXPECT_THAT(receiver.Next(), HasSubstr("MESSAGE=y\n"));
}

TEST(JournaldSink, TriesAgainWithoutAJournal) {
  JournaldSink sink(DatagramConfig("unix:/nowhere/socket"));
  const SendOutcome outcome = SendTo(sink, {Entry("x")});
  EXPECT_EQ(outcome.then, Then::kRetry);
  EXPECT_EQ(outcome.error, "connect to /nowhere/socket: No such file or directory");
}

}  // namespace
}  // namespace tend::exporter
