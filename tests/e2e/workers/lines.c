// Writes numbered lines on stdout and stderr in turns, then pauses, exits or aborts.
//   lines COUNT pause|exit|abort|exit3 [NAP [WAITS]]
// NAP: microseconds between two writes. WAITS: a file to which every write that took over 5 ms is
// added, in milliseconds, one a line, and "done" when all has been written.
// A line is "NAME STREAM NUMBER CHECK padding": NAME is the worker's slot, NUMBER counts per
// stream, CHECK is the length of the padding. Writes are cut at odd places, not at the ends of
// lines, as the buffers of real programs do.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static useconds_t nap;
static int waits = -1;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void put(int fd, const char* data, size_t size) {
  const double begun = waits < 0 ? 0 : now_ms();
  while (size > 0) {
    const ssize_t n = write(fd, data, size);
    if (n < 0) _exit(99);
    data += n;
    size -= (size_t)n;
  }
  if (waits >= 0 && now_ms() - begun > 5) dprintf(waits, "%.1f\n", now_ms() - begun);
  if (nap > 0) usleep(nap);
}

struct out {
  int fd;
  const char* name;
  size_t used;
  char buffer[4999];
};

static void add(struct out* out, const char* data, size_t size) {
  while (size > 0) {
    size_t room = sizeof out->buffer - out->used;
    if (room > size) room = size;
    memcpy(out->buffer + out->used, data, room);
    out->used += room;
    data += room;
    size -= room;
    if (out->used == sizeof out->buffer) {
      put(out->fd, out->buffer, out->used);
      out->used = 0;
    }
  }
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const long count = atol(argv[1]);
  if (argc > 3) nap = (useconds_t)atol(argv[3]);
  if (argc > 4) waits = open(argv[4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const char* slot = getenv("NODE_APP_INSTANCE");
  static struct out outs[2] = {{.fd = 1, .name = "out"}, {.fd = 2, .name = "err"}};
  unsigned random = 12345u + (slot != NULL ? (unsigned)atoi(slot) : 0u);
  for (long i = 0; i < count; ++i) {
    struct out* out = &outs[i & 1];
    random = random * 1103515245u + 12345u;
    const int padding = (int)((random >> 16) % 120u);
    char line[256];
    const int n =
        snprintf(line, sizeof line, "%s %s %ld %d %.*s\n", slot != NULL ? slot : "-", out->name,
                 i / 2, padding, padding,
                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst"
                 "uvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
    add(out, line, (size_t)n);
  }
  for (int i = 0; i < 2; ++i)
    put(outs[i].fd, outs[i].buffer, outs[i].used);
  if (waits >= 0) dprintf(waits, "done\n");
  if (strcmp(argv[2], "abort") == 0) abort();
  if (strcmp(argv[2], "exit") == 0) _exit(0);
  if (strcmp(argv[2], "exit3") == 0) _exit(3);
  for (;;)
    pause();
}
