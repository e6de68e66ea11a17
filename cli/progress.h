// Tells how far a reload is, on stderr: a line for each event, or, on a terminal, one for each
// worker in turn that is written over.
#pragma once

#include <functional>
#include <string>

#include "cli/protocol.h"
#include "cli/terminal.h"

namespace tend::cli {

class ProgressLine {
 public:
  explicit ProgressLine(const Terminal& terminal) : terminal_(terminal) {}
  ~ProgressLine() { End(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Tell(const Progress& progress);
  // The line is complete; what comes next has one of its own.
  void End();

 private:
  const Terminal& terminal_;
  std::string worker_;  // whose line is not ended yet; "": none
};

// "api:0: the new process 4242 is starting". Pure.
std::string Sentence(const Progress& progress);

}  // namespace tend::cli
