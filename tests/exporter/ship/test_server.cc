#include "exporter/ship/test_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"

namespace tend::exporter {
namespace {

constexpr timeval kPatience{20, 0};
constexpr long kDay = 24L * 3600;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

void Extend(X509* certificate, int what, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
  TEND_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::unique_ptr<X509, decltype(&X509_free)> NewCertificate(std::string_view host,
                                                           int days,
                                                           EVP_PKEY* key) {
  static long serial = 1;
  std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -10 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), days * kDay);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(std::string(host).c_str()), -1,
                             -1, 0);
  return made;
}

}  // namespace

struct Certificates::Authority {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  std::unique_ptr<X509, decltype(&X509_free)> certificate{nullptr, X509_free};
  ~Authority() { EVP_PKEY_free(key); }
};

Certificates::Certificates() : authority_(std::make_unique<Authority>()) {
  std::string name = std::filesystem::temp_directory_path() / "tend-certificates-XXXXXX";
  TEND_CHECK(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
  authority_->certificate = NewCertificate("tend test authority", 10, authority_->key);
  X509* own = authority_->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  Extend(own, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(own, authority_->key, EVP_sha256());
  const File file(std::fopen(ca().c_str(), "w"));
  TEND_CHECK(file != nullptr);
  PEM_write_X509(file.get(), own);
}

Certificates::~Certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Certificates::Make(std::string_view host, int days, bool by_itself) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  const auto made = NewCertificate(host, days, key);
  const bool is_address = host.find_first_not_of("0123456789.") == std::string_view::npos;
  Extend(made.get(), NID_subject_alt_name, (is_address ? "IP:" : "DNS:") + std::string(host));
  const X509* issuer = by_itself ? made.get() : authority_->certificate.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
  X509_sign(made.get(), by_itself ? key : authority_->key, EVP_sha256());
  const std::string path =
      Path(std::string(host) + std::to_string(days) + (by_itself ? "-self" : "") + ".pem");
  const File file(std::fopen(path.c_str(), "w"));
  TEND_CHECK(file != nullptr);
  PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_X509(file.get(), made.get());
  EVP_PKEY_free(key);
  return path;
}

bool TestConnection::ReadMore() {
  std::array<char, 16384> buffer{};
  const ssize_t n = tls_ != nullptr
                        ? SSL_read(static_cast<SSL*>(tls_), buffer.data(), int{buffer.size()})
                        : ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (n > 0) received_.append(buffer.data(), static_cast<std::size_t>(n));
  return n > 0;
}

std::optional<std::string> TestConnection::ReadRequest() {
  constexpr std::string_view kLength = "Content-Length: ";
  while (true) {
    if (const std::size_t end = received_.find("\r\n\r\n"); end != std::string::npos) {
      const std::size_t at = received_.find(kLength);
      const std::size_t body =
          at < end ? static_cast<std::size_t>(std::atol(received_.c_str() + at + kLength.size()))
                   : 0;
      if (received_.size() >= end + 4 + body) {
        std::string request = received_.substr(0, end + 4 + body);
        received_.erase(0, request.size());
        return request;
      }
    }
    if (!ReadMore()) return std::nullopt;
  }
}

void TestConnection::Write(std::string_view text) {
  if (tls_ != nullptr) {
    SSL_write(static_cast<SSL*>(tls_), text.data(), static_cast<int>(text.size()));
  } else {
    static_cast<void>(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }
}

void TestConnection::WaitForClose() {
  while (ReadMore())
    received_.clear();
}

std::string TestConnection::ReadAll() {
  while (ReadMore()) {
  }
  return received_;
}

void TestConnection::ReadSome() {
  ReadMore();
}

void TestConnection::WaitUntilStopped() {
  pollfd wait{stopped_, POLLIN, 0};
  ::poll(&wait, 1, kPatience.tv_sec * 1000);
}

void TestConnection::Reset() {
  constexpr linger kAtOnce{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &kAtOnce, sizeof kAtOnce);
  fd_.Reset();
}

void TestConnection::Close() {
  fd_.Reset();
}

struct TestServer::TlsContext {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  ~TlsContext() { SSL_CTX_free(context); }
};

TestServer::TestServer(Serve serve, std::optional<TestTls> tls) : serve_(std::move(serve)) {
  ::signal(SIGPIPE, SIG_IGN);
  if (tls) {
    tls_ = std::make_unique<TlsContext>();
    const char* file = tls->certificate.c_str();
    TEND_CHECK(SSL_CTX_use_certificate_file(tls_->context, file, SSL_FILETYPE_PEM) == 1);
    TEND_CHECK(SSL_CTX_use_PrivateKey_file(tls_->context, file, SSL_FILETYPE_PEM) == 1);
    if (!tls->clients_ca.empty()) {
      SSL_CTX_load_verify_file(tls_->context, tls->clients_ca.c_str());
      SSL_CTX_set_verify(tls_->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  stopped_ = Fd(::eventfd(0, EFD_CLOEXEC));
  listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  TEND_CHECK(::bind(listener_.get(), raw, size) == 0 && ::listen(listener_.get(), 16) == 0);
  TEND_CHECK(::getsockname(listener_.get(), raw, &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

TestServer::~TestServer() {
  ::eventfd_write(stopped_.get(), 1);
  thread_.join();
}

std::string TestServer::Url(std::string_view host) const {
  return (tls_ ? "https://" : "http://") + std::string(host) + ':' + std::to_string(port_);
}

void TestServer::Run() {
  while (true) {
    std::array<pollfd, 2> waits{pollfd{listener_.get(), POLLIN, 0},
                                pollfd{stopped_.get(), POLLIN, 0}};
    ::poll(waits.data(), waits.size(), -1);
    if (waits[0].revents == 0) return;
    ServeOne(Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
  }
}

void TestServer::ServeOne(Fd connection) {
  ++connections_;
  ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  if (!tls_) {
    TestConnection plain(std::move(connection), nullptr, stopped_.get());
    return serve_(plain);
  }
  SSL* tls = SSL_new(tls_->context);
  SSL_set_fd(tls, connection.get());
  if (SSL_accept(tls) == 1) {
    TestConnection secret(std::move(connection), tls, stopped_.get());
    serve_(secret);
    SSL_shutdown(tls);
  }
  SSL_free(tls);
}

}  // namespace tend::exporter
