// Stored logs, for shippers: rotate/'s positions behind exporter/'s seam.
//
// Thread: that of the shipper which owns it; `list_apps` is called there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "exporter/ship/log_source.h"
#include "rotate/position_reader.h"

namespace tend::supervisor {

class SegmentSource : public exporter::LogSource {
 public:
  struct App {
    std::string name;
    std::string folder;
  };
  // What has a log now. An error: nobody knows at the moment.
  using ListApps = std::function<Result<std::vector<App>>()>;

  SegmentSource(Files& files, ListApps list_apps);

  Result<std::vector<std::string>> Apps() override;
  Result<exporter::LogPosition> Begin(const std::string& app) override;
  Result<exporter::LogChunk> Read(const std::string& app,
                                  exporter::LogPosition from,
                                  std::size_t bytes_max) override;
  Result<exporter::LogBacklog> Backlog(const std::string& app, exporter::LogPosition from) override;

 private:
  Result<rotate::PositionReader*> Find(const std::string& app);

  Files& files_;
  const ListApps list_apps_;
  rotate::TextBuffer buffer_;
  bool is_buffer_used_ = false;  // since the last look at the apps
  std::map<std::string, std::unique_ptr<rotate::PositionReader>> readers_;
};

// The apps that have a log below `logs`: a folder of their name each.
SegmentSource::ListApps AppsBelow(Files& files, std::string logs);

}  // namespace tend::supervisor
