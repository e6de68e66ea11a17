// What a script's name says: its app's name and who runs it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tend::config {

// The name of the interpreter for the ending, as PM2 has it: "node" for .js .cjs .mjs .ts .tsx,
// "python3" for .py, "bash", "ruby", "php", "perl", "coffee", "lsc"; "" for every other ending.
std::string InterpreterByEnding(std::string_view script);

// Whether the program is node or bun: what PM2 runs in cluster mode.
bool IsNode(std::string_view interpreter);
bool IsPython(std::string_view interpreter);

// The file name without its last ending; a command line as a whole. Always a SafeName.
std::string DefaultName(std::string_view script);

// `name` as the name of a folder: at most 100 bytes, without slashes and control bytes, not
// beginning with a dot. Most names are theirs already.
std::string SafeName(std::string_view name);

}  // namespace tend::config
