#include "exporter/http_server.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "exporter/gzip.h"
#include "exporter/http_text.h"
#include "exporter/negotiate.h"

namespace tend::exporter {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

constexpr std::size_t kHeaderMax = 8 * 1024;
constexpr std::size_t kBodyMax = 64 * 1024;
constexpr std::size_t kLocalBodyMax = 1024 * 1024;
// Smaller bodies are not worth the time.
constexpr std::size_t kGzipMin = 16 * 1024;
// What a refused client may still say before we stop listening.
constexpr std::size_t kDiscardMax = 256 * 1024;
constexpr auto kRetryEvery = std::chrono::milliseconds(100);
constexpr auto kDiscardTimeout = std::chrono::seconds(1);

// Sends chunks that it shares with others.
struct ChunksBody {
  using value_type = SharedChunks;

  class writer {
   public:
    using const_buffers_type = asio::const_buffer;
    template <bool kIsRequest, typename Fields>
    writer(const http::header<kIsRequest, Fields>&, const value_type& chunks) : chunks_(*chunks) {}

    void init(error_code& ec) { ec = {}; }
    boost::optional<std::pair<const_buffers_type, bool>> get(error_code& ec) {
      ec = {};
      if (next_ == chunks_.size()) return boost::none;
      const std::string& chunk = chunks_[next_++];
      return {{asio::buffer(chunk), next_ < chunks_.size()}};
    }

   private:
    const Chunks& chunks_;
    std::size_t next_ = 0;
  };
};

// What all sessions share.
struct Shared {
  HttpServer::Handler handler;
  HttpTimeouts timeouts;
  std::size_t connections = 0;
  bool only_loopback = true;
};

// One connection. Lives as long as an operation of it is pending.
template <typename Protocol>
class Session final : public std::enable_shared_from_this<Session<Protocol>> {
 public:
  using Socket = asio::basic_stream_socket<Protocol>;

  Session(Socket socket, Shared& shared, bool is_tcp)
      : stream_(std::move(socket)),
        timer_(stream_.get_executor()),
        shared_(shared),
        is_tcp_(is_tcp) {
    ++shared_.connections;
  }
  ~Session() { --shared_.connections; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Read() {
    parser_.emplace();
    parser_->header_limit(kHeaderMax);
    parser_->body_limit(is_tcp_ ? kBodyMax : kLocalBodyMax);
    stream_.expires_after(shared_.timeouts.read);
    http::async_read(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](error_code ec, std::size_t) { self->OnRead(ec); });
  }

 private:
  void OnRead(error_code ec) {
    if (ec == http::error::header_limit) return Refuse(431, "the request's headers are too large");
    if (ec == http::error::body_limit) return Refuse(413, "the request's body is too large");
    if (ec.category() == http::make_error_code(http::error::end_of_stream).category() &&
        ec != http::error::end_of_stream && ec != http::error::partial_message) {
      return Refuse(400, "not an HTTP request");
    }
    if (ec) return Close();
    keep_alive_ = parser_->get().keep_alive();
    version_ = parser_->get().version();
    Respond(Answer());
  }

  bool MayAnswer(http::verb method) const {
    const bool writes = method == http::verb::post || method == http::verb::put;
    return method == http::verb::get || head_ || (writes && !is_tcp_);
  }

