#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "base/exit_code.h"

namespace tend::cli {
namespace {

std::atomic<const char*> last_words{""};

extern "C" void OnInterrupt(int) {
  const char* text = last_words.load();
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text, std::strlen(text));
  ::_exit(static_cast<int>(ExitCode::kInterrupted));
}

}  // namespace

void SayWhenInterrupted(const char* text) {
  last_words.store(text);
  struct sigaction action {};
  action.sa_handler = OnInterrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

}  // namespace tend::cli
