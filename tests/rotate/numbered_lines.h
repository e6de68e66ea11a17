// Lines as they are in a file, one a second, each with its number as its text.
#pragma once

#include <string>

#include "base/time.h"
#include "rotate/batches.h"

namespace tend::rotate {

inline std::string LineOf(int i) {
  return FormatRfc3339(At(i)) + " stdout F api:0 " + std::to_string(i) + "\n";
}

// From `from`, without `to`.
inline std::string LinesOf(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i)
    text += LineOf(i);
  return text;
}

}  // namespace tend::rotate
