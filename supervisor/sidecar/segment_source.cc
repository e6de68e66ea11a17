#include "supervisor/sidecar/segment_source.h"

#include <algorithm>
#include <utility>

#include "rotate/app_name.h"
#include "rotate/line_level.h"

namespace tend::supervisor {
namespace {

exporter::LogPosition ToShip(const rotate::LinePosition& p) {
  return {p.sequence, p.offset, p.lines, p.mark};
}

rotate::LinePosition ToRotate(const exporter::LogPosition& p) {
  return {p.sequence, p.offset, p.lines, p.mark};
}

}  // namespace

Result<std::vector<std::string>> SegmentSource::Apps() {
  if (!std::exchange(is_buffer_used_, false)) buffer_.Release();
  auto names = files_.List(logs_);
  if (!names && names.error().code() != Errc::kNotFound) return names;
  std::vector<std::string> apps;
  if (names) apps = *std::move(names);
  std::erase_if(apps, [&](const std::string& app) {
    const auto info = files_.Stat(FolderOf(app));
    return !info || !info->is_directory;
  });
  std::sort(apps.begin(), apps.end());
  std::erase_if(readers_, [&](const auto& reader) {
    return !std::binary_search(apps.begin(), apps.end(), reader.first);
  });
  for (const std::string& app : apps) {
    auto& reader = readers_[app];
    if (reader) continue;
    reader = std::make_unique<rotate::PositionReader>(files_, app, FolderOf(app), buffer_);
  }
  return apps;
}

std::string SegmentSource::NameOf(const std::string& app) {
  return rotate::AppNameOf(files_, FolderOf(app));
}

Result<rotate::PositionReader*> SegmentSource::Find(const std::string& app) {
  const auto at = readers_.find(app);
  if (at == readers_.end()) return Error(Errc::kNotFound, "no log of " + app);
  return at->second.get();
}

Result<exporter::LogPosition> SegmentSource::Begin(const std::string& app) {
  TRY(rotate::PositionReader* const reader, Find(app));
  TRY(const rotate::LinePosition position, reader->Begin());
  return ToShip(position);
}

Result<exporter::LogChunk> SegmentSource::Read(const std::string& app,
                                               exporter::LogPosition from,
                                               std::size_t bytes_max) {
  TRY(rotate::PositionReader* const reader, Find(app));
  exporter::LogChunk chunk;
  const auto take = [&](const rotate::ParsedLine& line, std::uint64_t end) {
    exporter::ShipEntry& entry = chunk.entries.emplace_back();
    entry.time = line.time;
    entry.stream = line.stream;
    entry.flags = line.flags;
    entry.slot = line.slot;
    entry.text = line.text;
    entry.end = end;
    if (const auto level = rotate::LevelOf(line.text)) entry.level = rotate::LevelName(*level);
  };
  TRY(const rotate::PositionReader::Passage passage, reader->Read(ToRotate(from), bytes_max, take));
  is_buffer_used_ = is_buffer_used_ || !chunk.entries.empty();
  chunk.begin = ToShip(passage.begin);
  chunk.end = ToShip(passage.end);
  chunk.lost_bytes = passage.lost_bytes;
  chunk.lost_entries = passage.lost_lines;
  chunk.at_end = passage.at_end;
  return chunk;
}

Result<exporter::LogBacklog> SegmentSource::Backlog(const std::string& app,
                                                    exporter::LogPosition from) {
  TRY(rotate::PositionReader* const reader, Find(app));
  TRY(const rotate::PositionReader::Waiting waiting, reader->CountBehind(ToRotate(from)));
  return exporter::LogBacklog{waiting.lines, waiting.bytes, waiting.oldest.value_or(Wall{})};
}

}  // namespace tend::supervisor
