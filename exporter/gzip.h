// gzip (RFC 1952), level 1, for what goes over HTTP.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tend::exporter {

// `text` as one member; "" if zlib has no memory for it.
std::string Gzip(std::string_view text);

// The same, piece by piece: what was packed so far is appended to the caller's text.
class GzipStream {
 public:
  GzipStream();
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  // False: zlib has no memory.
  bool ok() const;
  void Add(std::string_view text, std::string& out);
  // Once, at the end.
  void Finish(std::string& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tend::exporter
