// What a PeerConfig says, for those who connect: its secrets, read from their files, and what of it
// may be shown.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/observe.h"

namespace tend::exporter {

// The content of a file that holds a secret, without white space around it. It may be in no error
// text and in no status.
Result<std::string> ReadSecret(const std::string& path);

// The URL, from its file if it has one.
Result<std::string> PeerUrl(const config::PeerConfig& peer);

// The URL without user, query and fragment. What has no "://" is returned as it is.
std::string DisplayUrl(std::string_view url);
// Only scheme, host and port of it: who knows the path of a webhook may write there.
std::string DisplayOrigin(std::string_view url);
// As DisplayUrl, of a peer; the name of the file for a URL that is a secret itself.
std::string DisplayTarget(const config::PeerConfig& peer);

// The first line of what a receiver said, fit for a status: short, printable, UTF-8.
std::string FirstLine(std::string_view text);

}  // namespace tend::exporter
