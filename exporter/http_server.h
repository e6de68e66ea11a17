// HTTP/1.1 on a TCP address and a unix socket, on a thread of its own, so that no scrape and no
// follower can hold up the collection of lines. Boost.Beast is behind it and nowhere else.
//
// On a loopback address, requests must be for localhost or an IP literal (Host), else 403: no web
// page may reach us through a name of its own (DNS rebinding). The unix socket has its file mode.
//
// Over TCP everything can only be read: GET and HEAD. Whoever may open the unix socket may also
// POST and PUT; handlers see which it was.
//
// Limits: 8 KiB of headers, 64 KiB of body (1 MiB on the unix socket), 10 s for a request to
// arrive, 30 s for a client to take what it asked for, kConnectionsMax connections; what is above
// them is closed.
//
// Owner: the composition root, which calls Start and Stop from its thread. Handlers run on the HTTP
// thread and must not block for long; one that throws makes a 500. Either listener may be missing:
// the other serves all the same.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "exporter/chunks.h"

namespace tend::exporter {

inline constexpr std::size_t kConnectionsMax = 256;

struct HttpRequest {
  std::string path;                               // percent-decoded, without query
  std::multimap<std::string, std::string> query;  // percent-decoded
  std::string host;                               // as the client calls us, with its port
  std::string accept;
  std::string accept_encoding;
  bool is_read = true;  // GET or HEAD; else POST or PUT, over the unix socket
  std::string body;

  // The first value of that name, or "".
  std::string Query(const std::string& name) const;
};

// A body that comes bit by bit. Destroyed as soon as the client has gone.
// Thread: the HTTP thread.
class BodyStream {
 public:
  BodyStream() = default;
  BodyStream(const BodyStream&) = delete;
  BodyStream& operator=(const BodyStream&) = delete;
  virtual ~BodyStream() = default;
  // What there is now, at most some 100 KiB; empty: nothing yet, ask again after pause(). Called
  // only when the client has taken all that was given before, so that a slow one costs no memory.
  virtual std::string Next() = 0;
  // True once everything was given out.
  virtual bool done() const = 0;
  virtual std::chrono::milliseconds pause() const { return std::chrono::milliseconds(100); }
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  SharedChunks shared;                 // instead of body, which others may be sent at the same time
  bool shared_is_gzip = false;         // for those whose accept_encoding takes it
  std::unique_ptr<BodyStream> stream;  // instead of body
  std::vector<std::pair<std::string, std::string>> headers;
};

// {"error":"…"} with that status.
HttpResponse ErrorResponse(unsigned status, const std::string& message);

struct HttpTimeouts {
  std::chrono::milliseconds read = std::chrono::seconds(10);  // for a request to arrive
  std::chrono::milliseconds write =
      std::chrono::seconds(30);  // for an answer, or a chunk, to leave
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  explicit HttpServer(Handler handler, HttpTimeouts timeouts = {});
  ~HttpServer();  // Stops.
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Listen before Start. `address` is "host:port", port 0 for any; host a name or an IP literal.
  // The error says who cannot be had, and why: "listen on 127.0.0.1:9616: Address already in use".
  Result<> ListenTcp(const std::string& address);
  // Takes the place of a socket file that nobody answers at; Errc::kBusy if somebody does, and
  // Errc::kExists if the file is no socket. The file's mode becomes 0660; it is left behind.
  Result<> ListenUnix(const std::string& path);
  // "127.0.0.1:41234", or "" if no TCP address is listened on.
  std::string bound_address() const;

  void Start();
  // Returns when no handler runs any more. Connections and their streams end with the server.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// "a%20b" → "a b"; "+" stays. What is no escape is left as it is.
std::string PercentDecode(std::string_view text);

}  // namespace tend::exporter
