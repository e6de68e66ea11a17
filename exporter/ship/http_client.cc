#include "exporter/ship/http_client.h"

#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include <curl/curl.h>

#include "base/check.h"
#include "base/time.h"
#include "base/utf8.h"
#include "exporter/ship/peer.h"

namespace tend::exporter {
namespace {

using std::chrono::milliseconds;

// What is read of a body whose rest nobody wants; then the connection is closed.
constexpr std::size_t kBodyMaxBytes = 1 << 20;
constexpr curl_off_t kRetryAfterMax = 24 * 60 * 60;
constexpr long kCaCacheSeconds = 60;  // curl's own default is a day: a new file would not be seen

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* what) const {
    Free(what);
  }
};
using UrlPtr = std::unique_ptr<CURLU, Freer<curl_url_cleanup>>;
using EasyPtr = std::unique_ptr<CURL, Freer<curl_easy_cleanup>>;
using MultiPtr = std::unique_ptr<CURLM, Freer<curl_multi_cleanup>>;
using ListPtr = std::unique_ptr<curl_slist, Freer<curl_slist_free_all>>;

void Append(ListPtr& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  TEND_CHECK(longer != nullptr);
  static_cast<void>(list.release());
  list.reset(longer);
}

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

// An URL taken apart, and what follows from it.
struct Target {
  std::string url;         // for curl
  std::string peer;        // "loki:3100", for people
  std::string connect_to;  // "name:port:host:port": where `url` has the certificate's name; or ""
  std::string host;        // header, where `url` has another name; or ""
};

Result<Target> ParseTarget(const std::string& text,
                           std::string_view path,
                           const std::string& server_name) {
  const UrlPtr url(curl_url());
  TEND_CHECK(url != nullptr);
  if (const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0);
      code != CURLUE_OK)
    return Error(Errc::kInvalid, std::string("wrong URL: ") + curl_url_strerror(code));
  const std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https")
    return Error(Errc::kInvalid, "wrong URL: it must begin with http:// or https://");
  const std::string host = Part(url.get(), CURLUPART_HOST);
  const std::string port = Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  Target target{.url = {}, .peer = host + ':' + port, .connect_to = {}, .host = {}};
  if (!path.empty() && Part(url.get(), CURLUPART_PATH) == "/")
    curl_url_set(url.get(), CURLUPART_PATH, std::string(path).c_str(), 0);
  if (scheme == "https" && !server_name.empty() && server_name != host) {
    if (curl_url_set(url.get(), CURLUPART_HOST, server_name.c_str(), 0) != CURLUE_OK)
      return Error(Errc::kInvalid, "wrong server name for TLS");
    target.connect_to = server_name + ':' + port + ':' + host + ':' + port;
    target.host = target.peer;
  }
  target.url = Part(url.get(), CURLUPART_URL);
  return target;
}

// curl would say "Problem with the SSL CA cert (path? access rights?)".
Result<> CheckReadable(const std::string& path) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
  return SysError(path, errno);
}

bool SameHeader(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

Result<> AddHeader(ListPtr& list, std::string_view name, std::string_view value) {
  const auto is_control = [](char c) { return c >= 0 && c < ' ' && c != '\t'; };
  if (name.empty() || name.find_first_of(" :\r\n") != std::string_view::npos ||
      std::any_of(value.begin(), value.end(), is_control))
    return Error(Errc::kInvalid, "wrong header " + FirstLine(name));
  // "Name:" would remove one, "Name;" sends it empty.
  std::string line(name);
  line.append(value.empty() ? ";" : ": ").append(value);
  Append(list, line);
  return {};
}

// OpenSSL's and curl's words around what matters: "SSL certificate problem: unable to get local
// issuer certificate", "OpenSSL SSL_read: error:0A000412:SSL routines::sslv3 alert bad
// certificate, errno 0".
std::string TlsReason(std::string_view text) {
  constexpr std::string_view kRoutines = "SSL routines::";
  if (const std::size_t at = text.find(kRoutines); at != std::string_view::npos) {
    text.remove_prefix(at + kRoutines.size());
    text = text.substr(0, text.find(", errno"));
  }
  for (const std::string_view prefix : {"SSL certificate problem: ", "SSL: "})
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return FirstLine(text);
}

bool IsTls(CURLcode code, std::string_view text) {
  constexpr auto kCodes = std::to_array<CURLcode>(
      {CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
       CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_USE_SSL_FAILED,
       CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_INVALIDCERTSTATUS});
  // With TLS 1.3 a server refuses our certificate after the handshake.
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end() ||
         text.find("SSL routines::") != std::string_view::npos;
}

std::string_view Reason(int status) {
  switch (status) {
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 405:
      return " Method Not Allowed";
    case 413:
      return " Content Too Large";
    case 422:
      return " Unprocessable Content";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    case 504:
      return " Gateway Timeout";
    default:
      return "";
  }
}

HttpAnswer Failed(HttpAnswer::Kind kind, std::string error) {
  HttpAnswer answer;
  answer.kind = kind;
  answer.error = std::move(error);
  return answer;
}

// What is kept of a body as it comes.
struct Body {
  std::string text;
  std::size_t received = 0;
};

std::size_t OnBody(char* data, std::size_t, std::size_t size, void* out) {
  auto& body = *static_cast<Body*>(out);
  body.received += size;
  body.text.append(data, std::min(size, kAnswerMaxBytes - body.text.size()));
  return body.received <= kBodyMaxBytes ? size : 0;
}

// The error buffer has the first thing that went wrong. When a server refuses our certificate and
// leaves, that may be a word about its address, before what it said of the certificate.
int OnWords(CURL*, curl_infotype type, char* data, std::size_t size, void* out) {
  const std::string_view words(data, size);
  if (type == CURLINFO_TEXT && words.find("SSL routines::") != std::string_view::npos)
    *static_cast<std::string*>(out) = words;
  return 0;
}

std::string MakeUtf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    out.append(length == 0 ? kReplacementCharacter : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

void InitializeOnce() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  TEND_CHECK(code == CURLE_OK);
}

}  // namespace

