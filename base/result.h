// How functions that can fail say so. Errors are values; nothing of ours throws.
//
// Result<T> is the part of C++23's std::expected<T, Error> that we use, and is to be replaced by
// it.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace tend {

enum class Errc : std::uint8_t {
  kInvalid,      // the caller's input is wrong
  kNotFound,     // what was named does not exist
  kExists,       // what was to be made is there already
  kBusy,         // not now; the same call may succeed later
  kPermission,   // the caller may not
  kTimeout,      // a deadline passed
  kUnreachable,  // nobody answers at the other end
  kIo,           // the kernel refused; see sys_errno()
  kLimit,        // a bound of ours was reached
  kInternal,     // a broken promise between parts of tend
};

class [[nodiscard]] Error {
 public:
  Error(Errc code, std::string message, int sys_errno = 0)
      : message_(std::move(message)), sys_errno_(sys_errno), code_(code) {}

  Errc code() const { return code_; }
  int sys_errno() const { return sys_errno_; }  // 0 when no system call failed.
  const std::string& message() const { return message_; }

  // Puts what was being done before what went wrong: "open log: Permission denied".
  Error With(std::string_view doing) && {
    message_.insert(0, ": ").insert(0, doing);
    return std::move(*this);
  }

 private:
  std::string message_;
  int sys_errno_;
  Errc code_;
};

inline bool IsNotFound(const Error& error) {
  return error.code() == Errc::kNotFound;
}

// "<doing>: <strerror(number)>", with the code that fits the errno.
Error SysError(std::string_view doing, int number);

template <typename T = void>
class [[nodiscard]] Result {
 public:
  template <std::convertible_to<T> U = T>
  requires(!std::same_as<std::remove_cvref_t<U>, Error> &&
           !std::same_as<std::remove_cvref_t<U>, Result>)
      Result(U&& value)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  Result(Error error)  // NOLINT(google-explicit-constructor)
      : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: has_value()
  T& operator*() & {
    TEND_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& operator*() const& {
    TEND_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& operator*() && {
    TEND_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

  // REQUIRES: !has_value()
  const Error& error() const& {
    TEND_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    TEND_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error)  // NOLINT(google-explicit-constructor)
      : state_(std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: !has_value()
  const Error& error() const& {
    TEND_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    TEND_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace tend

#define TEND_CONCAT_INNER(a, b) a##b
#define TEND_CONCAT(a, b) TEND_CONCAT_INNER(a, b)
#define TEND_TRY_INNER(tmp, decl, ...)     \
  auto tmp = (__VA_ARGS__);                \
  if (!tmp) return std::move(tmp).error(); \
  decl = *std::move(tmp)
// TRY(auto fd, Open(path)): declares fd, or returns the error.
#define TRY(decl, ...) TEND_TRY_INNER(TEND_CONCAT(try_result_, __LINE__), decl, __VA_ARGS__)
// TRY_VOID(Flush()): goes on, or returns the error.
#define TRY_VOID(...)                                                                          \
  do {                                                                                         \
    if (auto try_result_ = (__VA_ARGS__); !try_result_) return std::move(try_result_).error(); \
  } while (false)
