#include <array>
#include <chrono>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "exporter/alert/payloads.h"

namespace tend::exporter {

std::string Signature(std::string_view key, std::string_view body, Wall time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  const std::string stamp = std::to_string(seconds);
  const std::string signed_text = stamp + '.' + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(),
         digest.data(), &size);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string value = "t=" + stamp + ",v1=";
  for (unsigned i = 0; i < size; ++i) {
    value += kDigits[digest[i] >> 4];
    value += kDigits[digest[i] & 15];
  }
  return value;
}

}  // namespace tend::exporter