std::string Explain(const HttpAnswer& answer) {
  if (answer.kind != HttpAnswer::Kind::kAnswered) return answer.error;
  std::string text = "answered " + std::to_string(answer.status);
  text.append(Reason(answer.status));
  if (const std::string said = FirstLine(answer.body); !said.empty())
    text.append(": ").append(said);
  return text;
}

class HttpClient::Impl {
 public:
  explicit Impl(config::PeerConfig peer) : peer_(std::move(peer)) {
    InitializeOnce();
    multi_.reset(curl_multi_init());
    easy_.reset(curl_easy_init());
    TEND_CHECK(multi_ != nullptr && easy_ != nullptr);
  }

  HttpAnswer Post(std::string_view path, std::string_view body, const Headers& headers) {
    auto url = PeerUrl(peer_);
    if (!url) return Failed(HttpAnswer::Kind::kSetup, url.error().message());
    auto target = ParseTarget(*url, path, peer_.tls.server_name);
    if (!target) return Failed(HttpAnswer::Kind::kSetup, target.error().message());

    curl_easy_reset(easy_.get());
    lines_.reset();
    connect_to_.reset();
    Body answer_body;
    std::array<char, CURL_ERROR_SIZE> words{};
    if (auto ready = Prepare(*target, body, headers); !ready)
      return Failed(HttpAnswer::Kind::kSetup, ready.error().message());
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, &answer_body);
    curl_easy_setopt(easy_.get(), CURLOPT_ERRORBUFFER, words.data());
    std::string tls_words;
    curl_easy_setopt(easy_.get(), CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_DEBUGFUNCTION, OnWords);
    curl_easy_setopt(easy_.get(), CURLOPT_DEBUGDATA, &tls_words);

