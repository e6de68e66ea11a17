// The third kind of error: we are wrong. Aborts in every build; the process that revives us starts
// over from what is on disk (docs/ARCHITECTURE.md, "A crash").
#pragma once

namespace tend {

// Writes "file:line: CHECK(what) failed" to stderr with one write(2) and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* what) noexcept;

}  // namespace tend

#define TEND_CHECK(condition)                          \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::tend::CheckFailed(__FILE__, __LINE__, #condition))
