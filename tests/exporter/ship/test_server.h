// A server that does to its client what a test asks for, on a port of its own, with or without TLS.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.h"

namespace tend::exporter {

// Files of PEM with certificates that were made for a test, in a folder that goes with it.
class Certificates {
 public:
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  std::string Path(std::string_view name) const { return folder_ + '/' + std::string(name); }
  std::string ca() const { return Path("ca.pem"); }
  // Key and certificate in one file, for `host`, by the authority of ca(), or by itself.
  std::string Make(std::string_view host, int days, bool by_itself = false);

 private:
  struct Authority;
  std::string folder_;
  std::unique_ptr<Authority> authority_;
};

struct TestTls {
  std::string certificate;  // key and certificate
  std::string clients_ca;   // "": clients need no certificate
};

// One connection, on the server's side. All of it gives up after some seconds.
class TestConnection {
 public:
  TestConnection(Fd fd, void* tls, int stopped)
      : fd_(std::move(fd)), tls_(tls), stopped_(stopped) {}
  // Head and body of a request; nothing when the client left.
  std::optional<std::string> ReadRequest();
  void Write(std::string_view text);
  std::string ReadAll();  // until the client closes
  void ReadSome();
  void WaitForClose();
  // Reads nothing until the server is stopped.
  void WaitUntilStopped();
  void Reset();  // with RST
  void Close();

 private:
  bool ReadMore();

  Fd fd_;
  void* tls_;
  int stopped_;
  std::string received_;
};

class TestServer {
 public:
  using Serve = std::function<void(TestConnection&)>;
  explicit TestServer(Serve serve, std::optional<TestTls> tls = std::nullopt);
  ~TestServer();  // once whoever has connected was served
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  int port() const { return port_; }
  std::string Url(std::string_view host = "127.0.0.1") const;
  int connections() const { return connections_.load(); }

 private:
  void Run();
  void ServeOne(Fd connection);

  Serve serve_;
  struct TlsContext;
  std::unique_ptr<TlsContext> tls_;
  Fd listener_, stopped_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

// Answers every request with the same, until it is told another, and keeps the last request.
class Echo {
 public:
  explicit Echo(std::string response) : response_(std::move(response)) {}
  void Answer(std::string response) {
    const std::lock_guard lock(mutex_);
    response_ = std::move(response);
  }
  std::string request() const {
    const std::lock_guard lock(mutex_);
    return request_;
  }
  void operator()(TestConnection& connection) {
    while (auto request = connection.ReadRequest()) {
      const std::lock_guard lock(mutex_);
      request_ = *std::move(request);
      connection.Write(response_);
    }
  }

 private:
  mutable std::mutex mutex_;
  std::string response_;
  std::string request_;
};

}  // namespace tend::exporter
