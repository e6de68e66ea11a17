// Stored logs, for shippers: rotate/'s positions behind exporter/'s seam. A log is told from the
// others by the name of its folder.
//
// Thread: that of the shipper which owns it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "exporter/ship/log_source.h"
#include "rotate/position_reader.h"

namespace tend::supervisor {

class SegmentSource : public exporter::LogSource {
 public:
  // `logs`: where the folders are.
  SegmentSource(Files& files, std::string logs) : files_(files), logs_(std::move(logs)) {}

  Result<std::vector<std::string>> Apps() override;
  std::string NameOf(const std::string& app) override;
  Result<exporter::LogPosition> Begin(const std::string& app) override;
  Result<exporter::LogChunk> Read(const std::string& app,
                                  exporter::LogPosition from,
                                  std::size_t bytes_max) override;
  Result<exporter::LogBacklog> Backlog(const std::string& app, exporter::LogPosition from) override;

 private:
  std::string FolderOf(const std::string& app) const { return logs_ + '/' + app; }
  Result<rotate::PositionReader*> Find(const std::string& app);

  Files& files_;
  const std::string logs_;
  rotate::TextBuffer buffer_;
  bool is_buffer_used_ = false;  // since the last look at the apps
  std::map<std::string, std::unique_ptr<rotate::PositionReader>> readers_;
};

}  // namespace tend::supervisor
