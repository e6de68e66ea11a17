// `tend pipe APP`: standard input, to its end, becomes the log of APP.
#pragma once

namespace tend::supervisor {

// `argv` begins with the app's name; the options are those of the CLI's `pipe`. Returns an exit
// code of base/exit_codes.def.
int PipeMain(int argc, char** argv);

}  // namespace tend::supervisor
