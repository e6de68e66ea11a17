#include "rotate/compressor.h"

#include <zstd.h>

#include <utility>

#include "base/check.h"

namespace tend::rotate {
namespace {

Error ZstdError(std::string_view doing, std::size_t code) {
  return Error(Errc::kInvalid, std::string(doing) + ": " + ZSTD_getErrorName(code));
}

}  // namespace

struct Compressor::Context {
  ZSTD_CCtx* raw = ZSTD_createCCtx();
  Context() { TEND_CHECK(raw != nullptr); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { ZSTD_freeCCtx(raw); }
};

Compressor::Compressor() = default;
Compressor::~Compressor() = default;

Result<std::string_view> Compressor::Frame(std::string_view input, int level) {
  TEND_CHECK(input.size() <= kFrameInputMax);
  if (!context_) {
    context_ = std::make_unique<Context>();
    ZSTD_CCtx_setParameter(context_->raw, ZSTD_c_checksumFlag, 1);
  }
  ZSTD_CCtx_setParameter(context_->raw, ZSTD_c_compressionLevel, level);
  output_.resize(ZSTD_compressBound(kFrameInputMax));
  const std::size_t size =
      ZSTD_compress2(context_->raw, output_.data(), output_.size(), input.data(), input.size());
  if (ZSTD_isError(size)) return ZstdError("compress", size);
  return std::string_view(output_).substr(0, size);
}

void Compressor::Release() {
  context_.reset();
  std::string().swap(input_);
  std::string().swap(output_);
}

CompressJob::CompressJob(Files& files, Compressor& compressor, Target target)
    : files_(files), compressor_(compressor), target_(std::move(target)) {}

std::string CompressJob::Path(SegmentKind kind) const {
  const SegmentName name{kind, target_.segment.sealed, target_.segment.sequence};
  return target_.folder + '/' + FormatSegmentName(target_.base, name);
}

Result<bool> CompressJob::Step() {
  switch (stage_) {
    case Stage::kOpen: {
      TRY(from_, files_.OpenRead(Path(SegmentKind::kSealed)));
      stage_ = Stage::kCreate;
      return false;
    }
    case Stage::kCreate:
      TRY_VOID(Create());
      stage_ = Stage::kFrames;
      return false;
    case Stage::kFrames:
      TRY_VOID(NextFrame());
      return false;
    case Stage::kIndex:
      TRY_VOID(WriteIndex());
      stage_ = Stage::kSync;
      return false;
    default:
      TRY_VOID(Commit());
      return stage_ == Stage::kDone;
  }
}

Result<> CompressJob::Create() {
  auto made = files_.CreateNew(Path(SegmentKind::kTemporary), target_.mode);
  if (!made && made.error().code() == Errc::kExists) {
    TRY_VOID(files_.Unlink(Path(SegmentKind::kTemporary)));
    made = files_.CreateNew(Path(SegmentKind::kTemporary), target_.mode);
  }
  TRY(to_, std::move(made));
  return {};
}

Result<> CompressJob::NextFrame() {
  std::string& input = compressor_.input_buffer();
  input.resize(kFrameInputMax);
  std::size_t have = 0;
  while (have < kFrameInputMax) {
    TRY(const std::size_t n,
        files_.ReadAt(from_.get(), std::span(input).subspan(have), bytes_in_ + have));
    if (n == 0) break;
    have += n;
  }
  if (have == 0) {
    stage_ = Stage::kIndex;
    return {};
  }
  std::string_view slice = std::string_view(input).substr(0, have);
  const std::size_t line_end = slice.rfind('\n');
  if (line_end != std::string_view::npos) slice = slice.substr(0, line_end + 1);
  TRY(const std::string_view frame, compressor_.Frame(slice, target_.level));
  TRY_VOID(WriteAll(files_, to_.get(), frame));
  bytes_in_ += slice.size();
  bytes_out_ += frame.size();
  index_.Add(DescribeFrame(slice, frame.size()));
  return {};
}

Result<> CompressJob::WriteIndex() {
  const std::string index = index_.Encode();
  TRY_VOID(WriteAll(files_, to_.get(), index));
  bytes_out_ += index.size();
  return {};
}

// The archive takes its name only when it is on disk, and the segment goes only when that name is.
Result<> CompressJob::Commit() {
  switch (stage_) {
    case Stage::kSync:
      TRY_VOID(files_.Sync(to_.get()));
      to_.Reset();
      from_.Reset();
      stage_ = Stage::kRename;
      return {};
    case Stage::kRename:
      // Replaces what an earlier try may have left under that name: the segment is the truth.
      TRY_VOID(files_.Rename(Path(SegmentKind::kTemporary), Path(SegmentKind::kCompressed)));
      stage_ = Stage::kSyncFolder;
      return {};
    case Stage::kSyncFolder:
      TRY_VOID(files_.SyncDirectory(target_.folder));
      stage_ = Stage::kUnlink;
      return {};
    default: {
      auto gone = files_.Unlink(Path(SegmentKind::kSealed));
      if (!gone && gone.error().code() != Errc::kNotFound) return gone;
      stage_ = Stage::kDone;
      return {};
    }
  }
}

void CompressJob::Abandon() {
  to_.Reset();
  from_.Reset();
  // It may not have been made, or be gone: either way there is nothing to do about it here.
  if (stage_ >= Stage::kCreate && stage_ <= Stage::kRename) {
    (void)files_.Unlink(Path(SegmentKind::kTemporary));
  }
}

struct Decompressor::Context {
  ZSTD_DCtx* raw = ZSTD_createDCtx();
  Context() { TEND_CHECK(raw != nullptr); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { ZSTD_freeDCtx(raw); }
};

Decompressor::Decompressor() : context_(std::make_unique<Context>()) {}
Decompressor::~Decompressor() = default;

Result<> Decompressor::Step(std::string_view& input, std::string& out, std::size_t size_max) {
  const std::size_t before = out.size();
  out.resize(before + size_max);
  ZSTD_inBuffer from{input.data(), input.size(), 0};
  ZSTD_outBuffer to{out.data() + before, size_max, 0};
  const std::size_t left = ZSTD_decompressStream(context_->raw, &to, &from);
  out.resize(before + to.pos);
  if (ZSTD_isError(left)) return ZstdError("decompress", left);
  input.remove_prefix(from.pos);
  at_frame_end_ = left == 0;
  return {};
}

Result<> Decompressor::Frame(std::string_view frame, std::size_t text_bytes, std::string& text) {
  if (text_bytes > kFrameInputMax) return Error(Errc::kInvalid, "a frame that is too large");
  text.resize(text_bytes);
  const std::size_t size =
      ZSTD_decompressDCtx(context_->raw, text.data(), text.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return ZstdError("decompress", size);
  if (size != text_bytes) return Error(Errc::kInvalid, "a frame of another length than said");
  return {};
}

Result<std::uint64_t> MeasureArchive(Files& files, const std::string& path) {
  TRY(const Fd fd, files.OpenRead(path));
  Decompressor decompressor;
  constexpr std::size_t kStep = 128 << 10;
  std::string input(kStep, '\0'), output;
  std::uint64_t read = 0, bytes = 0;
  for (;;) {
    TRY(const std::size_t n, files.ReadAt(fd.get(), input, read));
    if (n == 0) break;
    read += n;
    for (std::string_view rest = std::string_view(input).substr(0, n);;) {
      output.clear();
      TRY_VOID(decompressor.Step(rest, output, kStep));
      bytes += output.size();
      if (rest.empty() && output.size() < kStep) break;
    }
  }
  if (!decompressor.at_frame_end()) return Error(Errc::kInvalid, path + ": ends inside a frame");
  return bytes;
}

}  // namespace tend::rotate
