// What the keys of an exporter or a receiver mean together: its type, where it is, and that no
// secret stands in the configuration. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/app_checks.h"
#include "config/observe.h"

namespace tend::config {

using IsGiven = std::function<bool(std::string_view key)>;

// Letters, digits, - and _, at most 64.
bool IsEntryName(std::string_view name);

// Both settle `type` where it is not given. Messages go on with " in export \"loki\"".
std::vector<Finding> CheckExporter(ExporterConfig& exporter, const IsGiven& given);
std::vector<Finding> CheckReceiver(ReceiverConfig& receiver, const IsGiven& given);

// Makes the paths of files that hold secrets and certificates absolute: relative ones are in
// `folder`.
void ResolvePaths(ObserveConfig& observe, const std::string& folder);

}  // namespace tend::config
