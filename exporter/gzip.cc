#include "exporter/gzip.h"

#include <zlib.h>

#include <array>

namespace tend::exporter {

struct GzipStream::Impl {
  Impl() {
    // 15 bits of window, and 16 more for gzip's own header.
    constexpr int kGzipWindow = 15 + 16;
    ok = deflateInit2(&stream, 1, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Impl() {
    if (ok) deflateEnd(&stream);
  }

  void Deflate(std::string_view text, int flush, std::string& out) {
    if (!ok) return;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    std::array<Bytef, 16 * 1024> buffer;
    do {
      stream.next_out = buffer.data();
      stream.avail_out = static_cast<uInt>(buffer.size());
      deflate(&stream, flush);
      out.append(reinterpret_cast<const char*>(buffer.data()), buffer.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }

  z_stream stream{};
  bool ok = false;
};

GzipStream::GzipStream() : impl_(std::make_unique<Impl>()) {}
GzipStream::~GzipStream() = default;

bool GzipStream::ok() const {
  return impl_->ok;
}

void GzipStream::Add(std::string_view text, std::string& out) {
  impl_->Deflate(text, Z_NO_FLUSH, out);
}

void GzipStream::Finish(std::string& out) {
  impl_->Deflate({}, Z_FINISH, out);
}

std::string Gzip(std::string_view text) {
  std::string out;
  GzipStream stream;
  stream.Add(text, out);
  stream.Finish(out);
  return out;
}

}  // namespace tend::exporter
