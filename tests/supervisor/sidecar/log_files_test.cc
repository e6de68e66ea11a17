#include "supervisor/sidecar/log_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using rotate::ExtraFile;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

AppStatus TwoWorkers() {
  AppStatus status;
  for (int slot = 0; slot < 2; ++slot) {
    WorkerStatus worker;
    worker.slot = slot;
    worker.id = 7 + slot;
    status.workers.push_back(worker);
  }
  return status;
}

TEST(ExtraFiles, AreNoneUnlessAskedFor) {
  EXPECT_THAT(ExtraFilesOf({}, TwoWorkers()), IsEmpty());
  config::AppConfig app;
  app.out_file = "/dev/null";
  EXPECT_THAT(ExtraFilesOf(app, TwoWorkers()), IsEmpty());
}

TEST(ExtraFiles, TakeTheirStreams) {
  config::AppConfig app;
  app.out_file = "/l/out.log";
  app.error_file = "/l/err.log";
  app.log_file = "/l/all.log";
  EXPECT_THAT(ExtraFilesOf(app, TwoWorkers()),
              ElementsAre(ExtraFile{"/l/out.log", true, false, -1},
                          ExtraFile{"/l/err.log", false, true, -1},
                          ExtraFile{"/l/all.log", true, true, -1}));
}

TEST(ExtraFiles, HaveTheNumberOfTheWorkerUnlessMerged) {
  config::AppConfig app;
  app.merge_logs = false;
  app.out_file = "/l/out.log";
  app.error_file = "/l/err.txt";
  EXPECT_THAT(ExtraFilesOf(app, TwoWorkers()),
              ElementsAre(ExtraFile{"/l/out-7.log", true, false, 0},
                          ExtraFile{"/l/out-8.log", true, false, 1},
                          ExtraFile{"/l/err.txt", false, true, -1}));
}

TEST(ExtraFiles, HaveTheStyleThatIsAskedFor) {
  config::AppConfig app;
  app.log_file = "/l/all.log";
  const auto style = [&] { return ExtraFilesOf(app, TwoWorkers()).front().style; };
  EXPECT_EQ(style(), rotate::LineStyle{.format = config::LineFormat::kRaw});
  app.time = true;
  EXPECT_EQ(style().dates, "YYYY-MM-DDTHH:mm:ss");
  app.log_date_format = "HH:mm";
  EXPECT_EQ(style().dates, "HH:mm");
  EXPECT_FALSE(style().pm2_json);
  app.log_type = config::LogType::kJson;
  EXPECT_TRUE(style().pm2_json);
  EXPECT_EQ(style().ids, (std::map<int, int>{{0, 7}, {1, 8}}));
}

}  // namespace
}  // namespace tend::supervisor
