// Says what it was born with: "fd N TARGET" for each descriptor, its session, group and parent,
// its blocked and ignored signals. Pauses.
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void) {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == NULL) return 1;
  for (struct dirent* entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    const int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == dirfd(folder)) continue;
    char path[64];
    char target[4096];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(path, target, sizeof target - 1);
    target[n < 0 ? 0 : n] = '\0';
    printf("fd %d %s\n", fd, target);
  }
  closedir(folder);
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  for (int number = 1; number < 32; ++number) {
    struct sigaction action;
    if (sigismember(&blocked, number) == 1) printf("blocked %d\n", number);
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
      printf("ignored %d\n", number);
  }
  printf("pid %d sid %d pgid %d ppid %d\n", (int)getpid(), (int)getsid(0), (int)getpgid(0),
         (int)getppid());
  printf("done\n");
  fflush(stdout);
  for (;;)
    pause();
}
