#include "supervisor/sidecar/counter_table.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "base/telemetry.h"

namespace tend::supervisor {
namespace {

constexpr std::array<char, 8> kMagic = {'t', 'e', 'n', 'd', 'c', 'n', 't', '2'};
constexpr std::size_t kNameMax = kCustomNameMax + 32;  // "timing_count " and an app's own name
constexpr std::size_t kAppMax = 112;
constexpr std::uint32_t kNoRow = ~std::uint32_t{0};

// FNV-1a: a file that was half written is told from one that is whole.
std::uint64_t Checksum(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char c : bytes)
    sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return sum;
}

// "" for what does not end within its room.
template <std::size_t N>
std::string_view TextOf(const std::array<char, N>& text) {
  const auto end = std::find(text.begin(), text.end(), '\0');
  return end == text.end()
             ? std::string_view()
             : std::string_view(text.data(), static_cast<std::size_t>(end - text.begin()));
}

template <std::size_t N>
void SetText(std::array<char, N>& to, std::string_view text) {
  to.fill('\0');
  std::copy(text.begin(), text.end(), to.begin());
}

}  // namespace

struct CounterTable::Header {
  std::array<char, 8> magic;
  std::uint32_t row_bytes, rows;  // rows that were ever used
  std::array<std::array<std::array<char, kNameMax>, kTableColumns>, kRowKinds> columns;
};

struct CounterTable::Row {
  std::array<char, kAppMax> app;
  std::int32_t slot;
  RowKind kind;
  std::uint8_t used;
  std::uint16_t reserved;
  std::array<std::uint64_t, kTableColumns> values;
};

std::size_t CounterTable::Bytes() {
  return sizeof(Header) + kTableRows * sizeof(Row);
}

std::size_t CounterTable::HeaderBytes() {
  return sizeof(Header);
}

CounterTable::CounterTable(std::span<std::byte> memory, Reserve reserve)
    : memory_(memory), reserve_(std::move(reserve)) {
  TEND_CHECK(memory.size() >= Bytes());
  if (BuildIndex()) return;
  const auto* bytes = reinterpret_cast<const char*>(memory.data());
  was_damaged_ = std::any_of(bytes, bytes + kMagic.size(), [](char c) { return c != 0; });
  Clear();
}

CounterTable::Header& CounterTable::header() const {
  return *reinterpret_cast<Header*>(memory_.data());
}

CounterTable::Row& CounterTable::RowAt(std::uint32_t row) const {
  return *reinterpret_cast<Row*>(memory_.data() + sizeof(Header) + row * sizeof(Row));
}

void CounterTable::Clear() {
  // Rows are zeroed when they are taken.
  std::memset(memory_.data(), 0, sizeof(Header));
  header().magic = kMagic;
  header().row_bytes = sizeof(Row);
  index_.clear();
  free_.clear();
  for (auto& columns : columns_)
    columns.clear();
}

bool CounterTable::BuildIndex() {
  const Header& head = header();
  index_.clear();
  free_.clear();
  for (auto& columns : columns_)
    columns.clear();
  if (head.magic != kMagic || head.row_bytes != sizeof(Row) || head.rows > kTableRows) return false;
  for (std::size_t kind = 0; kind < kRowKinds; ++kind) {
    for (std::size_t i = 0; i < kTableColumns; ++i) {
      const std::string_view name = TextOf(head.columns[kind][i]);
      if (!name.empty()) columns_[kind].emplace(name, static_cast<int>(i));
    }
  }
  for (std::uint32_t i = 0; i < head.rows; ++i) {
    const Row& row = RowAt(i);
    if (row.used == 0) {
      free_.push_back(i);
      continue;
    }
    const std::string_view app = TextOf(row.app);
    const bool has_name = !app.empty() || row.kind == RowKind::kSelf;
    if (static_cast<std::size_t>(row.kind) >= kRowKinds || !has_name) return false;
    index_.emplace(Key{row.kind, std::string(app), row.slot}, i);
  }
  return true;
}