    const auto code = Run();
    const std::string_view why =
        tls_words.empty() ? std::string_view(words.data()) : std::string_view(tls_words);
    HttpAnswer answer =
        code ? Outcome(*code, why, target->peer) : Failed(HttpAnswer::Kind::kAborted, "aborted");
    curl_off_t sent = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_SIZE_UPLOAD_T, &sent);
    answer.sent_bytes = static_cast<std::size_t>(sent);
    if (answer.kind == HttpAnswer::Kind::kAnswered) answer.body = MakeUtf8(answer_body.text);
    return answer;
  }

  void Abort() {
    aborted_.store(true);
    curl_multi_wakeup(multi_.get());
  }

 private:
  Result<> Prepare(const Target& target, std::string_view body, const Headers& headers) {
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, target.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // does not wait for a resolver that hangs
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "tend/" TEND_VERSION);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(TimeoutMs()));
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data() == nullptr ? "" : body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    if (!target.connect_to.empty()) {
      Append(connect_to_, target.connect_to);
      curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to_.get());
    }
    TRY_VOID(PrepareTls());
    TRY_VOID(PrepareHeaders(target, headers));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines_.get());
    return {};
  }

  Result<> PrepareTls() {
    CURL* easy = easy_.get();
    const config::TlsConfig& tls = peer_.tls;
    TRY_VOID(CheckReadable(tls.ca_file));
    TRY_VOID(CheckReadable(tls.cert_file));
    TRY_VOID(CheckReadable(tls.key_file));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, kCaCacheSeconds);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.insecure ? 0L : 2L);
    if (!tls.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, tls.ca_file.c_str());
      curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    }
    if (!tls.cert_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_SSLCERT, tls.cert_file.c_str());
      curl_easy_setopt(easy, CURLOPT_SSLKEY,
                       (tls.key_file.empty() ? tls.cert_file : tls.key_file).c_str());
    }
    return {};
  }

  Result<> PrepareHeaders(const Target& target, const Headers& headers) {
    Append(lines_, "Expect:");  // Else curl waits a second for servers that do not know it.
    if (!target.host.empty()) TRY_VOID(AddHeader(lines_, "Host", target.host));
    for (const auto& [name, value] : headers)
      TRY_VOID(AddHeader(lines_, name, value));
    for (const auto& theirs : peer_.headers) {
      const bool is_ours = std::any_of(headers.begin(), headers.end(), [&theirs](const auto& ours) {
        return SameHeader(ours.first, theirs.first);
      });
      if (!is_ours) TRY_VOID(AddHeader(lines_, theirs.first, theirs.second));
    }
    if (!peer_.token_file.empty()) {
      TRY(const std::string token, ReadSecret(peer_.token_file));
      TRY_VOID(AddHeader(lines_, "Authorization", "Bearer " + token));
    } else if (!peer_.username.empty()) {
      std::string password;
      if (!peer_.password_file.empty()) {
        TRY(password, ReadSecret(peer_.password_file));
      }
      curl_easy_setopt(easy_.get(), CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
      curl_easy_setopt(easy_.get(), CURLOPT_USERNAME, peer_.username.c_str());
      curl_easy_setopt(easy_.get(), CURLOPT_PASSWORD, password.c_str());
    }
    return {};
  }

  // Nothing: aborted.
  std::optional<CURLcode> Run() {
    TEND_CHECK(curl_multi_add_handle(multi_.get(), easy_.get()) == CURLM_OK);
    std::optional<CURLcode> code;
    int running = 1;
    while (!aborted_.load()) {
      curl_multi_perform(multi_.get(), &running);
      if (running == 0) break;
      curl_multi_poll(multi_.get(), nullptr, 0, 1000,
                      nullptr);  // Less if a timer of curl's is due.
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left))
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    curl_multi_remove_handle(multi_.get(), easy_.get());
    return code;
  }

  HttpAnswer Outcome(CURLcode code, std::string_view words, const std::string& peer) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    // A body that is too long for us was an answer all the same.
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && status != 0)) {
      HttpAnswer answer;
      answer.kind = HttpAnswer::Kind::kAnswered;
      answer.status = static_cast<int>(status);
      curl_off_t seconds = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &seconds);
      // Some say numbers that are no time at all.
      if (seconds > 0)
        answer.retry_after = std::chrono::seconds(std::min<curl_off_t>(seconds, kRetryAfterMax));
      return answer;
    }
    if (IsTls(code, words))
      return Failed(HttpAnswer::Kind::kTls, "tls: " + peer + ": " + TlsReason(words));
    // The URL was looked at before, so this is about what came back.
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
      return Failed(HttpAnswer::Kind::kSetup, peer + ": does not speak HTTP");
    if (code == CURLE_OPERATION_TIMEDOUT) {
      const std::string after = FormatDuration(milliseconds(TimeoutMs()));
      return Failed(HttpAnswer::Kind::kTimeout, peer + ": no answer within " + after);
    }
    return Failed(HttpAnswer::Kind::kConnection, ConnectionError(code, words, peer));
  }

  std::string ConnectionError(CURLcode code, std::string_view words, const std::string& peer) {
    long number = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &number);
    switch (code) {
      case CURLE_COULDNT_RESOLVE_HOST:
        return "connect to " + peer + ": no such host";
      case CURLE_COULDNT_RESOLVE_PROXY:
        return "connect to the proxy: no such host";
      case CURLE_COULDNT_CONNECT: {
        // With a proxy in between the words have its name.
        const std::string host = peer.substr(0, peer.rfind(':'));
        const bool is_peer = words.find(' ' + host + ' ') != std::string_view::npos;
        return SysError(is_peer ? "connect to " + peer : std::string("connect to the proxy"),
                        number != 0 ? static_cast<int>(number) : ECONNREFUSED)
            .message();
      }
      case CURLE_GOT_NOTHING:
        return peer + ": closed the connection without an answer";
      default:
        break;
    }
    curl_off_t handshake = 0;
    long connections = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_APPCONNECT_TIME_T, &handshake);
    curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &connections);
    if (code == CURLE_SEND_ERROR && handshake > 0 && connections > 0)
      return peer + ": closed the connection after the TLS handshake; does it want a certificate?";
    return peer + ": " + FirstLine(words.empty() ? curl_easy_strerror(code) : words);
  }

  std::int64_t TimeoutMs() const {
    return std::max<std::int64_t>(1,
                                  std::chrono::duration_cast<milliseconds>(peer_.timeout).count());
  }

  const config::PeerConfig peer_;
  MultiPtr multi_;
  EasyPtr easy_;   // Goes before multi_, which has its connections.
  ListPtr lines_;  // curl keeps pointers to these two
  ListPtr connect_to_;
  std::atomic<bool> aborted_{false};
};

HttpClient::HttpClient(config::PeerConfig peer) : impl_(std::make_unique<Impl>(std::move(peer))) {}
HttpClient::~HttpClient() = default;
HttpAnswer HttpClient::Post(std::string_view path, std::string_view body, const Headers& headers) {
  return impl_->Post(path, body, headers);
}
void HttpClient::Abort() {
  impl_->Abort();
}

}  // namespace tend::exporter
