#include "supervisor/sidecar/observe_file.h"

#include <utility>

#include "config/codec.h"

namespace tend::supervisor {
namespace {

constexpr std::size_t kSizeMax = 4 << 20;

}  // namespace

Result<config::ObserveRequest> ObserveFile::Load() const {
  config::ObserveRequest none;
  none.given = false;
  if (path_.empty()) return none;
  const auto text = ReadFile(files_, path_, kSizeMax);
  if (!text && text.error().code() == Errc::kNotFound) return none;
  if (!text) return text.error();
  return config::ObserveRequestFromJson(*text);
}

Result<> ObserveFile::Save(const config::ObserveRequest& request) {
  if (path_.empty()) return {};
  return WriteFileAtomically(files_, path_, config::ToJson(request) + '\n', 0600);
}

ObserveChange Change(const config::ObserveRequest& now, config::ObserveRequest asked) {
  ObserveChange change;
  change.next = now;
  if (!asked.given && (!now.given || asked.file != now.file)) return change;
  if (now.given && asked.given && now.file != asked.file && now.observe != asked.observe) {
    change.replaced = now.file;
  }
  if (!asked.given) asked.observe = {};
  change.changed = now != asked;
  change.next = std::move(asked);
  return change;
}

}  // namespace tend::supervisor