std::uint32_t CounterTable::RowFor(const Key& key) {
  const auto known = index_.find(key);
  if (known != index_.end()) return known->second;
  const bool has_room = !free_.empty() || header().rows < kTableRows;
  if (!has_room || key.app.size() >= kAppMax) {
    Refuse("numbers of " + key.app);
    return kNoRow;
  }
  std::uint32_t row = header().rows;
  if (!free_.empty()) {
    row = free_.back();
    free_.pop_back();
  } else if (reserve_ && !reserve_(sizeof(Header) + row * sizeof(Row), sizeof(Row))) {
    Refuse("numbers of " + key.app);
    return kNoRow;
  }
  Row& at = RowAt(row);
  std::memset(&at, 0, sizeof at);
  SetText(at.app, key.app);
  at.slot = key.slot;
  at.kind = key.kind;
  // A process that is killed before this leaves a row that nobody uses.
  std::atomic_ref(at.used).store(1, std::memory_order_release);
  if (row == header().rows)
    std::atomic_ref(header().rows).store(row + 1, std::memory_order_release);
  index_.emplace(key, row);
  return row;
}

int CounterTable::FindColumn(RowKind kind, std::string_view name) const {
  const auto& columns = columns_[static_cast<std::size_t>(kind)];
  const auto found = columns.find(std::string(name));
  return found == columns.end() ? -1 : found->second;
}

int CounterTable::ColumnFor(RowKind kind, std::string_view name) {
  if (const int known = FindColumn(kind, name); known >= 0) return known;
  auto& names = header().columns[static_cast<std::size_t>(kind)];
  const auto free = std::find_if(names.begin(), names.end(),
                                 [](const auto& text) { return TextOf(text).empty(); });
  if (free == names.end() || !HasColumns(kind, {&name, 1})) {
    Refuse(name);
    return -1;
  }
  SetText(*free, name);
  const auto column = static_cast<int>(free - names.begin());
  columns_[static_cast<std::size_t>(kind)].emplace(name, column);
  return column;
}

bool CounterTable::HasColumns(RowKind kind, std::span<const std::string_view> names) const {
  std::size_t used = columns_[static_cast<std::size_t>(kind)].size();
  for (const std::string_view name : names) {
    if (FindColumn(kind, name) >= 0) continue;
    if (name.empty() || name.size() >= kNameMax) return false;
    ++used;
  }
  return used <= kTableColumns;
}

void CounterTable::Refuse(std::string_view what) {
  if (refused_++ > 0) return;
  LogWarning("counters are not all kept for the next sidecar, for want of room: \"" +
             std::string(what) + "\" is the first");
}

CounterTable::Writer CounterTable::Write(RowKind kind, const std::string& app, int slot) {
  return {*this, kind, RowFor({kind, app, slot})};
}

void CounterTable::Writer::Store(std::string_view name, std::uint64_t bits) {
  if (row_ == kNoRow) return;
  const auto& names = table_.header().columns[static_cast<std::size_t>(kind_)];
  std::size_t column = next_;
  if (next_ >= kTableColumns || TextOf(names[next_]) != name) {
    const int found = table_.ColumnFor(kind_, name);
    if (found < 0) return;
    column = static_cast<std::size_t>(found);
  }
  next_ = column + 1;
  std::atomic_ref(table_.RowAt(row_).values[column]).store(bits, std::memory_order_relaxed);
}

void CounterTable::Writer::operator()(std::string_view name,
                                      double value,
                                      std::string_view other,
                                      double and_value) {
  if (row_ == kNoRow) return;
  if (!table_.HasColumns(kind_, std::array{name, other})) return table_.Refuse(name);
  (*this)(name, value);
  (*this)(other, and_value);
}

CounterTable::Reader CounterTable::Read(RowKind kind, const std::string& app, int slot) const {
  const auto row = index_.find({kind, app, slot});
  return {*this, kind, row == index_.end() ? kNoRow : row->second};
}

bool CounterTable::Reader::found() const {
  return row_ != kNoRow;
}

