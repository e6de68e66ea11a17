// A folder for one test, removed with everything in it at the end, and short ways to look inside.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/files.h"

namespace tend::rotate {

class TempFolder {
 public:
  TempFolder() {
    // The tests that fail at every call sync thousands of times: not on a disk if it can be helped.
    const bool has_shm = ::access("/dev/shm", W_OK | X_OK) == 0;
    path_ = (has_shm ? "/dev/shm/" : testing::TempDir()) + std::string("rotate-XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string At(const std::string& name) const { return path_ + '/' + name; }
  std::string Content(const std::string& name) const {
    auto data = ReadFile(FilesLinux(), At(name), 256 << 20);
    return data ? *std::move(data) : "(" + data.error().message() + ")";
  }
  void Put(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(At(name)).parent_path());
    if (!WriteFileAtomically(FilesLinux(), At(name), content, 0640)) std::abort();
  }
  // Sorted.
  std::vector<std::string> Names(const std::string& folder = "") const {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(At(folder), none)) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  bool Has(const std::string& name) const { return std::filesystem::exists(At(name)); }

 private:
  std::string path_;
};

}  // namespace tend::rotate
