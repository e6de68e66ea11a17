// Lets Triggers see lines and reports on their way from the collector.
//
// Owned by the sidecar. Thread: the loop's.
#pragma once

#include <utility>
#include <vector>

#include "base/record.h"
#include "base/telemetry.h"
#include "supervisor/sidecar/triggers.h"

namespace tend::supervisor {

class TriggerTap final : public RecordSink, public TelemetrySink {
 public:
  TriggerTap(Triggers& triggers, RecordSink& records, TelemetrySink& telemetry)
      : triggers_(triggers), records_(records), telemetry_(telemetry) {}

  bool HasRoom(const WorkerRef& worker) const override { return records_.HasRoom(worker); }
  void Publish(RecordBatchPtr batch) override {
    triggers_.Lines(*batch);
    records_.Publish(std::move(batch));
  }
  void Report(const WorkerRef& worker, const TelemetryReport& report) override {
    triggers_.Reported(worker);
    telemetry_.Report(worker, report);
  }
  void Custom(const WorkerRef& worker,
              const std::vector<CustomValue>& values,
              std::size_t refused) override {
    telemetry_.Custom(worker, values, refused);
  }

 private:
  Triggers& triggers_;
  RecordSink& records_;
  TelemetrySink& telemetry_;
};

}  // namespace tend::supervisor
