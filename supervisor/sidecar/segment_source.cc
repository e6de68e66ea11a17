#include "supervisor/sidecar/segment_source.h"

#include <algorithm>
#include <set>
#include <utility>

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

SegmentSource::SegmentSource(Files& files, ListApps list_apps)
    : files_(files), list_apps_(std::move(list_apps)) {}

Result<std::vector<std::string>> SegmentSource::Apps() {
  if (!std::exchange(is_buffer_used_, false)) buffer_.Release();
  TRY(const std::vector<App> apps, list_apps_());
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const App& app : apps) {
    if (!known.insert(app.name).second) continue;
    names.push_back(app.name);
    auto& reader = readers_[app.name];
    if (reader) continue;
    reader = std::make_unique<rotate::PositionReader>(files_, app.name, app.folder, buffer_);
  }
  std::erase_if(readers_, [&](const auto& reader) { return !known.contains(reader.first); });
  return names;
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

SegmentSource::ListApps AppsBelow(Files& files, std::string logs) {
  return [&files, logs = std::move(logs)]() -> Result<std::vector<SegmentSource::App>> {
    auto names = files.List(logs);
    if (!names && names.error().code() == Errc::kNotFound) return std::vector<SegmentSource::App>();
    if (!names) return std::move(names).error();
    std::sort(names->begin(), names->end());
    std::vector<SegmentSource::App> apps;
    for (const std::string& name : *names) {
      const std::string folder = logs + '/' + name;
      const auto info = files.Stat(folder);
      if (info && info->is_directory) apps.push_back({name, folder});
    }
    return apps;
  };
}

}  // namespace tend::supervisor
