// Does nothing, for as long as it may.
#include <unistd.h>

int main(void) {
  for (;;)
    pause();
}
