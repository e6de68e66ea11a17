#include "cli/selection.h"

#include <algorithm>

namespace tend::cli {

Result<std::vector<AppStatus>> ListApps(const Context& context) {
  Request request;
  request.verb = "list";
  TRY(Answer answer, Ask(context, request));
  if (answer.exit != 0) return Error(Errc::kInternal, answer.error);
  return std::move(answer.apps);
}

std::vector<Selectable> SelectablesOf(const std::vector<AppStatus>& apps) {
  std::vector<Selectable> all;
  for (const AppStatus& app : apps) {
    Selectable one{app.name, app.namespace_, {}};
    for (const WorkerStatus& worker : app.workers)
      one.workers.push_back({worker.slot, worker.id});
    all.push_back(std::move(one));
  }
  return all;
}

std::vector<std::string> NamesOf(const std::vector<AppStatus>& apps) {
  std::vector<std::string> names;
  for (const AppStatus& app : apps)
    names.push_back(app.name);
  return names;
}

Selection SelectAll(const std::vector<std::string>& selectors, const std::vector<AppStatus>& apps) {
  const std::vector<Selectable> from = SelectablesOf(apps);
  Selection selection;
  for (const std::string& selector : selectors) {
    const auto hits = Select(selector, from);
    // "all" of nothing is nothing, and no mistake.
    if (hits.empty() && selector != "all" && selection.unknown.empty()) {
      selection.unknown = selector;
    }
    for (const Selected& hit : hits) {
      if (std::find(selection.hits.begin(), selection.hits.end(), hit) == selection.hits.end()) {
        selection.hits.push_back(hit);
      }
    }
  }
  return selection;
}

}  // namespace tend::cli
