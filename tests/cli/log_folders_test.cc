#include "cli/log_folders.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/fake_core.h"

namespace tend::cli {
namespace {

using ::testing::HasSubstr;

class LogFolders : public testing::Test {
 protected:
  LogFolders() {
    logs_ = testing::TempDir() + "log-folders-XXXXXX";
    if (::mkdtemp(logs_.data()) == nullptr) std::abort();
    stage_.context.paths.logs = logs_;
    stage_.core.Gone();
    Put("api", "api.log", 100);
    Put("api", "api.log.20261121T103107Z-000001.zst", 2048);
    Put("web", "web.log", 3000);
  }
  ~LogFolders() override { std::filesystem::remove_all(logs_); }
  void Put(const std::string& app, const std::string& name, std::size_t size) {
    std::filesystem::create_directories(logs_ + '/' + app);
    std::ofstream(logs_ + '/' + app + '/' + name) << std::string(size, 'x');
  }
  std::string logs_;
  Stage stage_;
};

TEST_F(LogFolders, AreMeasured) {
  std::ofstream(logs_ + "/no-folder") << "x";
  const auto folders = ListLogFolders(FilesLinux(), logs_);
  ASSERT_TRUE(folders);
  ASSERT_EQ(folders->size(), 2u);
  EXPECT_EQ((*folders)[0].app, "api");
  EXPECT_EQ((*folders)[0].files, 2u);
  EXPECT_EQ((*folders)[0].bytes, 2148u);
  EXPECT_EQ((*folders)[0].archives, 1u);
  EXPECT_EQ((*folders)[0].archive_bytes, 2048u);
  EXPECT_TRUE(ListLogFolders(FilesLinux(), logs_ + "/missing")->empty());
}

TEST_F(LogFolders, UseIsShownTheLargestFirstWithoutADaemon) {
  EXPECT_EQ(ShowLogUse(stage_.context, {}, false), ExitCode::kOk);
  EXPECT_LT(stage_.out.find("web"), stage_.out.find("api"));
  EXPECT_LT(stage_.out.find("api"), stage_.out.find("all"));
  EXPECT_THAT(stage_.out, HasSubstr("2.0 KiB"));
}

TEST_F(LogFolders, PathsAreLines) {
  EXPECT_EQ(ShowLogPaths(stage_.context, {"web", "api"}, false), ExitCode::kOk);
  EXPECT_EQ(stage_.out, logs_ + "/web\n" + logs_ + "/api\n");
  stage_.out.clear();
  EXPECT_EQ(ShowLogPaths(stage_.context, {}, false), ExitCode::kOk);
  EXPECT_EQ(stage_.out, logs_ + '\n');
}

TEST_F(LogFolders, AreOneObjectAsJson) {
  EXPECT_EQ(ShowLogUse(stage_.context, {"api"}, true), ExitCode::kOk);
  EXPECT_EQ(stage_.out,
            R"({"schema":"tend.log_use/1","apps":[{"name":"api","files":2,"bytes":2148,)"
            R"("archives":1,"archive_bytes":2048}]})"
            "\n");
  stage_.out.clear();
  EXPECT_EQ(ShowLogPaths(stage_.context, {}, true), ExitCode::kOk);
  EXPECT_EQ(stage_.out, R"({"schema":"tend.log_paths/1","folder":")" + logs_ +
                            R"(","apps":[{"name":"api","path":")" + logs_ +
                            R"(/api"},{"name":"web","path":")" + logs_ + "/web\"}]}\n");
  stage_.out.clear();
  EXPECT_EQ(ShowLogUse(stage_.context, {"wbe"}, true), ExitCode::kNoSuchApp);
  EXPECT_EQ(stage_.out, "");
}

TEST_F(LogFolders, AnAppIsFoundByTheNameThatItsFolderCannotHave) {
  Put("-acme-web", "-acme-web.log", 10);
  std::ofstream(logs_ + "/-acme-web/.app") << "@acme/web";
  for (const char* name : {"@acme/web", "-acme-web"}) {
    stage_.out.clear();
    EXPECT_EQ(ShowLogUse(stage_.context, {name}, true), ExitCode::kOk);
    EXPECT_THAT(stage_.out, HasSubstr(R"({"name":"@acme/web","files":1,"bytes":10,)"));
  }
  stage_.out.clear();
  EXPECT_EQ(ShowLogPaths(stage_.context, {"@acme/web"}, false), ExitCode::kOk);
  EXPECT_EQ(stage_.out, logs_ + "/-acme-web\n");
  std::ofstream(logs_ + "/-acme-web/.app") << "@acme\xff";
  stage_.out.clear();
  EXPECT_EQ(ShowLogPaths(stage_.context, {}, true), ExitCode::kOk);
  EXPECT_THAT(stage_.out, HasSubstr(R"({"name":"-acme-web",)")) << "JSON is UTF-8";
}

TEST_F(LogFolders, AnAppWithoutLogsIsFour) {
  EXPECT_EQ(ShowLogPaths(stage_.context, {"wbe"}, false), ExitCode::kNoSuchApp);
  EXPECT_EQ(ShowLogUse(stage_.context, {"wbe"}, false), ExitCode::kNoSuchApp);
  EXPECT_THAT(stage_.err, HasSubstr("no logs of \"wbe\""));
  EXPECT_EQ(stage_.out, "");
}

}  // namespace
}  // namespace tend::cli
