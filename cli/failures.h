// What is said about workers that did not come up: how they ended, their last words on stderr, and
// who has the port that they wanted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/protocol.h"

namespace tend::cli {

// `what` each of them did: "did not come up".
void ReportFailures(const Context& context,
                    const std::vector<Failure>& failures,
                    std::string_view what);

}  // namespace tend::cli
