// A large text in pieces: it grows without being copied, and several who send it share it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tend::exporter {

inline constexpr std::size_t kChunkBytes = 64 * 1024;

using Chunks = std::vector<std::string>;  // none of them empty
using SharedChunks = std::shared_ptr<const Chunks>;

inline std::size_t SizeOf(const Chunks& chunks) {
  std::size_t size = 0;
  for (const std::string& chunk : chunks)
    size += chunk.size();
  return size;
}

}  // namespace tend::exporter
