#include "cli/unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tend::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Unit, QuotesWhatSystemdWouldInterpret) {
  UnitFacts facts;
  facts.program_folder = "/opt/my tend/$x%y";
  facts.tend_home = "/srv/a \"b\"%c";
  const std::string unit = UnitText(facts);
  EXPECT_THAT(unit, HasSubstr("ExecStart=\"/opt/my tend/$$x%%y/tendd\" --foreground\n"));
  EXPECT_THAT(unit, HasSubstr("Environment=\"TEND_HOME=/srv/a \\\"b\\\"%%c\"\n"));
}

TEST(Unit, SetsOnlyWhatIsSet) {
  UnitFacts facts;
  facts.program_folder = "/usr/bin";
  EXPECT_THAT(UnitText(facts), Not(HasSubstr("TEND_HOME")));
  EXPECT_THAT(UnitText(facts), HasSubstr("WantedBy=multi-user.target\n"));
  EXPECT_THAT(UnitText(facts), HasSubstr("Restart=on-failure\n")) << "`tend kill` is the end";
  facts.of_system = false;
  EXPECT_THAT(UnitText(facts), HasSubstr("WantedBy=default.target\n"));
}

}  // namespace
}  // namespace tend::cli
