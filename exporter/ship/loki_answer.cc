#include "exporter/ship/loki_answer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/number.h"
#include "base/time.h"
#include "exporter/ship/http_outcome.h"

namespace tend::exporter {
namespace {

// The word behind the first `mark`; nothing if it is not there.
std::optional<std::string_view> WordBehind(std::string_view text, std::string_view mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + mark.size());
  return text.substr(0, text.find_first_of(" ,'\"\n"));
}

std::optional<std::uint64_t> NumberAt(std::string_view text) {
  return TakeNumber<std::uint64_t>(text);
}

// "total ignored: 3 out of 10", for each stream that has some.
std::size_t TotalIgnored(std::string_view body) {
  constexpr std::string_view kMark = "total ignored: ";
  std::size_t total = 0;
  for (std::size_t at = body.find(kMark); at != std::string_view::npos; at = body.find(kMark, at)) {
    at += kMark.size();
    total += NumberAt(body.substr(at)).value_or(0);
  }
  return total;
}

// "100 errors like: entry …", for each error that several entries have.
std::size_t ErrorsLike(std::string_view body) {
  constexpr std::string_view kMark = " errors like: ";
  std::size_t total = 0;
  for (std::size_t at = body.find(kMark); at != std::string_view::npos;
       at = body.find(kMark, at + 1)) {
    const std::size_t before = body.substr(0, at).find_last_not_of("0123456789");
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    total += NumberAt(body.substr(begin, at - begin)).value_or(0);
  }
  return total;
}

// Then none of its entries is stored.
bool IsAboutStream(std::string_view body) {
  constexpr auto kWords =
      std::to_array<std::string_view>({" label names; limit", "has label name too long",
                                       "has label value too long", "has duplicate label name"});
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view words) {
    return body.find(words) != std::string_view::npos;
  });
}

template <typename Pred>
std::size_t CountIf(std::span<const ShipBatch> batches, Pred pred) {
  std::size_t count = 0;
  for (const ShipBatch& batch : batches)
    count +=
        static_cast<std::size_t>(std::count_if(batch.entries.begin(), batch.entries.end(), pred));
  return count;
}

// Of a 400: how many lines it says, or lets us reckon, were refused.
std::size_t Rejected(std::string_view body,
                     std::span<const ShipBatch> batches,
                     std::size_t entries) {
  if (const std::size_t total = TotalIgnored(body); total > 0) return total;
  if (const auto word = WordBehind(body, "oldest acceptable timestamp is: ")) {
    const auto oldest = ParseTime(*word);
    if (oldest) return CountIf(batches, [&](const ShipEntry& e) { return e.time < *oldest; });
  }
  if (const auto word = WordBehind(body, "timestamp too new: ")) {
    const auto newest = ParseTime(*word);
    if (newest) return CountIf(batches, [&](const ShipEntry& e) { return e.time >= *newest; });
  }
  if (const auto word = WordBehind(body, "ax entry size '")) {  // "Max", "max"
    const auto size_max = NumberAt(*word);
    if (size_max)
      return CountIf(batches, [&](const ShipEntry& e) { return e.text.size() > *size_max; });
  }
  if (IsAboutStream(body)) return entries;
  // About some entries, or about the request: labels that are not allowed, a body that is none.
  const bool is_about_entry = body.find("entry") != std::string_view::npos;
  return is_about_entry ? ErrorsLike(body) : entries;
}

bool IsExhausted(std::string_view body) {
  return body.find("ResourceExhausted") != std::string_view::npos ||
         body.find("larger than max") != std::string_view::npos;
}

}  // namespace

SendOutcome LokiOutcome(const HttpAnswer& answer, std::span<const ShipBatch> batches) {
  std::size_t entries = 0;
  for (const ShipBatch& batch : batches)
    entries += batch.entries.size();
  SendOutcome outcome = OutcomeOf(answer, entries);
  if (answer.kind != HttpAnswer::Kind::kAnswered) return outcome;
  if (answer.status == 400) {
    outcome.rejected = std::clamp<std::size_t>(Rejected(answer.body, batches, entries), 1, entries);
  } else if (answer.status == 500 && IsExhausted(answer.body)) {
    outcome.then = SendOutcome::Then::kSplit;
  }
  return outcome;
}

}  // namespace tend::exporter