void CounterTable::Reader::Load(std::string_view name, std::uint64_t& bits) const {
  if (row_ == kNoRow) return;
  const int column = table_.FindColumn(kind_, name);
  if (column >= 0) bits = table_.RowAt(row_).values[static_cast<std::size_t>(column)];
}

std::vector<std::string> CounterTable::Names(RowKind kind, const std::string& app, int slot) const {
  std::vector<std::string> names;
  const auto row = index_.find({kind, app, slot});
  if (row == index_.end()) return names;
  for (const auto& [name, column] : columns_[static_cast<std::size_t>(kind)]) {
    if (RowAt(row->second).values[static_cast<std::size_t>(column)] != 0) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void CounterTable::DropRow(std::map<Key, std::uint32_t>::iterator row) {
  std::atomic_ref(RowAt(row->second).used).store(0, std::memory_order_release);
  free_.push_back(row->second);
  index_.erase(row);
}

void CounterTable::Drop(const std::string& app) {
  for (auto row = index_.begin(); row != index_.end();) {
    const auto next = std::next(row);
    if (row->first.app == app && row->first.kind != RowKind::kSelf) DropRow(row);
    row = next;
  }
  FreeCustomColumns();
}

void CounterTable::Drop(const std::string& app, int slot) {
  for (const RowKind kind : {RowKind::kWorker, RowKind::kCustom}) {
    const auto row = index_.find({kind, app, slot});
    if (row != index_.end()) DropRow(row);
  }
  FreeCustomColumns();
}

void CounterTable::FreeCustomColumns() {
  constexpr auto kKind = static_cast<std::size_t>(RowKind::kCustom);
  std::array<bool, kTableColumns> is_used{};
  for (const auto& [key, row] : index_) {
    if (key.kind != RowKind::kCustom) continue;
    for (std::size_t i = 0; i < kTableColumns; ++i)
      is_used[i] = is_used[i] || RowAt(row).values[i] != 0;
  }
  std::erase_if(columns_[kKind], [&](const auto& entry) {
    const auto column = static_cast<std::size_t>(entry.second);
    if (!is_used[column]) header().columns[kKind][column].fill('\0');
    return !is_used[column];
  });
}

std::string CounterTable::Copy() const {
  const auto* head = reinterpret_cast<const char*>(memory_.data());
  std::string copy(head, sizeof(Header));
  for (const auto& entry : index_)
    copy.append(reinterpret_cast<const char*>(&RowAt(entry.second)), sizeof(Row));
  const auto rows = static_cast<std::uint32_t>(index_.size());
  std::memcpy(copy.data() + offsetof(Header, rows), &rows, sizeof rows);
  const std::uint64_t sum = Checksum(copy);
  return copy.append(reinterpret_cast<const char*>(&sum), sizeof sum);
}

bool CounterTable::Load(std::string_view copy) {
  std::uint64_t sum = 0;
  if (copy.size() < sizeof(Header) + sizeof sum || copy.size() > Bytes() + sizeof sum) return false;
  const std::string_view table = copy.substr(0, copy.size() - sizeof sum);
  std::memcpy(&sum, copy.data() + table.size(), sizeof sum);
  std::uint32_t rows = 0, row_bytes = 0;
  std::memcpy(&rows, table.data() + offsetof(Header, rows), sizeof rows);
  std::memcpy(&row_bytes, table.data() + offsetof(Header, row_bytes), sizeof row_bytes);
  const bool is_whole = std::memcmp(table.data(), kMagic.data(), kMagic.size()) == 0 &&
                        row_bytes == sizeof(Row) && rows <= kTableRows &&
                        table.size() == sizeof(Header) + rows * sizeof(Row) &&
                        Checksum(table) == sum;
  if (!is_whole || (reserve_ && !reserve_(0, table.size()))) return false;
  std::memcpy(memory_.data(), table.data(), table.size());
  if (BuildIndex()) return true;
  Clear();
  return false;
}

}  // namespace tend::supervisor
