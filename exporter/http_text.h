// The textual side of HTTP: addresses, targets, hosts. Pure.
#pragma once

#include <string>
#include <string_view>

#include "exporter/http_server.h"

namespace tend::exporter {

// "127.0.0.1:9616", "[::1]:9616", "localhost:0" → host, port. False if it is none of that shape.
bool SplitAddress(std::string_view address, std::string& host, std::string& port);

// "/api/v1/logs?app=a%20b&n=5" → path and query. False if it is not of that shape.
bool ParseTarget(std::string_view target, HttpRequest& request);

// True for what a browser on this machine may call us: an IP literal, localhost, a name below it,
// or nothing. A name of somebody's own choice may be made to point here (DNS rebinding).
bool IsLocalHost(std::string_view host_header);

}  // namespace tend::exporter
