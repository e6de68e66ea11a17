// How a person is told what is wrong with a configuration: stable codes, and the picture with the
// line of the file and carets under the word.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace tend::config {

// Stable: documentation and scripts name them. E: error, W: warning.
namespace code {
inline constexpr char kUnknownKey[] = "E030";
inline constexpr char kBadValue[] = "E031";
inline constexpr char kMissingKey[] = "E032";
inline constexpr char kDuplicate[] = "E033";
inline constexpr char kUnreadable[] = "E034";  // no such file, no rights, no YAML
inline constexpr char kScriptFailed[] = "E035";
inline constexpr char kNotYet[] = "E036";
inline constexpr char kBadScript[] = "E040";  // what is to be run is not there, or not for us
inline constexpr char kBadInterpreter[] = "E041";
inline constexpr char kBadFolder[] = "E042";
inline constexpr char kBadUser[] = "E043";
inline constexpr char kKeyIgnored[] = "W012";
inline constexpr char kNotYetIgnored[] = "W013";
inline constexpr char kNotCluster[] = "W014";
inline constexpr char kNoSuchEnv[] = "W015";
inline constexpr char kRenamed[] = "W016";
inline constexpr char kMachine[] = "W017";  // a setting of the machine that what is asked for needs
}  // namespace code

// "error[E031]: …\n  --> file:14:15\n …", ends with a newline. `source` is the text of the file, or
// "" when there is none to show.
std::string FormatProblem(const Problem& problem, std::string_view source, bool colour);

}  // namespace tend::config
