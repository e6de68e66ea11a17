// Configuration files that are programs: ecosystem.config.{js,cjs,mjs}, and .json files that only a
// JavaScript engine reads. They run in the user's own node, out of process, as the user, with
// nothing of ours in reach, and hand back JSON over a pipe that is not their stdout.
//
// Thread: any; blocks until the file is evaluated or the limit has passed.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/document.h"

namespace tend::config {

struct EvaluateOptions {
  std::string node;                            // "": TEND_NODE, else node in PATH
  std::string env_name;                        // handed to a configuration that is a function
  std::chrono::milliseconds time_limit{5000};  // then all that the file started is killed
  std::size_t output_max = 8 << 20;            // bytes of JSON
};

struct Evaluated {
  bool ok = false;
  Value value;                       // if ok; without marks
  std::vector<std::string> dropped;  // keys whose value was a function
  SyntaxError error;                 // if not ok; the mark is in the file itself if known
  std::string help;                  // what else to know about it: what the file printed
};

// Evaluates the file. CommonJS, ES modules, `export default`, functions and promises.
Evaluated EvaluateJavaScript(const std::string& path, const EvaluateOptions& options);
// Evaluates the text of the file as one expression, as PM2 does with .json.
Evaluated EvaluateExpression(const std::string& path, const EvaluateOptions& options);

// The node to use: absolute, or "" if there is none.
std::string FindNode(const std::string& wanted);

}  // namespace tend::config
