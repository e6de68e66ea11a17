// Reads a log of tend's whose lines are those of lines.c, in the order of its files, and says
// "LINES LOST DOUBLED TORN BACK": how many there are, how many numbers are missing or there again,
// how many lines are none of lines.c's, and how many stamps are before the one above.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 64 };

int main(void) {
  static long next[SLOTS][2];
  static char line[1 << 16], before[64];
  long lines = 0, lost = 0, doubled = 0, torn = 0, back = 0;
  while (fgets(line, sizeof line, stdin) != NULL) {
    char stamp[64], stream[8];
    int slot = -1, length = -1, at = 0;
    long number = -1;
    ++lines;
    const size_t size = strlen(line);
    if (sscanf(line, "%63s %*s F %*[^:]:%*d %d %7s %ld %d%n", stamp, &slot, stream, &number,
               &length, &at) != 5 ||
        slot < 0 || slot >= SLOTS || at == 0 || size != (size_t)at + (size_t)length + 2) {
      ++torn;
      continue;
    }
    if (strcmp(stamp, before) < 0) ++back;
    memcpy(before, stamp, sizeof before);
    long* expected = &next[slot][strcmp(stream, "err") == 0];
    if (number < *expected) {
      ++doubled;
      continue;
    }
    lost += number - *expected;
    *expected = number + 1;
  }
  printf("%ld %ld %ld %ld %ld\n", lines, lost, doubled, torn, back);
  return 0;
}
