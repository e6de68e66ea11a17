#include "supervisor/sidecar/request_sums.h"

namespace tend::supervisor {
namespace {

constexpr std::string_view kSince = "requests.since";

}  // namespace

// The sums do not change until `since` says whose counts are added to what was before, so that all
// that is done until then can be done again.
void RequestSums::Put(std::uint64_t since,
                      const std::vector<exporter::ControlNumbers>& told,
                      const Load& load,
                      const Store& store) {
  const auto each = [&](auto&& visit) {
    for (const exporter::ControlNumbers& method : told) {
      Ends& ends = sums_[method.method];
      visit("requests." + method.method + ".ok", ends.ok, method.ok);
      visit("requests." + method.method + ".error", ends.error, method.error);
    }
  };
  load(kSince, since_);
  if (since_ != since) {
    each([&](const std::string& name, Sum& sum, std::uint64_t) {
      load(name + ".sum", sum.all);
      sum.before = sum.all;
      store(name + ".before", sum.before);
    });
    since_ = since;
    store(kSince, since);
  }
  each([&](const std::string& name, Sum& sum, std::uint64_t now) {
    load(name + ".before", sum.before);
    sum.all = sum.before + now;
    store(name + ".sum", sum.all);
  });
}

std::vector<exporter::ControlNumbers> RequestSums::All() const {
  std::vector<exporter::ControlNumbers> all;
  for (const auto& [method, ends] : sums_)
    all.push_back({method, ends.ok.all, ends.error.all});
  return all;
}

}  // namespace tend::supervisor
