// The part of a worker's environment by which it tells of itself: variables for our preloads, and
// where lines can be written. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace tend::config {

// Where our parts are. An empty one is not there, and nothing is said of it.
struct TelemetryParts {
  std::string node_preload;   // a file
  std::string python_folder;  // the one with our sitecustomize.py
  std::string statsd_socket;
  int fd = -1;  // of the pipe, in the worker
};

// True if the worker gets the pipe.
bool WantsPipe(const AppConfig& app, const TelemetryParts& parts);
// True if it loads our Node preload: one of a cluster does so without a pipe, too, because it gives
// its port away by it.
bool LoadsNodePreload(const AppConfig& app, const TelemetryParts& parts);

// Adds to `env`, whose lines are "NAME=value". What the user has in NODE_OPTIONS or PYTHONPATH
// stays in force; the preload gives the app its own value back.
void AddTelemetry(const AppConfig& app, const TelemetryParts& parts, std::vector<std::string>& env);

// `existing` NODE_OPTIONS with a --require of `preload` before them.
std::string NodeOptions(const std::string& preload, const std::string& existing);

}  // namespace tend::config
