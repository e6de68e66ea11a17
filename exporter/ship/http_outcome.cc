#include "exporter/ship/http_outcome.h"

namespace tend::exporter {
namespace {

// What servers of Go, nginx and Apache say to http:// where https:// is spoken.
bool WantsTls(const std::string& body) {
  return body.find("HTTP request to an HTTPS server") != std::string::npos ||
         body.find("plain HTTP request was sent to HTTPS port") != std::string::npos ||
         body.find("speaking plain HTTP to an SSL-enabled server") != std::string::npos;
}

}  // namespace

SendResult ResultOf(const HttpAnswer& answer) {
  switch (answer.kind) {
    case HttpAnswer::Kind::kTimeout:
      return SendResult::kTimeout;
    case HttpAnswer::Kind::kConnection:
    case HttpAnswer::Kind::kTls:
    case HttpAnswer::Kind::kSetup:
    case HttpAnswer::Kind::kAborted:
      return SendResult::kConnection;
    case HttpAnswer::Kind::kAnswered:
      break;
  }
  if (answer.ok()) return SendResult::kSuccess;
  if (answer.status == 429) return SendResult::kRateLimited;
  return answer.status >= 500 ? SendResult::kServerError : SendResult::kBadRequest;
}

SendOutcome OutcomeOf(const HttpAnswer& answer, std::size_t entries) {
  using Then = SendOutcome::Then;
  SendOutcome outcome;
  outcome.result = ResultOf(answer);
  outcome.sent_bytes = answer.sent_bytes;
  if (answer.ok()) {
    outcome.then = Then::kDone;
    return outcome;
  }
  outcome.error = Explain(answer);
  outcome.retry_after = answer.retry_after;
  if (answer.kind != HttpAnswer::Kind::kAnswered) {
    outcome.needs_help =
        answer.kind == HttpAnswer::Kind::kTls || answer.kind == HttpAnswer::Kind::kSetup;
  } else if (answer.status == 400 && WantsTls(answer.body)) {
    outcome.needs_help = true;
  } else if (answer.status == 413) {
    outcome.then = Then::kSplit;
  } else if (answer.status == 400 || answer.status == 409 || answer.status == 422) {
    outcome.then = Then::kGiveUp;
    outcome.rejected = entries;
  } else {
    outcome.needs_help = answer.status < 500 && answer.status != 429 && answer.status != 408;
  }
  return outcome;
}

}  // namespace tend::exporter
