// How a record looks on disk, and back. One formatter belongs to one file: it keeps the stamps of
// that file from going back, and knows whether a raw line still lacks its end.
//
//   kTend  2026-11-21T10:31:07.001234567Z stderr F api:1 text      (P instead of F: goes on)
//   kCri   2026-11-21T10:31:07.001234567Z stderr F text
//   kJson  {"time":"…","stream":"stderr","app":"api","worker":1,"message":"text"}
//   kRaw   text
//
// PM2's files are kRaw, in one of its styles if they are asked for:
//
//   dates  2026-11-21T10:31:07: text
//   json   {"message":"text\n","timestamp":"…","type":"err","process_id":3,"app_name":"api"}
//
// A line that is a JSON object itself is merged into kJson's, its bytes untouched:
//
//   {"time":"…","stream":"stdout","app":"api","worker":1,"level":"info","worker_time":"…",
//    "message":"text","merged":true,"_level":30,"_time":1531171074631,"pid":657,"msg":"text"}
//
// `level` and `worker_time` are what line_level.h finds; `message` is its msg or event, unless it
// has a `message`. A key of its own that is one of ours gets "_" in front (as does one with "_" in
// front already); `level` and `message` stay as they are if they are what ours would be.
// ParseLine takes all that back: its text is the line as the worker wrote it, byte for byte.
//
// Thread: any one.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/record.h"
#include "base/time.h"
#include "config/config.h"
#include "rotate/json_object.h"
#include "rotate/moment_format.h"

namespace tend::rotate {

struct LineStyle {
  config::LineFormat format = config::LineFormat::kTend;
  // Of kRaw only.
  bool pm2_json = false;
  std::string dates = {};       // tokens of moment_format.h; "": none, and ISO 8601 in JSON
  std::map<int, int> ids = {};  // slot → PM2's number of the worker
  friend bool operator==(const LineStyle&, const LineStyle&) = default;
};

class LineFormatter {
 public:
  explicit LineFormatter(LineStyle style) : style_(std::move(style)), dates_(style_.dates) {}
  explicit LineFormatter(config::LineFormat format) : LineFormatter(LineStyle{.format = format}) {}

  // Appends all lines of `batch` to `out`, each with its newline. In kRaw a partial piece gets
  // none, unless another worker or stream speaks next.
  void Append(const RecordBatch& batch, std::string& out);
  // A line of tend's own about `app`: worker "-", stderr, "[tend: <text>]".
  void AppendNotice(std::string_view app, std::string_view text, Wall time, std::string& out);

  // No stamp before `time` from here on.
  void NotBefore(Wall time) {
    if (time > last_) last_ = time;
  }
  Wall last() const { return last_; }
  // How lines look from here on.
  void SetStyle(const LineStyle& style);

 private:
  void AppendPrefixed(const RecordBatch& batch, std::string& out);
  void AppendJson(const RecordBatch& batch, std::string& out);
  void AppendRaw(const RecordBatch& batch, std::string& out);
  void AppendPm2Json(const RecordBatch& batch, std::string& out);
  void AppendPm2Tail(std::string_view type,
                     std::string_view id,
                     std::string_view app,
                     std::string& out);
  // "2026-11-21T10:31:07: "; nothing if no dates are asked for.
  void AppendDate(std::string& out);

  LineStyle style_;
  MomentFormat dates_;
  Wall last_{};
  std::string prefix_;
  std::vector<JsonMember> members_;
  // Whose raw line has no newline yet.
  bool raw_open_ = false;
  std::uint64_t raw_incarnation_ = 0;
  int raw_slot_ = 0;
  Stream raw_stream_ = Stream::kStdout;
};

// A stored line, taken apart. `text` points into the line or into the scratch string.
struct ParsedLine {
  Wall time{};
  bool has_time = false;  // false: a raw line
  Stream stream = Stream::kStdout;
  std::uint8_t flags = kLineWhole;
  int slot = -1;  // -1: unknown, or tend itself
  std::string_view text;
};

// Understands every LineFormat, whatever the file's is now: a line that is none of the others is
// raw. `app` is the app's name, `line` comes without its newline. Never fails.
ParsedLine ParseLine(std::string_view app, std::string_view line, std::string& scratch);

// Appends the members that kJson makes of `text`, whose `members` are these, without braces.
void AppendMerged(std::string_view text, std::span<const JsonMember> members, std::string& out);
// `text` again from the members behind "merged" of a kJson line, braces around them. False, and
// nothing of use in `text`, if they are none.
bool Unmerge(std::string_view object, std::string& text);

}  // namespace tend::rotate
