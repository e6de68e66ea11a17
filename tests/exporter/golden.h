// Pages that are committed, so that a change of them is seen and wanted.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace tend::exporter {

// Compares with the committed file; TEND_BLESS=1 writes it.
inline void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(TEND_SOURCE_DIR) + '/' + name;
  if (std::getenv("TEND_BLESS") != nullptr) std::ofstream(path, std::ios::binary) << text;
  std::ostringstream committed;
  committed << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_EQ(committed.str(), text) << name << " is out of date: run again with TEND_BLESS=1";
}

}  // namespace tend::exporter
