#include "supervisor/sidecar/discovery.h"

#include <algorithm>

#include "config/scrape_targets.h"

namespace tend::supervisor {

exporter::HttpResponse Discover(const exporter::HttpRequest& request,
                                std::vector<std::string> apps,
                                const std::string& hostname) {
  if (request.host.empty()) return exporter::ErrorResponse(400, "the request has no Host");
  std::sort(apps.begin(), apps.end());
  std::string listed = ",";
  for (const std::string& app : apps)
    listed += app + ',';
  exporter::HttpResponse response;
  response.body = config::ScrapeTargetsJson(
      {{request.host, {{"__meta_tend_hostname", hostname}, {"__meta_tend_apps", listed}}}});
  return response;
}

}  // namespace tend::supervisor
