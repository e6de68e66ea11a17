#include "exporter/page_cache.h"

namespace tend::exporter {

SharedChunks PageCache::Get(Dialect dialect, bool gzip, Mono now, const Render& render) {
  Entry& entry = entries_[static_cast<std::size_t>(dialect) * 2 + (gzip ? 1 : 0)];
  {
    const std::lock_guard lock(mutex_);
    if (IsFresh(entry, now)) return entry.page;
    entry.page.reset();  // before the next one takes its memory
  }
  SharedChunks page = render();
  const std::lock_guard lock(mutex_);
  entry = {page, now};
  return page;
}

void PageCache::Trim(Mono now) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    if (!IsFresh(entry, now)) entry.page.reset();
  }
}

}  // namespace tend::exporter
