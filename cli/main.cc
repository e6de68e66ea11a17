// `tend`, the program that a person types. Everything is in commands.h and what it calls.
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/observe.h"

int main(int argc, char** argv) {
  using namespace tend;
  const auto paths = PathsFromEnvironment();
  cli::Terminal terminal = cli::Terminal::FromEnvironment();
  if (!paths) {
    terminal.Error(paths.error().message());
    return static_cast<int>(ExitCode::kFailed);
  }
  cli::Context context{std::move(terminal),
                       *paths,
                       [&] { return cli::ControlClient::Connect(paths->control_socket); },
                       [&] { return cli::StartDaemon(*paths); },
                       NowWall,
                       [&](const std::string& request, std::chrono::milliseconds limit) {
                         return cli::PutObserve(*paths, request, limit);
                       }};
  return static_cast<int>(cli::Dispatch(context, {argv + 1, argv + argc}));
}
