#include "supervisor/readiness.h"

#include "base/time.h"

namespace tend::supervisor {

Readiness ReadinessOf(const config::AppConfig& app) {
  Readiness readiness;
  const config::ReadyConfig& ready = app.ready;
  if (!ready.http.empty() || !ready.tcp.empty() || !ready.log.empty()) {
    readiness.by = ReadyBy::kProbe;
  } else if (app.wait_ready) {
    readiness.by = ReadyBy::kWord;
  } else if (app.exec_mode == config::ExecMode::kCluster) {
    readiness.by = ReadyBy::kListening;
  } else {
    return readiness;
  }
  readiness.late_is_restarted = ready.timeout > config::Duration(0);
  readiness.patience = readiness.late_is_restarted ? ready.timeout : app.listen_timeout;
  return readiness;
}

bool IsReadyBy(ReadyBy wanted, ReadyBy seen) {
  return wanted == seen || (wanted == ReadyBy::kUptime && seen == ReadyBy::kWord);
}

std::string WhyLate(const Readiness& readiness) {
  const std::string within = " within " + FormatDuration(readiness.patience);
  switch (readiness.by) {
    case ReadyBy::kWord:
      return "it has not said that it is ready" + within;
    case ReadyBy::kListening:
      return "it does not listen" + within;
    case ReadyBy::kProbe:
      return "it did not pass its readiness check" + within;
    case ReadyBy::kUptime:
      break;
  }
  return "it is not up" + within;
}

}  // namespace tend::supervisor
