#include "cli/help.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/arguments.h"

namespace tend::cli {
namespace {

TEST(CommandTable, EveryNameAndAliasIsThereOnce) {
  std::set<std::string_view> seen;
  for (const CommandRow& row : Commands()) {
    EXPECT_TRUE(seen.insert(row.name).second) << row.name;
    for (const std::string_view alias : SplitWords(row.aliases, ' '))
      EXPECT_TRUE(seen.insert(alias).second) << alias;
  }
}

TEST(CommandTable, EveryOptionOfACommandIsThereOnce) {
  for (const CommandRow& row : Commands()) {
    std::set<std::string_view> seen;
    for (const OptionRow& option : OptionsOf(row.id)) {
      for (const std::string_view name : SplitWords(option.names, ','))
        EXPECT_TRUE(seen.insert(name).second) << row.name << ' ' << name;
    }
  }
}

TEST(CommandTable, KnowsTheHabitsOfPm2) {
  for (const auto& [typed, meant] :
       std::vector<std::pair<std::string, CommandId>>{{"ls", CommandId::kList},
                                                      {"l", CommandId::kList},
                                                      {"ps", CommandId::kList},
                                                      {"status", CommandId::kList},
                                                      {"show", CommandId::kDescribe},
                                                      {"info", CommandId::kDescribe},
                                                      {"desc", CommandId::kDescribe},
                                                      {"rm", CommandId::kDelete},
                                                      {"del", CommandId::kDelete},
                                                      {"sendSignal", CommandId::kSignal}}) {
    const CommandRow* row = FindCommand(typed);
    ASSERT_NE(row, nullptr) << typed;
    EXPECT_EQ(row->id, meant) << typed;
  }
  EXPECT_EQ(FindCommand("li"), nullptr);  // no prefixes: a typing error must not act
}

TEST(CommandTable, SuggestsNamesBeforeAliases) {
  EXPECT_EQ(SuggestCommand("lst"), "list");
  EXPECT_EQ(SuggestCommand("restrat"), "restart");
  EXPECT_EQ(SuggestCommand("xyzzy"), "");
}

TEST(Help, FitsIntoEightyColumns) {
  for (const CommandRow& row : Commands()) {
    std::istringstream lines(HelpAll() + HelpFor(row.id));
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(Completion, IsBashThatBashAccepts) {
  const std::string path = testing::TempDir() + "tend-completion-" + std::to_string(::getpid());
  std::ofstream(path) << BashCompletion();
  EXPECT_EQ(std::system(("bash -n " + path).c_str()), 0);
  std::remove(path.c_str());
}

TEST(Reference, IsWhatIsPrinted) {
  const std::string path = TEND_SOURCE_DIR "/docs/reference/cli.md";
  if (std::getenv("TEND_BLESS") != nullptr) std::ofstream(path) << ReferencePage();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), ReferencePage()) << "run with TEND_BLESS=1 to accept";
}

Arguments ParsedArguments(CommandId command, const std::vector<std::string>& args) {
  auto arguments = ParseArguments(command, args);
  EXPECT_TRUE(arguments) << (arguments ? "" : arguments.error().message());
  return arguments ? *arguments : Arguments{};
}

TEST(Arguments, MayComeInAnyOrder) {
  const Arguments arguments = ParsedArguments(
      CommandId::kLogs, {"api", "-n", "5", "web:1", "--follow", "--since=10m", "-iv"});
  EXPECT_EQ(arguments.words, (std::vector<std::string>{"api", "web:1"}));
  EXPECT_EQ(arguments.Get("lines"), "5");
  EXPECT_EQ(arguments.Get("since"), "10m");
  EXPECT_TRUE(arguments.Has("follow"));
  EXPECT_TRUE(arguments.Has("ignore-case"));
  EXPECT_TRUE(arguments.Has("invert"));
  EXPECT_FALSE(arguments.Has("until"));
}

TEST(Arguments, AfterTwoDashesBelongToTheApp) {
  const Arguments arguments =
      ParsedArguments(CommandId::kStart, {"app.js", "-i", "2", "--", "--port", "3000", "--", "-i"});
  EXPECT_EQ(arguments.words, std::vector<std::string>{"app.js"});
  EXPECT_EQ(arguments.Get("instances"), "2");
  EXPECT_EQ(arguments.rest, (std::vector<std::string>{"--port", "3000", "--", "-i"}));
}

TEST(Arguments, NegativeNumbersAreValuesAndWords) {
  EXPECT_EQ(ParsedArguments(CommandId::kScale, {"api", "-1"}).words,
            (std::vector<std::string>{"api", "-1"}));
  EXPECT_EQ(ParsedArguments(CommandId::kStart, {"app.js", "-i", "-1"}).Get("instances"), "-1");
}

TEST(Arguments, TheLastOfARepeatedOptionWins) {
  EXPECT_EQ(ParsedArguments(CommandId::kLogs, {"-n", "5", "-n", "7"}).Get("lines"), "7");
}

}  // namespace
}  // namespace tend::cli
