// What an app redacts, for a sidecar that gets its output and is not told of it any more: the app
// was deleted, and the sidecar that knew it is gone. The patterns are no secrets; their matches
// are.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace tend::supervisor {

// In a file in `folder`; none if there are no patterns.
Result<> SavePatterns(const std::string& folder,
                      const std::string& app,
                      const std::vector<std::string>& patterns);
// Empty: none were saved. What cannot be read hides all text, as a pattern that matches everything.
std::vector<std::string> LoadPatterns(const std::string& folder, const std::string& app);

}  // namespace tend::supervisor
