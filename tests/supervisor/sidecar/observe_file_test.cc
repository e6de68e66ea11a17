#include "supervisor/sidecar/observe_file.h"

#include <gtest/gtest.h>

#include "config/temp_folder.h"

namespace tend::supervisor {
namespace {

config::ObserveRequest From(const std::string& file, const std::string& exporter) {
  config::ObserveRequest request;
  request.file = file;
  request.given = !exporter.empty();
  if (request.given) request.observe.exporters.emplace_back().name = exporter;
  return request;
}

TEST(ObserveFile, KeepsWhatWasConfigured) {
  const config::TempFolder folder;
  ObserveFile file(FilesLinux(), folder.path() + "/observe.json");
  ASSERT_TRUE(file.Load());
  EXPECT_FALSE(file.Load()->given);
  const auto request = From("/etc/tend.yaml", "loki");
  ASSERT_TRUE(file.Save(request));
  ASSERT_TRUE(file.Load());
  EXPECT_EQ(*file.Load(), request);
}

TEST(ObserveFile, SaysThatItCannotBeRead) {
  const config::TempFolder folder;
  folder.Write("observe.json", "{oh");
  EXPECT_EQ(ObserveFile(FilesLinux(), folder.path() + "/observe.json").Load().error().code(),
            Errc::kInvalid);
}

TEST(ObserveChange, AFileWithSectionsTakesThePlaceOfAnother) {
  const ObserveChange change = Change(From("/a", "loki"), From("/b", "syslog"));
  EXPECT_TRUE(change.changed);
  EXPECT_EQ(change.next, From("/b", "syslog"));
  EXPECT_EQ(change.replaced, "/a");
}

TEST(ObserveChange, AFileOfAppsLeavesAloneWhatAnotherSays) {
  const ObserveChange change = Change(From("/a", "loki"), From("/b", ""));
  EXPECT_FALSE(change.changed);
  EXPECT_EQ(change.next, From("/a", "loki"));
}

TEST(ObserveChange, AFileTakesAwayWhatCameFromItself) {
  const ObserveChange change = Change(From("/a", "loki"), From("/a", ""));
  EXPECT_TRUE(change.changed);
  EXPECT_TRUE(change.next.observe.exporters.empty());
  EXPECT_EQ(change.replaced, "");
  EXPECT_FALSE(Change(change.next, From("/b", "")).changed);
}

TEST(ObserveChange, TheSameAgainChangesNothing) {
  EXPECT_FALSE(Change(From("/a", "loki"), From("/a", "loki")).changed);
  // Somebody else says the same: nothing was lost.
  EXPECT_EQ(Change(From("/a", "loki"), From("/b", "loki")).replaced, "");
}

}  // namespace
}  // namespace tend::supervisor
