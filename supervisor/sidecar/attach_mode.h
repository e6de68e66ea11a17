// `tend attach APP`: processes and files that somebody else runs and writes, as the workers and the
// log of APP.
#pragma once

namespace tend::supervisor {

// `argv` begins with the app's name; the options are those of the CLI's `attach`. Returns an exit
// code of base/exit_codes.def.
int AttachMain(int argc, char** argv);

}  // namespace tend::supervisor
