#include "exporter/ship/stream_link.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace tend::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long a server may take to refuse our certificate. With TLS 1.3 it does so after the
// handshake; one that accepts says something, too (a session ticket), so this rarely passes.
constexpr milliseconds kRefusalTime{500};
constexpr milliseconds kSettleStepMax{20};
constexpr int kIgnoredReadsMax = 64;  // of one that should not say much, if anything

Error Refused(const Endpoint& to, std::string_view why) {
  return {Errc::kPermission, "tls: " + to.Name() + ": " + std::string(why)};
}

Error WrongFile(const std::string& path) {
  const char* why = ERR_reason_error_string(ERR_peek_last_error());
  return {Errc::kInvalid, "tls: " + path + ": " + (why == nullptr ? "cannot be used" : why)};
}

Error TooTalkative(const Endpoint& to) {
  return {Errc::kUnreachable, to.Name() + ": sends without end"};
}

bool IsAddress(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  return ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
}

}  // namespace

class StreamLink::Tls {
 public:
  Tls(Waiter& waiter, int fd, const Endpoint& to) : waiter_(waiter), fd_(fd), to_(to) {}
  ~Tls() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  Result<> Open(const config::TlsConfig& config, Mono deadline) {
    ERR_clear_error();
    is_insecure_ = config.insecure;
    context_ = SSL_CTX_new(TLS_client_method());
    TRY_VOID(Prepare(config));
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
    SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    const std::string& name = config.server_name.empty() ? to_.host : config.server_name;
    if (IsAddress(name)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), name.c_str());
    } else {
      SSL_set1_host(ssl_, name.c_str());
      // SSL_set_tlsext_host_name, which is a macro with a cast
      SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               const_cast<char*>(name.c_str()));
    }
    TRY_VOID(Drive([this] { return SSL_connect(ssl_); }, deadline));
    if (SSL_version(ssl_) < TLS1_3_VERSION) return {};
    const auto heard =
        waiter_.Wait(fd_, POLLIN, std::min(deadline, steady_clock::now() + kRefusalTime));
    if (!heard && heard.error().code() != Errc::kTimeout) return heard.error();
    return Discard();
  }

  Result<std::size_t> Write(std::string_view bytes, Mono deadline) {
    int n = 0;
    TRY_VOID(Drive(
        [&] {
          // A record holds 16 KiB anyway.
          n = SSL_write(ssl_, bytes.data(),
                        static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 16)));
          return n;
        },
        deadline));
    return static_cast<std::size_t>(n);
  }

  // Reads what is there and forgets it.
  Result<> Discard() {
    std::array<char, 4096> buffer{};
    for (int i = 0; i < kIgnoredReadsMax; ++i) {
      ERR_clear_error();
      const int n = SSL_read(ssl_, buffer.data(), int{buffer.size()});
      if (n > 0) continue;
      const int why = SSL_get_error(ssl_, n);
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {};
      return Failure(why);
    }
    return TooTalkative(to_);
  }

 private:
  Result<> Prepare(const config::TlsConfig& config) {
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_verify(context_, config.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (config.ca_file.empty()) {
      SSL_CTX_set_default_verify_paths(context_);
    } else if (SSL_CTX_load_verify_file(context_, config.ca_file.c_str()) != 1) {
      return WrongFile(config.ca_file);
    }
    if (config.cert_file.empty()) return {};
    const std::string& key = config.key_file.empty() ? config.cert_file : config.key_file;
    if (SSL_CTX_use_certificate_chain_file(context_, config.cert_file.c_str()) != 1)
      return WrongFile(config.cert_file);
    if (SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1)
      return WrongFile(key);
    return {};
  }

  template <typename Operation>
  Result<> Drive(Operation operation, Mono deadline) {
    while (true) {
      ERR_clear_error();
      const int n = operation();
      if (n > 0) return {};
      const int why = SSL_get_error(ssl_, n);
      if (why == SSL_ERROR_WANT_READ) {
        TRY_VOID(waiter_.Wait(fd_, POLLIN, deadline));
      } else if (why == SSL_ERROR_WANT_WRITE) {
        TRY_VOID(waiter_.Wait(fd_, POLLOUT, deadline));
      } else {
        return Failure(why);
      }
    }
  }

  Error Failure(int why) {
    const int number = errno;
    if (why == SSL_ERROR_SSL) {
      if (const long verified = SSL_get_verify_result(ssl_); verified != X509_V_OK && !is_insecure_)
        return Refused(to_, X509_verify_cert_error_string(verified));
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      // A peer that just leaves is no matter of certificates.
      if (ERR_GET_REASON(ERR_peek_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return Refused(to_, reason == nullptr ? "failed" : reason);
    }
    if (why == SSL_ERROR_SYSCALL && number != 0) return SysError(to_.Name(), number);
    return {Errc::kUnreachable, to_.Name() + ": closed the connection"};
  }

  Waiter& waiter_;
  const int fd_;
  const Endpoint& to_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  bool is_insecure_ = false;  // whatever the peer's certificate is
};

StreamLink::StreamLink(Waiter& waiter, Endpoint to, bool uses_tls, config::TlsConfig tls)
    : waiter_(waiter),
      connector_(waiter),
      to_(std::move(to)),
      uses_tls_(uses_tls),
      tls_config_(std::move(tls)) {}

StreamLink::~StreamLink() = default;

Result<> StreamLink::Send(std::string_view bytes, Mono deadline) {
  sent_bytes_ = 0;
  // The other end may have closed a connection that was not used for a while.
  if (fd_.valid() && !CheckOpen()) Close();
  if (!fd_.valid()) {
    if (auto opened = Open(deadline); !opened) {
      Close();
      return opened;
    }
  }
  auto sent = Write(bytes, deadline);
  if (sent) sent = Settle(deadline);
  if (sent) return {};
  Close();
  if (sent.error().code() == Errc::kTimeout)
    return Error(Errc::kTimeout, to_.Name() + ": does not take what is sent");
  return sent;
}

Result<> StreamLink::Open(Mono deadline) {
  TRY(fd_, connector_.Connect(to_, SOCK_STREAM, deadline));
  if (!uses_tls_) return {};
  tls_ = std::make_unique<Tls>(waiter_, fd_.get(), to_);
  auto opened = tls_->Open(tls_config_, deadline);
  if (!opened && opened.error().code() == Errc::kTimeout)
    return Error(Errc::kTimeout, "tls: " + to_.Name() + ": no answer");
  return opened;
}

void StreamLink::Close() {
  tls_.reset();
  fd_.Reset();
}

Result<> StreamLink::Write(std::string_view bytes, Mono deadline) {
  while (!bytes.empty()) {
    if (tls_ != nullptr) {
      TRY(const std::size_t written, tls_->Write(bytes, deadline));
      bytes.remove_prefix(written);
      sent_bytes_ += written;
      continue;
    }
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      sent_bytes_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      TRY_VOID(waiter_.Wait(fd_.get(), POLLOUT, deadline));
    } else if (errno != EINTR) {
      return SysError(to_.Name(), errno);
    }
  }
  return {};
}

Result<> StreamLink::Settle(Mono deadline) {
  milliseconds step{1};
  while (true) {
    int unacknowledged = 0;
    if (::ioctl(fd_.get(), SIOCOUTQ, &unacknowledged) != 0) return SysError("ioctl", errno);
    TRY_VOID(CheckOpen());
    if (unacknowledged == 0) return {};
    const Mono now = steady_clock::now();
    if (now >= deadline) return Error(Errc::kTimeout, "timed out");
    TRY_VOID(waiter_.Pause(std::min(deadline, now + step)));
    step = std::min(2 * step, kSettleStepMax);
  }
}

Result<> StreamLink::CheckOpen() {
  if (tls_ != nullptr) return tls_->Discard();
  std::array<char, 4096> buffer{};
  for (int i = 0; i < kIgnoredReadsMax; ++i) {
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0) return Error(Errc::kUnreachable, to_.Name() + ": closed the connection");
    if (n < 0 && errno == EAGAIN) return {};
    if (n < 0 && errno != EINTR) return SysError(to_.Name(), errno);
  }
  return TooTalkative(to_);
}

}  // namespace tend::exporter
