// AppConfig, ObserveRequest ↔ JSON: how a configuration travels from CLI to core and to the
// sidecar, and how it is kept in apps.json and observe.json. Every member has a place; what was
// written by an older tend is read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace tend::config {

enum class Secrets { kInclude, kLeaveOut };  // env, inherited_env

std::string ToJson(const AppConfig& app, Secrets secrets);
Result<AppConfig> AppConfigFromJson(std::string_view json);

// There is no secret in it.
std::string ToJson(const ObserveRequest& request);
Result<ObserveRequest> ObserveRequestFromJson(std::string_view json);

}  // namespace tend::config
