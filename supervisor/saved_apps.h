// The apps that were configured and whether they are wanted, kept over reboots in
// <state>/apps.json (0600: it holds environments), schema tend.apps/1. Written whole on every
// change; ending tend changes nothing in it.
//
// Thread: the loop's. Write() syncs the disk, so it is never called between an exit and a start.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "config/config.h"

namespace tend::supervisor {

struct SavedApp {
  config::AppConfig config;
  bool wanted = true;              // to be running
  std::vector<int> stopped_slots;  // of a wanted app, those that were stopped one by one
  std::shared_ptr<const config::AppConfig> previous;  // before the last change; null: none
};

class SavedApps {
 public:
  SavedApps(Files& files, std::string path) : files_(files), path_(std::move(path)) {}

  struct Loaded {
    std::vector<SavedApp> apps;
    std::string damage;  // for people; "": none. The file as it was lies beside it.
  };
  // No file: no apps. An app that cannot be read does not keep the others away.
  Loaded Load() const;
  Result<> Write(const std::vector<SavedApp>& apps);

 private:
  Files& files_;
  const std::string path_;
};

}  // namespace tend::supervisor
