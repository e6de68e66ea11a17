#include "base/result.h"

#include <cerrno>
#include <memory>

#include <gtest/gtest.h>

namespace tend {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Error(Errc::kInvalid, "odd");
  return number / 2;
}

Result<int> Quarter(int number) {
  TRY(const int half, Half(number));
  return Half(half);
}

Result<> CheckEven(int number) {
  TRY_VOID([&]() -> Result<> {
    if (!Half(number)) return Error(Errc::kInvalid, "odd");
    return {};
  }());
  return {};
}

TEST(Result, CarriesAValueOrAnError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().message(), "odd");
  EXPECT_TRUE(CheckEven(2));
  EXPECT_FALSE(CheckEven(3));
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 7);
}

TEST(SysError, SaysWhatWasBeingDoneAndKeepsTheNumber) {
  const Error error = SysError("open /x", ENOENT);
  EXPECT_EQ(error.message(), "open /x: No such file or directory");
  EXPECT_EQ(error.code(), Errc::kNotFound);
  EXPECT_EQ(error.sys_errno(), ENOENT);
  EXPECT_EQ(Error(Errc::kIo, "b").With("a").message(), "a: b");
}

TEST(ResultDeathTest, ReadingAValueThatIsNotThereAborts) {
  EXPECT_DEATH({ [[maybe_unused]] const int value = *Half(1); }, "CHECK");
}

}  // namespace
}  // namespace tend
