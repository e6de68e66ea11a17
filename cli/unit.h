// The systemd unit that starts tend at boot. Pure.
#pragma once

#include <string>

namespace tend::cli {

struct UnitFacts {
  std::string program_folder;
  std::string tend_home;  // "": not set
  std::string listen;     // TEND_LISTEN; "": not set
  std::string path;       // PATH for the workers; "": systemd's
  bool of_system = true;  // of root; else of the user's own systemd
};

// A user name, quotes and blanks in paths are safe: values are quoted as systemd.syntax(7) says.
std::string UnitText(const UnitFacts& facts);

}  // namespace tend::cli
