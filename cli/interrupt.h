// Ctrl-C: a command ends with 130 at once, and may leave a word about what goes on without it.
#pragma once

namespace tend::cli {

// From here on SIGINT and SIGTERM end the process with exit code 130 after `text` went to stderr.
// `text` must live as long as the process.
void SayWhenInterrupted(const char* text);

}  // namespace tend::cli
