// Which apps there are and which of them a person means.
#pragma once

#include <string>
#include <vector>

#include "base/control.h"
#include "base/result.h"
#include "base/status.h"
#include "cli/context.h"

namespace tend::cli {

// All apps, as core knows them.
Result<std::vector<AppStatus>> ListApps(const Context& context);

std::vector<Selectable> SelectablesOf(const std::vector<AppStatus>& apps);
std::vector<std::string> NamesOf(const std::vector<AppStatus>& apps);

// What a list of selectors means: hits without doubles, or the first selector that means nothing.
struct Selection {
  std::vector<Selected> hits;
  std::string unknown;  // "" : every selector had a hit
};
Selection SelectAll(const std::vector<std::string>& selectors, const std::vector<AppStatus>& apps);

}  // namespace tend::cli
