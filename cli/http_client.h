// HTTP/1.1 over the sidecar's unix socket: enough to read its JSON, to follow its logs and to tell
// it what is configured.
// HttpResponse is the parser, without a socket; it takes bytes in pieces of any size and answers
// garbage with an error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tend::cli {

class HttpResponse {
 public:
  using OnBody = std::function<void(std::string_view)>;
  explicit HttpResponse(OnBody on_body) : on_body_(std::move(on_body)) {}

  // Errc::kInvalid if this is not HTTP; afterwards nothing more may be fed.
  Result<> Feed(std::string_view bytes);
  // The peer has closed: Errc::kUnreachable if the body is not complete.
  Result<> End();

  int status() const { return status_; }  // 0 until the head is there
  bool complete() const { return state_ == State::kDone; }

 private:
  enum class State : std::uint8_t {
    kHead,
    kUntilClose,
    kLength,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailer,
    kDone
  };

  Result<> TakeHead(std::string_view head);
  Result<> TakeHeader(std::string_view line);
  Result<> TakeLine(std::string_view line);  // of the chunked coding
  void TakeBody(std::string_view& bytes);

  OnBody on_body_;
  State state_ = State::kHead;
  State body_state_ = State::kUntilClose;
  std::string line_;        // of the head or the chunked coding, not whole yet
  std::uint64_t left_ = 0;  // bytes of the body or the chunk
  int status_ = 0;
  bool chunked_ = false;
};

struct HttpReply {
  int status = 0;
  std::string body;
};

// The whole answer within `limit`. Errc::kUnreachable: nobody listens or the answer broke off;
// Errc::kTimeout; Errc::kLimit: more than 16 MiB.
Result<HttpReply> HttpGet(const std::string& socket,
                          const std::string& target,
                          std::chrono::milliseconds limit);

// The same with a method, "POST" or "PUT", and JSON as a body.
Result<HttpReply> HttpSend(const std::string& socket,
                           std::string_view method,
                           const std::string& target,
                           std::string_view body,
                           std::chrono::milliseconds limit);

// Hands on the body as it comes, for as long as it comes; connecting and the head have to be done
// within `head_limit`. Returns the status. An answer other than 200 goes to `on_body` like any
// other. `tick` is called at least once every 100 ms and after each piece; false ends the
// stream with Errc::kBusy.
Result<int> HttpStream(const std::string& socket,
                       const std::string& target,
                       std::chrono::milliseconds head_limit,
                       const HttpResponse::OnBody& on_body,
                       const std::function<bool()>& tick);

// For the query of a target: everything but unreserved characters becomes %XX.
std::string PercentEncode(std::string_view text);

}  // namespace tend::cli
