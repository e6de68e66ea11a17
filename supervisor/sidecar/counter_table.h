// Counters in memory that outlives the process: a page of a file on tmpfs. A number is stored with
// one write of eight bytes, so that a process that is killed leaves the old or the new one. Rows
// are workers and apps; columns have names, so that another version of tend finds what it knows.
//
// Bounded: kTableRows rows, kTableColumns columns of a kind; what is more is not kept, and counted,
// and the first of it is said. Columns of numbers that apps made up are free again when no row has
// anything in them.
//
// Thread: one.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tend::supervisor {

// Each has columns of its own. kCustom: numbers that apps made up.
enum class RowKind : std::uint8_t { kWorker, kApp, kCustom, kSelf };
inline constexpr std::size_t kRowKinds = 4;
inline constexpr std::size_t kTableRows = 4096;
inline constexpr std::size_t kTableColumns = 192;

class CounterTable {
 public:
  // What the memory has to have room for, and how much of it is used from the beginning.
  static std::size_t Bytes();
  static std::size_t HeaderBytes();
  // Makes sure that there is memory behind these bytes of the table; false: it cannot be had.
  using Reserve = std::function<bool(std::size_t offset, std::size_t size)>;
  // `memory`: what a table left behind, or zeros; aligned to eight, of Bytes(), and kept by the
  // caller. What is neither is cleared: see was_damaged().
  explicit CounterTable(std::span<std::byte> memory, Reserve reserve = nullptr);

  // Stores numbers of one row, which is made if need be. For Counters() of whatever counts.
  class Writer {
   public:
    void operator()(std::string_view name, std::uint64_t value) { Store(name, value); }
    void operator()(std::string_view name, double value) {
      Store(name, std::bit_cast<std::uint64_t>(value));
    }
    // Two that say something together: both are stored, or none.
    void operator()(std::string_view name, double value, std::string_view other, double and_value);

   private:
    friend class CounterTable;
    Writer(CounterTable& table, RowKind kind, std::uint32_t row)
        : table_(table), kind_(kind), row_(row) {}
    void Store(std::string_view name, std::uint64_t bits);
    CounterTable& table_;
    RowKind kind_;
    std::uint32_t row_;
    std::size_t next_ = 0;  // the column that is likely to be asked for
  };
  Writer Write(RowKind kind, const std::string& app, int slot);

  // Sets numbers to what was stored; those that are not there are left alone.
  class Reader {
   public:
    void operator()(std::string_view name, std::uint64_t& value) { Load(name, value); }
    void operator()(std::string_view name, double& value) {
      std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
      Load(name, bits);
      value = std::bit_cast<double>(bits);
    }
    void operator()(std::string_view name,
                    double& value,
                    std::string_view other,
                    double& and_value) {
      (*this)(name, value);
      (*this)(other, and_value);
    }
    bool found() const;  // there is such a row

   private:
    friend class CounterTable;
    Reader(const CounterTable& table, RowKind kind, std::uint32_t row)
        : table_(table), kind_(kind), row_(row) {}
    void Load(std::string_view name, std::uint64_t& bits) const;
    const CounterTable& table_;
    RowKind kind_;
    std::uint32_t row_;
  };
  Reader Read(RowKind kind, const std::string& app, int slot) const;
  // Names of what is not 0 in a row.
  std::vector<std::string> Names(RowKind kind, const std::string& app, int slot) const;

  void Drop(const std::string& app);
  void Drop(const std::string& app, int slot);

  // All of it, checked, for a file; and back, in place of what is here. False: it is damaged, and
  // nothing was changed.
  std::string Copy() const;
  bool Load(std::string_view copy);

  bool was_damaged() const { return was_damaged_; }
  std::size_t rows() const { return index_.size(); }
  // Rows and columns that there was no room for.
  std::uint64_t refused() const { return refused_; }

 private:
  struct Header;
  struct Row;
  struct Key {
    RowKind kind{};
    std::string app;
    int slot = 0;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  Header& header() const;
  Row& RowAt(std::uint32_t row) const;
  void Clear();
  bool BuildIndex();
  std::uint32_t RowFor(const Key& key);
  // -1: there is none.
  int FindColumn(RowKind kind, std::string_view name) const;
  int ColumnFor(RowKind kind, std::string_view name);
  bool HasColumns(RowKind kind, std::span<const std::string_view> names) const;
  void Refuse(std::string_view what);
  void DropRow(std::map<Key, std::uint32_t>::iterator row);
  void FreeCustomColumns();

  const std::span<std::byte> memory_;
  const Reserve reserve_;
  std::map<Key, std::uint32_t> index_;
  std::vector<std::uint32_t> free_;  // rows that were used before
  std::array<std::unordered_map<std::string, int>, kRowKinds> columns_;
  bool was_damaged_ = false;
  std::uint64_t refused_ = 0;
};

}  // namespace tend::supervisor
