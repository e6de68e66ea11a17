// Which variables of an environment nobody should read over another's shoulder.
#pragma once

#include <string_view>

namespace tend::cli {

// By its name (…_TOKEN, …PASSWORD…) or because its value is a URL with a password in it.
bool LooksSecret(std::string_view name, std::string_view value);

}  // namespace tend::cli
