// A worker for spawn_test: `report` says as text what it was born with; `tree` leaves a family.

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

void PrintDescriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  const int own = ::dirfd(folder);
  while (const dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == own) continue;
    char target[256] = {};
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t n = ::readlink(path.c_str(), target, sizeof target - 1);
    if (n < 0) continue;
    std::printf("fd %d %s\n", fd, target);
    std::printf("access %d %s\n", fd,
                (::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR ? "rw" : "one way");
  }
  ::closedir(folder);
}

void PrintStatus() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigBlk") || line.starts_with("SigIgn")) std::puts(line.c_str());
  }
  std::ifstream oom("/proc/self/oom_score_adj");
  std::string score;
  std::getline(oom, score);
  std::printf("oom %s\n", score.c_str());
}

int Report(char** env) {
  std::printf("pid %d\nparent %d\nsession %d\nuid %d\ngid %d\ngroups %d\n", ::getpid(), ::getppid(),
              ::getsid(0), static_cast<int>(::getuid()), static_cast<int>(::getgid()),
              ::getgroups(0, nullptr));
  char here[4096];
  std::printf("cwd %s\n", ::getcwd(here, sizeof here));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  std::printf("files %lu\n", static_cast<unsigned long>(files.rlim_cur));
  PrintDescriptors();
  PrintStatus();
  for (char** variable = env; *variable != nullptr; ++variable)
    std::printf("env %s\n", *variable);
  return 0;
}

// A child that ignores SIGTERM in a session of its own, and a grandchild whose parent has left.
int Tree() {
  int told[2];
  if (::pipe(told) != 0) return 1;
  const auto tell = [&](const char* who) {
    char line[64];
    const int n = std::snprintf(line, sizeof line, "%s %d\n", who, ::getpid());
    if (::write(1, line, static_cast<std::size_t>(n)) != n || ::write(told[1], "x", 1) != 1) {
      ::_exit(1);
    }
  };
  if (::fork() == 0) {
    ::setsid();
    ::signal(SIGTERM, SIG_IGN);
    tell("stubborn");
    for (;;)
      ::pause();
  }
  const pid_t between = ::fork();
  if (between == 0) {
    if (::fork() != 0) ::_exit(0);
    tell("orphan");
    for (;;)
      ::pause();
  }
  char byte = 0;
  for (int i = 0; i < 2; ++i) {
    if (::read(told[0], &byte, 1) != 1) return 1;
  }
  // It stays a zombie, but has left: the orphan is somebody else's child now.
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(between), &info, WEXITED | WNOWAIT) != 0) return 1;
  tell("root");
  for (;;)
    ::pause();
}

}  // namespace

int main(int argc, char** argv, char** env) {
  return argc > 1 && std::string(argv[1]) == "tree" ? Tree() : Report(env);
}
