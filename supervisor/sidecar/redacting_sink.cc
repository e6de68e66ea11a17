#include "supervisor/sidecar/redacting_sink.h"

namespace tend::supervisor {

void RedactingSink::SetRedactor(const std::string& app,
                                std::shared_ptr<const collector::Redactor> redactor) {
  if (redactor) {
    redactors_.insert_or_assign(app, std::move(redactor));
  } else {
    redactors_.erase(app);
  }
}

void RedactingSink::Publish(RecordBatchPtr batch) {
  const auto redactor = redactors_.empty() ? redactors_.end() : redactors_.find(batch->worker->app);
  if (redactor != redactors_.end()) batch = redactor->second->Redact(std::move(batch));
  next_.Publish(std::move(batch));
}

}  // namespace tend::supervisor
