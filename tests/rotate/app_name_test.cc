#include "rotate/app_name.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "rotate/worker_fixture.h"

namespace tend::rotate {
namespace {

using testing::ElementsAre;

constexpr const char* kApp = "@acme-web server";
constexpr const char* kFolder = "-acme-web-server";

std::string NameIn(const TempFolder& folder, const std::string& name) {
  return AppNameOf(FilesLinux(), folder.At(name));
}

TEST(AppName, IsKeptOnlyWhereTheFolderDoesNotTell) {
  TempFolder folder;
  ASSERT_TRUE(KeepAppName(FilesLinux(), folder.At("api"), "api"));
  ASSERT_TRUE(KeepAppName(FilesLinux(), folder.At("api-2"), "api-2"));
  EXPECT_THAT(folder.Names(), ElementsAre());
  EXPECT_EQ(NameIn(folder, "api"), "api");
  EXPECT_EQ(NameIn(folder, "api-2"), "api-2");
  ASSERT_TRUE(KeepAppName(FilesLinux(), folder.At(kFolder), kApp));
  EXPECT_EQ(NameIn(folder, kFolder), kApp);
}

TEST(AppName, IsThatOfTheAppWhichHadTheFolderLast) {
  TempFolder folder;
  for (const std::string app : {"a b", "a/b", "a-b", "a\nb", "a\xffz"}) {
    const std::string name = SafeAppName(app);
    ASSERT_TRUE(KeepAppName(FilesLinux(), folder.At(name), app));
    EXPECT_EQ(NameIn(folder, name), app);
  }
  ASSERT_TRUE(KeepAppName(FilesLinux(), folder.At("a-b"), "a-b"));
  EXPECT_THAT(folder.Names("a-b"), ElementsAre());
  const std::string longest = SafeAppName(std::string(500, 'x'));
  ASSERT_TRUE(KeepAppName(FilesLinux(), folder.At(longest), std::string(500, 'x')));
  EXPECT_EQ(NameIn(folder, longest), std::string(500, 'x'));
}

TEST(AppName, IsTheFoldersIfWhatIsKeptIsAnothers) {
  TempFolder folder;
  folder.Put("a-b/.app", "another");  // somebody renamed the folder
  EXPECT_EQ(NameIn(folder, "a-b"), "a-b");
  folder.Put("a-b/.app", std::string(10'000, 'x'));
  EXPECT_EQ(NameIn(folder, "a-b"), "a-b");
  folder.Put("-/.app", "");
  EXPECT_EQ(NameIn(folder, "-"), "-");
}

class AppNameInLogs : public WorkerFixture {};

TEST_F(AppNameInLogs, IsThereFromTheFirstLineOnAndStays) {
  Open(kApp);
  Write({"1"}, {.app = kApp});
  EXPECT_EQ(NameIn(folder_, kFolder), kApp);
  Restart();
  EXPECT_EQ(NameIn(folder_, kFolder), kApp);
  Open(kApp);
  worker_->Close(kApp, now_);
  EXPECT_EQ(NameIn(folder_, kFolder), kApp);
}

TEST_F(AppNameInLogs, ComesBackWithItsFolder) {
  Open(kApp);
  Write({"1"}, {.app = kApp});
  std::filesystem::remove(folder_.At(std::string(kFolder) + "/.app"));
  AdvanceAndSettle(std::chrono::seconds(61));
  AdvanceAndSettle(std::chrono::seconds(61));
  EXPECT_EQ(NameIn(folder_, kFolder), kApp);
}

TEST_F(AppNameInLogs, IsMissedOnceAndKeptWhenItCanBe) {
  const std::string path = folder_.At(std::string(kFolder) + "/.app");
  std::filesystem::create_directories(path);  // which no file replaces
  Open(kApp);
  Write({"1"}, {.app = kApp});
  AdvanceAndSettle(std::chrono::seconds(61));
  AdvanceAndSettle(std::chrono::seconds(61));
  ASSERT_EQ(CountFacts(FactId::kLogWriteFailed), 1);
  EXPECT_EQ(facts_.front().app, kApp);
  EXPECT_EQ(facts_.front().fields.front().second, path);
  EXPECT_EQ(CountFacts(FactId::kLogWriteResumed), 0);
  std::filesystem::remove(path);
  Write({"2"}, {.app = kApp});
  AdvanceAndSettle(std::chrono::seconds(61));
  EXPECT_EQ(CountFacts(FactId::kLogWriteResumed), 1);
  EXPECT_EQ(NameIn(folder_, kFolder), kApp);
}

}  // namespace
}  // namespace tend::rotate
