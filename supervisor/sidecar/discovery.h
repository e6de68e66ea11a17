// GET /api/v1/sd: this tend, for Prometheus' http_sd_configs. The target is the address by which it
// was asked: what reached it once will reach it again. Pure.
#pragma once

#include <string>
#include <vector>

#include "exporter/http_server.h"

namespace tend::supervisor {

// Labels: __meta_tend_hostname, and __meta_tend_apps (",api,web,", sorted, so that a relabelling
// can look for ",api,"). 400 when the request does not say which host it is for.
exporter::HttpResponse Discover(const exporter::HttpRequest& request,
                                std::vector<std::string> apps,
                                const std::string& hostname);

}  // namespace tend::supervisor
