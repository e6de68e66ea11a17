// Secrets in lines, made unreadable before anybody writes, shows or passes on the lines.
//
// A record is looked at by itself, each of the lines that were joined to it and then all together;
// a line that is
// longer than the splitter's limit is looked at piece by piece, so that what lies across two pieces
// is not found.
//
// Immutable; any number of threads may use one.
#pragma once

#include <string>
#include <vector>

#include "base/pattern.h"
#include "base/record.h"

namespace tend::collector {

inline constexpr std::string_view kRedacted = "[redacted]";

class Redactor {
 public:
  // A pattern that cannot be compiled, which no configuration that was checked has, hides all text.
  explicit Redactor(const std::vector<std::string>& patterns);

  // What the patterns match becomes kRedacted. A batch in which they match nothing is not copied.
  RecordBatchPtr Redact(RecordBatchPtr batch) const;
  std::string Redact(std::string_view text) const;

 private:
  // False: they match nothing.
  bool RedactRecord(std::string_view text, std::string& out) const;
  bool RedactLine(std::string_view text, std::string& out) const;

  std::vector<Pattern> patterns_;
  bool hides_all_ = false;
};

}  // namespace tend::collector
