#include "exporter/ship/remote_write.h"

#include <latch>
#include <stdexcept>

#include <gmock/gmock.h>

#include "exporter/ship/test_server.h"

namespace tend::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

config::ExporterConfig WriterConfig(const std::string& url) {
  config::ExporterConfig config;
  config.name = "prom";
  config.type = config::ExporterType::kRemoteWrite;
  config.peer.url = url;
  config.peer.timeout = seconds(20);
  config.tenant = "team";
  config.interval = milliseconds(100);
  return config;
}

TEST(RemoteWriter, SendsEveryPageAsItWasTaken) {
  std::latch three(3);
  std::string request;
  TestServer server([&](TestConnection& connection) {
    while (auto next = connection.ReadRequest()) {
      request = *next;
      if (!three.try_wait()) three.count_down();
      connection.Write("HTTP/1.1 204 No Content\r\n\r\n");
    }
  });
  RemoteWriter writer(WriterConfig(server.Url()), "web-1", [] { return std::string("a 1\n"); });
  writer.Start();
  three.wait();
  writer.Stop(seconds(20));
  EXPECT_THAT(request, ::testing::StartsWith("POST /api/v1/write HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Prometheus-Remote-Write-Version: 0.1.0\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Encoding: snappy\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Scope-OrgID: team\r\n"));
  const ExportStats stats = writer.Stats();
  EXPECT_GE(stats.sent_entries, 3U);
  EXPECT_EQ(stats.queue_entries, 0U);
  EXPECT_EQ(stats.name, "prom");
  EXPECT_EQ(stats.type, "remote_write");
}

TEST(RemoteWriter, EndsAtOnceWithAReceiverThatHangs) {
  std::latch asked(1);
  TestServer server([&asked](TestConnection& connection) {
    connection.ReadRequest();
    asked.count_down();
    connection.WaitUntilStopped();
  });
  RemoteWriter writer(WriterConfig(server.Url()), "web-1", [] { return std::string("a 1\n"); });
  writer.Start();
  asked.wait();
  const auto begun = std::chrono::steady_clock::now();
  writer.Stop(milliseconds(50));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(10));
  EXPECT_GE(writer.Stats().dropped[static_cast<std::size_t>(ExportDrop::kShutdown)], 1U);
}

TEST(RemoteWriter, SaysThatThereAreNoSamples) {
  std::latch asked(2);
  RemoteWriter writer(WriterConfig("http://127.0.0.1:1"), "web-1",
                      [&asked]() -> Result<std::string> {
                        if (!asked.try_wait()) asked.count_down();
                        return Error(Errc::kTimeout, "no page in time");
                      });
  writer.Start();
  asked.wait();
  writer.Stop(seconds(0));
  EXPECT_EQ(writer.Stats().last_error, "samples: no page in time");
  EXPECT_GE(writer.Stats().dropped[static_cast<std::size_t>(ExportDrop::kEncoding)], 1U);
}

TEST(RemoteWriter, OutlivesWhatIsThrown) {
  std::latch asked(1);
  RemoteWriter writer(WriterConfig("http://127.0.0.1:1"), "web-1",
                      [&asked]() -> Result<std::string> {
                        asked.count_down();
                        throw std::runtime_error("no memory");
                      });
  writer.Start();
  asked.wait();
  writer.Stop(seconds(20));
  EXPECT_EQ(writer.Stats().last_error, "has ended: no memory");
}

}  // namespace
}  // namespace tend::exporter
