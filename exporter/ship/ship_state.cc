#include "exporter/ship/ship_state.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/number.h"

namespace tend::exporter {
namespace {

constexpr std::string_view kHead = "tend.ship/1\n";
constexpr std::size_t kSizeMax = 16 << 20;

std::uint64_t Fnv(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

template <typename T>
void Add(T number, std::string& out) {
  char buffer[32];
  const auto end = std::to_chars(std::begin(buffer), std::end(buffer), number).ptr;
  out.append(1, ' ').append(buffer, end);
}

// Takes words off a line.
class Words {
 public:
  explicit Words(std::string_view line) : line_(line) {}
  std::string_view Word() {
    const std::string_view word = line_.substr(0, line_.find(' '));
    line_.remove_prefix(std::min(word.size() + 1, line_.size()));
    return word;
  }
  template <typename T>
  void Take(T& number) {
    const auto read = ParseNumber<T>(Word());
    number = read.value_or(number);
    failed_ = failed_ || !read;
  }
  void Take(Wall& time) {
    Wall::rep count = 0;
    Take(count);
    time = Wall(Wall::duration(count));
  }
  std::string_view rest() const { return line_; }
  bool failed() const { return failed_; }

 private:
  std::string_view line_;
  bool failed_ = false;
};

bool DecodeLine(std::string_view line, ShipState& state) {
  Words words(line);
  const std::string_view what = words.Word();
  ExportStats& c = state.counters;
  if (what == "sent") {
    words.Take(c.sent_entries);
    words.Take(c.sent_bytes);
    words.Take(c.retries);
    words.Take(c.filtered_entries);
    words.Take(c.last_success);
  } else if (what == "dropped") {
    for (auto& n : c.dropped)
      words.Take(n);
  } else if (what == "requests") {
    for (auto& n : c.requests)
      words.Take(n);
  } else if (what == "seconds") {
    words.Take(c.request_seconds_sum);
    for (auto& n : c.request_seconds)
      words.Take(n);
  } else if (what == "app") {
    AppProgress app;
    words.Take(app.position.sequence);
    words.Take(app.position.offset);
    words.Take(app.position.lines);
    words.Take(app.position.mark);
    for (auto& time : app.last)
      words.Take(time);
    state.apps[std::string(words.rest())] = app;
  } else {
    return false;
  }
  return !words.failed();
}

}  // namespace

std::string EncodeShipState(const ShipState& state) {
  const ExportStats& c = state.counters;
  std::string out(kHead);
  out += "sent";
  for (const std::uint64_t n : {c.sent_entries, c.sent_bytes, c.retries, c.filtered_entries})
    Add(n, out);
  Add(c.last_success.time_since_epoch().count(), out);
  out += "\ndropped";
  for (const std::uint64_t n : c.dropped)
    Add(n, out);
  out += "\nrequests";
  for (const std::uint64_t n : c.requests)
    Add(n, out);
  out += "\nseconds";
  Add(c.request_seconds_sum, out);
  for (const std::uint64_t n : c.request_seconds)
    Add(n, out);
  out += '\n';
  for (const auto& [name, app] : state.apps) {
    if (name.find('\n') != std::string::npos) continue;
    out += "app";
    const LogPosition& p = app.position;
    for (const std::uint64_t n : {p.sequence, p.offset, p.lines, p.mark})
      Add(n, out);
    for (const Wall time : app.last)
      Add(time.time_since_epoch().count(), out);
    out.append(1, ' ').append(name).append(1, '\n');
  }
  const std::uint64_t sum = Fnv(out);
  out += "end";
  Add(sum, out);
  out += '\n';
  return out;
}

Result<ShipState> DecodeShipState(std::string_view text) {
  const Error damaged(Errc::kInvalid, "the state of an exporter is damaged");
  if (!text.starts_with(kHead) || text.back() != '\n') return damaged;
  const std::size_t end = text.rfind('\n', text.size() - 2) + 1;
  Words last(text.substr(end, text.size() - end - 1));
  std::uint64_t sum = 0;
  if (last.Word() != "end") return damaged;
  last.Take(sum);
  if (last.failed() || sum != Fnv(text.substr(0, end))) return damaged;
  text = text.substr(kHead.size(), end - kHead.size());
  ShipState state;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    if (!DecodeLine(text.substr(0, newline), state)) return damaged;
    text.remove_prefix(newline + 1);
  }
  return state;
}

Result<ShipState> LoadShipState(Files& files, const std::string& path) {
  auto text = ReadFile(files, path, kSizeMax);
  if (!text && text.error().code() == Errc::kNotFound) return ShipState();
  if (!text && text.error().code() != Errc::kLimit) return std::move(text).error();
  if (text) {
    auto state = DecodeShipState(*text);
    if (state) return state;
  }
  TRY_VOID(files.Rename(path, path + ".damaged"));
  LogWarning("the state of an exporter was damaged and is now " + path +
             ".damaged; everything that is stored will be sent again");
  return ShipState();
}

Result<> SaveShipState(Files& files, const std::string& path, const ShipState& state) {
  return WriteFileAtomically(files, path, EncodeShipState(state), 0600);
}

}  // namespace tend::exporter
