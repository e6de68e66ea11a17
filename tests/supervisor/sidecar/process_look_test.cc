#include "supervisor/sidecar/process_look.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

namespace fs = std::filesystem;

TEST(PackageVersion, IsWhatThePackageSays) {
  EXPECT_EQ(PackageVersion(R"({"name":"api","version":"1.4.2"})"), "1.4.2");
  EXPECT_EQ(PackageVersion(R"({"name":"api"})"), "");
  EXPECT_EQ(PackageVersion(R"({"version":7})"), "");
  EXPECT_EQ(PackageVersion(R"(["version"])"), "");
  EXPECT_EQ(PackageVersion("{"), "");
  EXPECT_EQ(PackageVersion(""), "");
  EXPECT_EQ(PackageVersion("{\"version\":\"" + std::string(1000, '9') + "\"}").size(), 64u);
}

TEST(LookAt, SeesAProcessAndItsPackage) {
  std::string name = (fs::temp_directory_path() / "tend-look-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  std::ofstream(folder / "package.json") << R"({"version":"2.0.0"})";
  LookTarget target;
  target.worker = {"api", 3, 7};
  target.pid = ::getpid();
  target.wanted.max_fds = true;
  target.package_folders = {folder / "nothing", folder};
  LookTarget gone;
  gone.worker = {"api", 4, 8};
  gone.pid = 1 << 30;
  const exporter::ProcSampler sampler;
  const Look look = LookAt(sampler, {gone, target}, {.trees = true, .cgroups = true});
  fs::remove_all(folder);
  ASSERT_EQ(look.workers.size(), 1u);
  const LookResult& result = look.workers.front();
  EXPECT_EQ(result.worker, target.worker);
  EXPECT_EQ(result.app_version, "2.0.0");
  EXPECT_GE(result.processes, 1u);
  EXPECT_FALSE(result.cgroup) << "it is ours, too";
  EXPECT_FALSE(result.tcp_connections) << "nobody asked";
  EXPECT_GT(result.detail.open_fds.value_or(0), 2u);
  EXPECT_TRUE(result.detail.max_fds);
  EXPECT_GT(result.detail.peak_resident_bytes.value_or(0), 100'000u);
  EXPECT_EQ(look.errors, 0u);
}

}  // namespace
}  // namespace tend::supervisor
