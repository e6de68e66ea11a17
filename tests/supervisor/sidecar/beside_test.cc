#include "supervisor/sidecar/beside.h"

#include <gtest/gtest.h>

namespace tend::supervisor {
namespace {

using Names = std::vector<std::string>;

TEST(Beside, ExportersSendNobodyElsesLines) {
  config::ObserveConfig observe;
  for (const auto& [name, apps] :
       {std::pair<std::string, Names>{"all", {}}, {"other", {"db"}}, {"some", {"db", "ap*"}}}) {
    config::ExporterConfig exporter;
    exporter.name = name;
    exporter.apps = apps;
    observe.exporters.push_back(exporter);
  }
  const config::ObserveConfig only = OnlyOf("api", observe);
  ASSERT_EQ(only.exporters.size(), 2u);
  EXPECT_EQ(only.exporters[0].name, "all");
  EXPECT_EQ(only.exporters[0].apps, Names{"api"});
  EXPECT_EQ(only.exporters[1].name, "some");
  EXPECT_EQ(only.exporters[1].apps, Names{"api"});
  EXPECT_EQ(OnlyOf("a[1]*", observe).exporters[0].apps, Names{"a\\[1\\]\\*"});
}

TEST(Beside, OptionsOfBoth) {
  BesideOptions options;
  const auto set = [&](std::string_view name, const std::string& value) {
    const auto taken = SetBesideOption(name, value, options);
    return taken ? (*taken ? "taken" : "not ours") : taken.error().message();
  };
  EXPECT_EQ(set("--max-size", "2M"), "taken");
  EXPECT_EQ(options.app.logs.max_size, 2u << 20);
  EXPECT_EQ(set("--max-files", "7"), "taken");
  EXPECT_EQ(options.app.logs.max_files, 7u);
  EXPECT_EQ(set("--max-files", "7x"), "--max-files: not a number: 7x");
  EXPECT_EQ(set("--format", "json"), "taken");
  EXPECT_EQ(options.app.logs.format, config::LineFormat::kJson);
  EXPECT_EQ(set("--format", "xml"), "--format: not one of tend, cri, json, raw");
  EXPECT_EQ(set("--listen", "127.0.0.1:1"), "taken");
  EXPECT_EQ(options.listen, "127.0.0.1:1");
  EXPECT_EQ(set("--tee", ""), "not ours");
}

}  // namespace
}  // namespace tend::supervisor
