// Requests to other people's servers: libcurl, in this one file. Credentials are read from their
// files for each request, so that they may be changed under way; they are in no error text, nor is
// a URL's path, query or user. Connections are kept for the next request.
//
// Redirects are not followed (a POST would lose its body), proxies are as the environment says.
//
// Thread: one, which blocks for at most `timeout`; Abort() from any.
// REQUIRES: SIGPIPE is ignored.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/observe.h"

namespace tend::exporter {

inline constexpr std::size_t kAnswerMaxBytes = 4096;  // that are kept of a body

struct HttpAnswer {
  enum class Kind : unsigned char {
    kAnswered,    // `status` is there, whatever it says
    kTimeout,     // nobody knows what became of the request
    kConnection,  // refused, reset, no such host
    kTls,         // the certificate, ours or theirs, is not accepted
    kSetup,       // wrong URL, a file that cannot be read: nothing was sent
    kAborted,
  };
  Kind kind = Kind::kConnection;
  int status = 0;
  std::string body;                                     // the beginning of it, valid UTF-8
  std::optional<std::chrono::nanoseconds> retry_after;  // seconds or a date; at most a day
  std::string error;  // for people, "" when answered: "connect to loki:3100: Connection refused"
  std::size_t sent_bytes = 0;

  bool ok() const { return kind == Kind::kAnswered && status >= 200 && status < 300; }
};

// What became of a request that is not ok(), for people: `error`, or "answered 401 Unauthorized:
// no org id" with the beginning of what the server said.
std::string Explain(const HttpAnswer& answer);

class HttpClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // Errors of `peer` are those of the first request.
  explicit HttpClient(config::PeerConfig peer);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Headers of the peer stand behind `headers`, which win where both name one.
  // To the peer's URL, with `path` put behind it where the URL has no path of its own ("" or "/").
  HttpAnswer Post(std::string_view path, std::string_view body, const Headers& headers);
  // Ends a Post() that is under way, and all later ones.
  void Abort();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::exporter
