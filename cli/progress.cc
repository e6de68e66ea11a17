#include "cli/progress.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "cli/text.h"

namespace tend::cli {
namespace {

// What core calls it, and what a person reads; {} is the process.
constexpr std::array<std::pair<std::string_view, const char*>, 7> kSentences = {{
    {"starting", "the new process {} is starting"},
    {"ready", "the new process {} is ready"},
    {"serving", "the new process {} serves"},
    {"failed", "the new process {} did not come up"},
    {"draining", "the old process {} finishes what it does"},
    {"stopped", "the old process has ended"},
    {"signalled", "the process {} was told to reload"},
}};

}  // namespace

std::string Sentence(const Progress& progress) {
  std::string what = Harmless(progress.what);
  for (const auto& [name, sentence] : kSentences) {
    if (name == progress.what) what = fmt::format(fmt::runtime(sentence), progress.pid);
  }
  return fmt::format("{}:{}: {}", Harmless(progress.app), progress.slot, what);
}

void ProgressLine::Tell(const Progress& progress) {
  if (terminal_.err_style().width == 0) return terminal_.Note(Sentence(progress));
  const std::string worker = fmt::format("{}:{}", progress.app, progress.slot);
  if (worker != worker_) End();
  // Back to the front of the line, and away with what was there.
  terminal_.Err((worker_.empty() ? "" : "\r\x1b[K") + Sentence(progress));
  worker_ = worker;
}

void ProgressLine::End() {
  if (!worker_.empty()) terminal_.Err("\n");
  worker_.clear();
}

}  // namespace tend::cli
