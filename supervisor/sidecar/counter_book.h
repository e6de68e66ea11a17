// Where the counter table lies: in a file on tmpfs that the next sidecar finds however this one
// ended, with a copy on disk, written now and then, for when all of tend was ended.
//
// Owner: the sidecar. Thread: the loop's, but for the writing of a copy.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/fd.h"
#include "supervisor/sidecar/counter_table.h"

namespace tend::supervisor {

class CounterBook {
 public:
  // Goes on with the table in `table_file`, or, where there is none, with `copy_file`. What is
  // damaged is begun anew, and said. "" or a file that cannot be had: the counters are this
  // process' own.
  CounterBook(const std::string& table_file, std::string copy_file);
  ~CounterBook();
  CounterBook(const CounterBook&) = delete;
  CounterBook& operator=(const CounterBook&) = delete;

  CounterTable& table() { return *table_; }
  // Writes a copy, as of now, wherever it is called. Null: there is no file for it.
  std::function<void()> CopyJob();

 private:
  std::span<std::byte> MapOwn();
  std::span<std::byte> Map(const std::string& file, bool& is_new);

  const std::string copy_file_;
  Fd file_;
  void* mapped_ = nullptr;
  std::unique_ptr<CounterTable> table_;
};

}  // namespace tend::supervisor
