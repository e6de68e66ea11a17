// Which apps are meant by a list of names and globs. Pure.
#pragma once

#include <string>
#include <vector>

namespace tend::exporter {

// `app` is one of them, or there are none, which means all.
bool IsMeant(const std::vector<std::string>& globs, const std::string& app);

}  // namespace tend::exporter
