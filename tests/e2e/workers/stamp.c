// Appends "pid nanoseconds" of CLOCK_MONOTONIC at the begin of main() to the file argv[1]; pauses.
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (argc < 2) return 2;
  char line[64];
  const int n = snprintf(line, sizeof line, "%d %lld\n", (int)getpid(),
                         (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
  const int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0 || write(fd, line, (size_t)n) != n) return 1;
  close(fd);
  for (;;)
    pause();
}
