// What a crash, or somebody else, left in a log folder → what there is to go on with. The names on
// disk are the whole state: no journal is kept beside them.
//
// Thread: disk.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "rotate/segment_name.h"

namespace tend::rotate {

struct Inventory {
  std::vector<Segment> sealed;  // by sequence
  std::uint64_t sequence_max = 0;
  // Left by a crash:
  std::vector<std::string> temporaries;  // unfinished archives
  std::vector<Segment> doubles;          // the plain halves of pairs whose archive is in `sealed`
};

// Sorts the entries of a folder; sizes are not known yet. Pure.
Inventory Classify(std::string_view base, std::span<const std::string> names);

// What lies on disk of `base`, with sizes. Changes nothing. A folder that is not there is empty.
Result<Inventory> TakeInventory(Files& files, const std::string& folder, const std::string& base);

// The same, after removing unfinished archives, and of each segment that is there plain and
// compressed the half that is not needed: the plain one if the archive is whole, else the archive.
// REQUIRES: nobody compresses in this folder.
Result<Inventory> Recover(Files& files, const std::string& folder, const std::string& base);

// Completes a last line that a crash cut off, so that the next record starts on a line of its own.
// True if it had to. `fd` is open for appending to the file at `path`.
Result<bool> CompleteLastLine(Files& files, int fd, const std::string& path, std::uint64_t size);

// The last whole line of the file, without newline; empty if there is none in the last 512 KiB.
Result<std::string> ReadLastLine(Files& files, const std::string& path);

}  // namespace tend::rotate