  HttpResponse Answer() {
    auto& request = parser_->get();
    head_ = request.method() == http::verb::head;
    const auto host = request[http::field::host];
    if (is_tcp_ && shared_.only_loopback && !IsLocalHost({host.data(), host.size()})) {
      return ErrorResponse(403, "this server answers to localhost and IP addresses only");
    }
    if (!MayAnswer(request.method())) {
      const std::string methods = is_tcp_ ? "GET, HEAD" : "GET, HEAD, POST, PUT";
      HttpResponse refusal = ErrorResponse(405, "only " + methods + " are served here");
      refusal.headers.emplace_back("Allow", methods);
      return refusal;
    }
    HttpRequest parsed;
    const auto target = request.target();
    if (!ParseTarget({target.data(), target.size()}, parsed)) {
      return ErrorResponse(400, "the address cannot be read");
    }
    const auto text_of = [&](http::field field) {
      const auto value = request[field];
      return std::string(value.data(), value.size());
    };
    parsed.host = text_of(http::field::host);
    parsed.accept = text_of(http::field::accept);
    parsed.accept_encoding = text_of(http::field::accept_encoding);
    parsed.is_read = request.method() == http::verb::get || head_;
    parsed.body = std::move(request.body());
    gzip_ = AcceptsGzip(parsed.accept_encoding);
    // The last frame before Asio: what is thrown beyond it ends the process.
    try {
      return shared_.handler(parsed);
    } catch (const std::exception& e) {
      return ErrorResponse(500, std::string("tend-sidecar failed to answer: ") + e.what());
    }
  }

  void Refuse(unsigned status, const std::string& message) {
    keep_alive_ = false;
    refused_ = true;
    Respond(ErrorResponse(status, message));
  }

  template <typename Message>
  void SetFields(Message& message, const HttpResponse& response) const {
    message.set(http::field::server, "tend");
    message.set(http::field::content_type, response.content_type);
    message.set(http::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    for (const auto& header : response.headers)
      message.set(header.first, header.second);
    message.keep_alive(keep_alive_);
  }

  void Respond(HttpResponse response) {
    if (response.stream) return StartStream(std::move(response));
    if (response.shared) return SendShared(response);
    auto message = std::make_shared<http::response<http::string_body>>(
        static_cast<http::status>(response.status), version_);
    SetFields(*message, response);
    message->set(http::field::vary, "Accept, Accept-Encoding");
    std::string packed;
    if (gzip_ && response.body.size() >= kGzipMin) packed = Gzip(response.body);
    if (!packed.empty()) {
      message->set(http::field::content_encoding, "gzip");
      response.body = std::move(packed);
    }
    message->content_length(response.body.size());
    if (!head_) message->body() = std::move(response.body);
    Send(std::move(message));
  }

  void SendShared(const HttpResponse& response) {
    auto message = std::make_shared<http::response<ChunksBody>>(
        static_cast<http::status>(response.status), version_);
    SetFields(*message, response);
    message->set(http::field::vary, "Accept, Accept-Encoding");
    if (response.shared_is_gzip) message->set(http::field::content_encoding, "gzip");
    message->content_length(SizeOf(*response.shared));
    message->body() = response.shared;
    Send(std::move(message));
  }

  template <typename Body>
  void Send(std::shared_ptr<http::response<Body>> message) {
    stream_.expires_after(shared_.timeouts.write);
    const auto done = [self = this->shared_from_this(), message](error_code ec, std::size_t) {
      if (!ec && self->refused_) return self->Discard();
      if (ec || !self->keep_alive_) return self->Close();
      self->Read();
    };
    if (!head_) return http::async_write(stream_, *message, done);
    auto serializer = std::make_shared<http::response_serializer<Body>>(*message);
    http::async_write_header(stream_, *serializer,
                             [serializer, done](error_code ec, std::size_t n) { done(ec, n); });
  }

  // Closing with bytes unread makes the kernel send a reset, which may overtake the answer.
  void Discard() {
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_send, ignored);
    stream_.expires_after(kDiscardTimeout);
    DiscardMore(0);
  }

