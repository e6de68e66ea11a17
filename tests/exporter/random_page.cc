// random_page SEED classic|openmetrics: a page of random names and numbers on stdout, and on stderr
// what was put in: one line per worker, "<name of the app in hex> <slot> <resident bytes>
// <lag p99>". pages_test.py reads both.
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "exporter/page.h"
#include "exporter/sample_snapshot.h"

namespace {

using tend::exporter::AppSnapshot;
using Random = std::mt19937_64;

std::string RandomName(Random& random) {
  static constexpr std::array<std::string_view, 12> kPieces = {
      "a", "\\", "\"", "\n", "ü", "€", "😀", "\xff", "\xed\xa0\x80", "\r", "{}=,#", "\t "};
  std::string name;
  const std::size_t size = random() % 60;
  for (std::size_t i = 0; i < size; ++i) {
    if (random() % 4 == 0) {
      name += static_cast<char>(random() % 256);
    } else {
      name += kPieces[random() % kPieces.size()];
    }
  }
  return name;
}

// Any number at all that a latency may be: from the smallest to the largest.
double RandomNumber(Random& random) {
  for (;;) {
    const double number = std::fabs(std::bit_cast<double>(random()));
    if (std::isfinite(number)) return number;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Random random(std::strtoull(argv[1], nullptr, 10));
  const bool classic = std::string_view(argv[2]) == "classic";
  tend::exporter::Snapshot snapshot = tend::exporter::SampleSnapshot();
  snapshot.apps.clear();
  const std::size_t apps = random() % 8;
  for (std::size_t a = 0; a < apps; ++a) {
    AppSnapshot& app = snapshot.apps.emplace_back();
    // The number in front keeps names apart that differ only in what is cut or replaced.
    app.status.name = std::to_string(a) + RandomName(random);
    app.status.namespace_ = RandomName(random);
    const std::size_t workers = random() % 4;
    for (std::size_t w = 0; w < workers; ++w) {
      auto worker = tend::exporter::BusyWorker(static_cast<int>(w));
      worker.second.runtime->name = RandomName(random);
      *worker.second.process.resident_bytes = random() >> (random() % 64);
      worker.second.runtime->lag->p99_seconds = RandomNumber(random);
      for (const char c : app.status.name)
        std::fprintf(stderr, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      std::fprintf(stderr, " %zu %llu %.17g\n", w,
                   static_cast<unsigned long long>(*worker.second.process.resident_bytes),
                   *worker.second.runtime->lag->p99_seconds);
      app.status.workers.push_back(std::move(worker.first));
      app.workers.push_back(std::move(worker.second));
    }
  }
  const tend::exporter::SelfMetrics self;
  const std::string page = tend::exporter::Render(
      snapshot, &self,
      classic ? tend::exporter::Dialect::kClassic : tend::exporter::Dialect::kOpenMetrics);
  return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() ? 0 : 1;
}
