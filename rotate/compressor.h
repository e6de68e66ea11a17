// zstd for sealed segments, in slices small enough that the disk thread can append in between.
// An archive is a row of independent frames of at most 1 MiB of input, each with its checksum and
// ending at a line end where there is one, and an index of them at the end (archive_index.h):
// `zstdcat` reads it, and a reader can start at any frame.
//
// Owned by the disk worker. Thread: disk. One context serves all files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"
#include "rotate/archive_index.h"
#include "rotate/segment_name.h"

namespace tend::rotate {

inline constexpr std::size_t kFrameInputMax = 1 << 20;

class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // `input` as one frame. The view lives until the next call. REQUIRES: at most kFrameInputMax.
  Result<std::string_view> Frame(std::string_view input, int level);
  // Gives its memory back until the next Frame().
  void Release();
  // Where CompressJob reads to.
  std::string& input_buffer() { return input_; }

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::string input_, output_;
};

// Replaces a sealed segment by its archive. One step per call, each of them repeatable; a job that
// is destroyed before its end leaves at most a .tmp, which recovery removes.
class CompressJob {
 public:
  struct Target {
    std::string folder;
    std::string base;
    Segment segment;
    int level = 1;
    unsigned mode = 0640;
  };
  CompressJob(Files& files, Compressor& compressor, Target target);

  // True when the archive has replaced the segment. After an error, Abandon() or, once committed,
  // call it again later.
  Result<bool> Step();
  // Removes the temporary file.
  void Abandon();
  // True once the archive has its name: from there on there is only forward.
  bool committed() const { return stage_ > Stage::kRename; }

  const Segment& segment() const { return target_.segment; }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  enum class Stage { kOpen, kCreate, kFrames, kIndex, kSync, kRename, kSyncFolder, kUnlink, kDone };

  Result<> Create();
  Result<> NextFrame();
  Result<> WriteIndex();
  Result<> Commit();
  std::string Path(SegmentKind kind) const;

  Files& files_;
  Compressor& compressor_;
  Target target_;
  Stage stage_ = Stage::kOpen;
  Fd from_, to_;
  ArchiveIndex index_;
  std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
};

// Reads a whole archive and checks it: the number of bytes it holds. For recovery.
Result<std::uint64_t> MeasureArchive(Files& files, const std::string& path);

// Reads frames as a stream, or one by one.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  // Takes from the front of `input` and appends at most `size_max` bytes to `out`. Errc::kInvalid
  // for what is not zstd.
  Result<> Step(std::string_view& input, std::string& out, std::size_t size_max);
  // The text of one whole frame, which is `text_bytes` long; not to be mixed with Step().
  Result<> Frame(std::string_view frame, std::size_t text_bytes, std::string& text);
  // True between frames.
  bool at_frame_end() const { return at_frame_end_; }

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  bool at_frame_end_ = true;
};

}  // namespace tend::rotate