  void DiscardMore(std::size_t total) {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kHeaderMax), [self = this->shared_from_this(), total](
                                                             error_code ec, std::size_t size) {
      if (ec || total + size > kDiscardMax) return self->Close();
      self->DiscardMore(total + size);
    });
  }

  void StartStream(HttpResponse response) {
    chunked_ = version_ >= 11;
    keep_alive_ = false;  // The connection ends with its stream.
    auto message = std::make_shared<http::response<http::empty_body>>(
        static_cast<http::status>(response.status), version_);
    SetFields(*message, response);
    if (chunked_) message->chunked(true);
    body_ = std::move(response.stream);
    auto serializer = std::make_shared<http::response_serializer<http::empty_body>>(*message);
    stream_.expires_after(shared_.timeouts.write);
    http::async_write_header(
        stream_, *serializer,
        [self = this->shared_from_this(), message, serializer](error_code ec, std::size_t) {
          if (ec) return self->Close();
          if (self->head_) return self->EndStream();
          self->WatchForGoodbye();
          self->Pump();
        });
  }

  // A client that follows says nothing; the next byte, or the end, means that it has left.
  void WatchForGoodbye() {
    stream_.expires_never();
    stream_.async_read_some(
        asio::buffer(goodbye_),
        [self = this->shared_from_this()](error_code, std::size_t) { self->Close(); });
  }

  void Pump() {
    if (!body_) return;
    auto data = std::make_shared<std::string>();
    try {
      *data = body_->Next();
    } catch (const std::exception&) {
      return Close();  // Without the last chunk, so that the client sees that something is missing.
    }
    if (data->empty()) {
      if (body_->done()) return EndStream();
      timer_.expires_after(body_->pause());
      timer_.async_wait([self = this->shared_from_this()](error_code ec) {
        if (!ec) self->Pump();
      });
      return;
    }
    stream_.expires_after(shared_.timeouts.write);
    const auto done = [self = this->shared_from_this(), data](error_code ec, std::size_t) {
      if (ec) return self->Close();
      self->Pump();
    };
    if (chunked_) {
      asio::async_write(stream_, http::make_chunk(asio::buffer(*data)), done);
    } else {
      asio::async_write(stream_, asio::buffer(*data), done);
    }
  }

  void EndStream() {
    body_.reset();
    if (!chunked_ || head_) return Close();
    stream_.expires_after(shared_.timeouts.write);
    asio::async_write(
        stream_, http::make_chunk_last(),
        [self = this->shared_from_this()](error_code, std::size_t) { self->Close(); });
  }

  void Close() {
    body_.reset();
    timer_.cancel();
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_send, ignored);
    stream_.close();
  }

  beast::basic_stream<Protocol> stream_;
  asio::steady_timer timer_;
  Shared& shared_;
  const bool is_tcp_;
  beast::flat_buffer buffer_{kHeaderMax + kLocalBodyMax};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::unique_ptr<BodyStream> body_;
  std::array<char, 1> goodbye_{};
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool refused_ = false;
  bool head_ = false;
  bool gzip_ = false;
  bool chunked_ = false;
};

template <typename Protocol>
class Listener {
 public:
  Listener(asio::io_context& io, Shared& shared, bool is_tcp)
      : acceptor_(io), retry_(io), shared_(shared), is_tcp_(is_tcp) {}

  error_code Listen(const typename Protocol::endpoint& endpoint) {
    error_code ec;
    acceptor_.open(endpoint.protocol(), ec);
    if (!ec && is_tcp_) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
    // A socket file is born with the mode of its socket: nobody may connect before ListenUnix says.
    if (!ec && !is_tcp_) ::fchmod(acceptor_.native_handle(), 0600);
    if (!ec) acceptor_.bind(endpoint, ec);
    if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
      error_code ignored;
      acceptor_.close(ignored);
    }
    return ec;
  }

  void Accept() {
    acceptor_.async_accept([this](error_code ec, asio::basic_stream_socket<Protocol> socket) {
      if (ec == asio::error::operation_aborted) return;
      if (ec) return AcceptLater();
      if (shared_.connections < kConnectionsMax) {
        std::make_shared<Session<Protocol>>(std::move(socket), shared_, is_tcp_)->Read();
      }
      Accept();
    });
  }

  auto endpoint() const { return acceptor_.local_endpoint(); }

 private:
  // Out of descriptors, most likely: trying at once would only burn the processor.
  void AcceptLater() {
    retry_.expires_after(kRetryEvery);
    retry_.async_wait([this](error_code ec) {
      if (!ec) Accept();
    });
  }

  asio::basic_socket_acceptor<Protocol> acceptor_;
  asio::steady_timer retry_;
  Shared& shared_;
  const bool is_tcp_;
};

