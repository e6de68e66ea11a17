// Runs a program for its answer: descriptor 3 is a pipe whose content is the answer, stdout and
// stderr are kept as one text for error messages, stdin is /dev/null. The program leads a process
// group of its own, which is killed as a whole when the program ends or the time is up.
//
// Thread: any; blocks until then.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace tend::config {

struct ChildLimits {
  std::chrono::milliseconds time{5000};
  std::size_t answer_max = 8 << 20;  // bytes
};

struct ChildOutput {
  std::string answer;
  std::string said;        // the last kSaidMax bytes of stdout and stderr
  bool timed_out = false;  // it was killed
  bool too_much = false;   // it was killed for a longer answer
  int status = 0;          // as waitpid gives it
};

inline constexpr std::size_t kSaidMax = 16 << 10;

// REQUIRES: argv is not empty and argv[0] is a path. Errors are those of starting it.
Result<ChildOutput> RunForAnswer(const std::vector<std::string>& argv, const ChildLimits& limits);

}  // namespace tend::config
