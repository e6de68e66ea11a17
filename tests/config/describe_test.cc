#include "config/describe.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "config/problem.h"
#include "config/reader.h"

namespace tend::config {
namespace {

// Compares with the committed file; TEND_BLESS=1 writes it.
void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(TEND_SOURCE_DIR) + '/' + name;
  if (std::getenv("TEND_BLESS") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ostringstream committed;
  committed << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_EQ(committed.str(), text) << name << " is out of date: run again with TEND_BLESS=1";
}

TEST(ConfigReference, IsWhatTheTablePrints) {
  ExpectGolden("docs/reference/config.md", ConfigMarkdown());
}

TEST(ConfigSchema, IsWhatTheTablePrintsAndIsJson) {
  ExpectGolden("docs/reference/tend.schema.json", ConfigSchemaJson());
  boost::json::error_code error;
  const boost::json::value schema = boost::json::parse(ConfigSchemaJson(), error);
  ASSERT_FALSE(error) << error.message();
  const boost::json::object& app = schema.at("definitions").at("app").at("properties").as_object();
  EXPECT_TRUE(app.contains("max_restarts"));
  EXPECT_TRUE(app.at("health").at("properties").as_object().contains("http"));
  EXPECT_FALSE(app.contains("disable_logs"));
  EXPECT_TRUE(app.at("logs").at("properties").as_object().contains("compress"));
  EXPECT_TRUE(schema.at("properties").as_object().contains("listen"));
}

TEST(ConfigExample, IsWhatTheTablePrintsAndLoads) {
  ExpectGolden("config/dist/tend.example.yaml", ConfigExampleYaml());
  const Loaded loaded = LoadText(ConfigExampleYaml(), "tend.yaml", {});
  EXPECT_TRUE(loaded.problems.empty());
  EXPECT_EQ(loaded.config.apps.size(), 1u);
}

// Takes the "# " from every "# key: value" whose default can be shown.
TEST(ConfigExample, EveryDefaultInItIsValid) {
  std::istringstream lines(ConfigExampleYaml());
  std::string text, line;
  bool app = false;
  while (std::getline(lines, line)) {
    if (line == "apps:") app = true;
    const std::size_t hash = line.find("# ");
    const bool is_key = hash != std::string::npos && line.find_first_not_of(' ') == hash &&
                        line.find("…") == std::string::npos &&
                        line.find("  # as above") == std::string::npos &&
                        line.find("  # with --env") == std::string::npos;
    if (is_key && !line.starts_with("# Everything") && !line.starts_with("# yaml-language")) {
      line.erase(hash, 2);
    }
    text += line + '\n';
  }
  ASSERT_TRUE(app);
  const Loaded loaded = LoadText(text, "tend.yaml", {});
  for (const Problem& problem : loaded.problems) {
    ADD_FAILURE() << FormatProblem(problem, loaded.source, false);
  }
}

}  // namespace
}  // namespace tend::config