Error ListenError(const std::string& where, const error_code& ec) {
  return SysError("listen on " + where, ec.value());
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Handler handler, HttpTimeouts timeouts) {
    shared_.handler = std::move(handler);
    shared_.timeouts = timeouts;
  }

  Result<> ListenTcp(const std::string& address) {
    std::string host, port;
    if (!SplitAddress(address, host, port)) {
      return Error(Errc::kInvalid, "\"" + address + "\" is not an address like 127.0.0.1:9616");
    }
    error_code ec;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(host, port, tcp::resolver::passive, ec);
    if (ec || found.empty()) return Error(Errc::kInvalid, "cannot resolve " + address);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    auto listener = std::make_unique<Listener<tcp>>(io_, shared_, true);
    if (ec = listener->Listen(endpoint); ec) return ListenError(address, ec);
    shared_.only_loopback = endpoint.address().is_loopback();
    tcp_ = std::move(listener);
    return {};
  }

  Result<> ListenUnix(const std::string& path) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      return Error(Errc::kInvalid, "listen on " + path + ": a socket's path has at most " +
                                       std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                                       " bytes");
    }
    const stream_protocol::endpoint endpoint(path);
    auto listener = std::make_unique<Listener<stream_protocol>>(io_, shared_, false);
    error_code ec = listener->Listen(endpoint);
    if (ec == asio::error::address_in_use) {
      TRY_VOID(RemoveStaleSocket(endpoint));
      ec = listener->Listen(endpoint);
    }
    if (ec) return ListenError(path, ec);
    if (::chmod(path.c_str(), 0660) != 0) return SysError("chmod " + path, errno);
    unix_ = std::move(listener);
    return {};
  }

  std::string bound_address() const {
    if (!tcp_) return {};
    const tcp::endpoint endpoint = tcp_->endpoint();
    const std::string host = endpoint.address().to_string();
    const std::string shown = endpoint.address().is_v6() ? '[' + host + ']' : host;
    return shown + ':' + std::to_string(endpoint.port());
  }

  void Start() {
    if (tcp_) tcp_->Accept();
    if (unix_) unix_->Accept();
    thread_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "tend-http");
      io_.run();
    });
  }

  void Stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  // Only a socket, and only one that nobody listens at.
  Result<> RemoveStaleSocket(const stream_protocol::endpoint& endpoint) {
    const std::string path = endpoint.path();
    struct stat file {};
    if (::lstat(path.c_str(), &file) == 0 && !S_ISSOCK(file.st_mode)) {
      return Error(Errc::kExists, "listen on " + path + ": there is a file that is no socket");
    }
    asio::basic_stream_socket<stream_protocol> probe(io_);
    error_code ec;
    probe.open(endpoint.protocol(), ec);
    // A listener with a full queue would hold up a blocking connect for ever.
    if (!ec) probe.non_blocking(true, ec);
    if (!ec) probe.connect(endpoint, ec);
    if (ec == asio::error::connection_refused) ::unlink(path.c_str());
    if (ec == asio::error::connection_refused || ec.value() == ENOENT) return {};
    return Error(Errc::kBusy, "listen on " + path + ": somebody else answers there");
  }

  Shared shared_;  // Outlives the sessions, which io_ owns.
  asio::io_context io_{1};
  std::unique_ptr<Listener<tcp>> tcp_;
  std::unique_ptr<Listener<stream_protocol>> unix_;
  std::thread thread_;
};

HttpServer::HttpServer(Handler handler, HttpTimeouts timeouts)
    : impl_(std::make_unique<Impl>(std::move(handler), timeouts)) {}
HttpServer::~HttpServer() {
  impl_->Stop();
}
Result<> HttpServer::ListenTcp(const std::string& address) {
  return impl_->ListenTcp(address);
}
Result<> HttpServer::ListenUnix(const std::string& path) {
  return impl_->ListenUnix(path);
}
std::string HttpServer::bound_address() const {
  return impl_->bound_address();
}
void HttpServer::Start() {
  impl_->Start();
}
void HttpServer::Stop() {
  impl_->Stop();
}

}  // namespace tend::exporter
