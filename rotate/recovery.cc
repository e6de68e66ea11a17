#include "rotate/recovery.h"

#include <algorithm>
#include <map>

#include "rotate/compressor.h"

namespace tend::rotate {
namespace {

std::string PathOf(const std::string& folder, const std::string& base, const Segment& segment) {
  return folder + '/' + FormatSegmentName(base, segment.Name());
}

Result<> UnlinkIfThere(Files& files, const std::string& path) {
  auto gone = files.Unlink(path);
  if (!gone && gone.error().code() != Errc::kNotFound) return gone;
  return {};
}

}  // namespace

Inventory Classify(std::string_view base, std::span<const std::string> names) {
  Inventory inventory;
  std::map<std::pair<std::uint64_t, Wall>, Segment> found;
  for (const std::string& name : names) {
    const auto parsed = ParseSegmentName(base, name);
    if (!parsed || parsed->kind == SegmentKind::kActive) continue;
    inventory.sequence_max = std::max(inventory.sequence_max, parsed->sequence);
    if (parsed->kind == SegmentKind::kTemporary) {
      inventory.temporaries.push_back(name);
      continue;
    }
    const Segment segment{.sequence = parsed->sequence,
                          .sealed = parsed->sealed,
                          .compressed = parsed->kind == SegmentKind::kCompressed};
    const auto [at, is_new] = found.emplace(std::pair(segment.sequence, segment.sealed), segment);
    if (is_new) continue;
    inventory.doubles.push_back(segment.compressed ? at->second : segment);
    at->second.compressed = true;
  }
  for (const auto& entry : found)
    inventory.sealed.push_back(entry.second);
  return inventory;
}

Result<Inventory> TakeInventory(Files& files, const std::string& folder, const std::string& base) {
  auto names = files.List(folder);
  if (!names && names.error().code() == Errc::kNotFound) return Inventory{};
  if (!names) return std::move(names).error();
  Inventory inventory = Classify(base, *names);
  std::vector<Segment> present;
  for (Segment& segment : inventory.sealed) {
    auto info = files.Stat(PathOf(folder, base, segment));
    if (!info && info.error().code() == Errc::kNotFound) continue;
    if (!info) return std::move(info).error();
    segment.bytes = info->size;
    present.push_back(segment);
  }
  inventory.sealed = std::move(present);
  return inventory;
}

Result<Inventory> Recover(Files& files, const std::string& folder, const std::string& base) {
  TRY(Inventory inventory, TakeInventory(files, folder, base));
  for (const std::string& name : inventory.temporaries) {
    TRY_VOID(UnlinkIfThere(files, folder + '/' + name));
  }
  inventory.temporaries.clear();
  for (const Segment& plain : inventory.doubles) {
    const auto twin = std::find_if(
        inventory.sealed.begin(), inventory.sealed.end(),
        [&](const Segment& s) { return s.sequence == plain.sequence && s.sealed == plain.sealed; });
    if (twin == inventory.sealed.end()) continue;
    TRY(const FileInfo info, files.Stat(PathOf(folder, base, plain)));
    const auto held = MeasureArchive(files, PathOf(folder, base, *twin));
    // An archive that cannot be read for another reason than its content is left for later.
    if (!held && held.error().code() != Errc::kInvalid) return held.error();
    if (held && *held == info.size) {
      TRY_VOID(UnlinkIfThere(files, PathOf(folder, base, plain)));
      continue;
    }
    TRY_VOID(UnlinkIfThere(files, PathOf(folder, base, *twin)));
    twin->compressed = false;
    twin->bytes = info.size;
  }
  inventory.doubles.clear();
  return inventory;
}

Result<bool> CompleteLastLine(Files& files, int fd, const std::string& path, std::uint64_t size) {
  if (size == 0) return false;
  TRY(const Fd reader, files.OpenRead(path));
  char last = '\n';
  TRY(const std::size_t n, files.ReadAt(reader.get(), std::span(&last, 1), size - 1));
  if (n == 0 || last == '\n') return false;
  TRY_VOID(WriteAll(files, fd, "\n"));
  return true;
}

Result<std::string> ReadLastLine(Files& files, const std::string& path) {
  constexpr std::uint64_t kBlock = 64 << 10;
  constexpr std::uint64_t kReachMax = 512 << 10;
  TRY(const Fd fd, files.OpenRead(path));
  TRY(const FileInfo info, files.StatFd(fd.get()));
  std::string tail;
  for (std::uint64_t reach = std::min(kBlock, info.size); reach > 0;) {
    tail.resize(reach);
    TRY(const std::size_t n, files.ReadAt(fd.get(), tail, info.size - reach));
    std::string_view text = std::string_view(tail).substr(0, n);
    const std::size_t end = text.rfind('\n');
    if (end == std::string_view::npos && reach == info.size) break;
    if (end != std::string_view::npos) {
      text = text.substr(0, end);
      const std::size_t start = text.rfind('\n');
      if (start != std::string_view::npos) return std::string(text.substr(start + 1));
      if (reach == info.size) return std::string(text);
    }
    const std::uint64_t further = std::min({reach * 4, info.size, kReachMax});
    if (further == reach) break;
    reach = further;
  }
  return std::string();
}

}  // namespace tend::rotate
