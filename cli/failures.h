// What is said about workers that did not come up: how they ended, their last words on stderr, and
// who has the port that they wanted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/protocol.h"

namespace tend::cli {

void ReportFailures(const Context& context, const std::vector<Failure>& failures);

}  // namespace tend::cli
