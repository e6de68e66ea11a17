// Before the log store: what an app calls secret does not get further than here.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/record.h"
#include "collector/redactor.h"

namespace tend::supervisor {

class RedactingSink final : public RecordSink {
 public:
  explicit RedactingSink(RecordSink& next) : next_(next) {}

  // Null: `app` has no secrets.
  void SetRedactor(const std::string& app, std::shared_ptr<const collector::Redactor> redactor);

  bool HasRoom(const WorkerRef& worker) const override { return next_.HasRoom(worker); }
  void Publish(RecordBatchPtr batch) override;

 private:
  RecordSink& next_;
  std::map<std::string, std::shared_ptr<const collector::Redactor>> redactors_;
};

}  // namespace tend::supervisor
