#include "rotate/line_format.h"

#include "base/json_text.h"
#include "rotate/segment_name.h"

namespace tend::rotate {
namespace {

using config::LineFormat;

// "<time> <stream> F ", and where the F is.
std::size_t BuildPrefix(Wall time, Stream stream, std::string& prefix) {
  prefix.resize(kRfc3339Size);
  WriteRfc3339(time, prefix.data());
  prefix.append(1, ' ').append(StreamName(stream)).append(1, ' ');
  const std::size_t flag_at = prefix.size();
  prefix.append("F ");
  return flag_at;
}

std::string JsonHead(Wall time, Stream stream, std::string_view app, std::string_view worker) {
  std::string head = "{\"time\":\"" + FormatRfc3339(time) + "\",\"stream\":\"";
  head.append(StreamName(stream)).append("\",\"app\":\"");
  AppendJsonEscaped(app, head);
  return head.append("\",\"worker\":").append(worker).append(1, ',');
}

}  // namespace

void LineFormatter::Append(const RecordBatch& batch, std::string& out) {
  NotBefore(batch.stamp);
  switch (style_.format) {
    case LineFormat::kTend:
    case LineFormat::kCri:
      return AppendPrefixed(batch, out);
    case LineFormat::kJson:
      return AppendJson(batch, out);
    case LineFormat::kRaw:
      return style_.pm2_json ? AppendPm2Json(batch, out) : AppendRaw(batch, out);
  }
}

void LineFormatter::AppendPrefixed(const RecordBatch& batch, std::string& out) {
  const std::size_t flag_at = BuildPrefix(last_, batch.stream, prefix_);
  if (style_.format == LineFormat::kTend) {
    prefix_.append(SafeAppName(batch.worker->app)).append(1, ':');
    prefix_.append(std::to_string(batch.worker->slot)).append(1, ' ');
  }
  const std::size_t need =
      out.size() + batch.bytes.size() + batch.lines.size() * (prefix_.size() + 1);
  // Growing by half as much again keeps the cost of many small batches linear.
  if (need > out.capacity()) out.reserve(need + need / 2);
  for (const LineSpan& line : batch.lines) {
    prefix_[flag_at] = (line.flags & kLinePartial) != 0 ? 'P' : 'F';
    out.append(prefix_).append(batch.Text(line)).append(1, '\n');
  }
}

void LineFormatter::AppendJson(const RecordBatch& batch, std::string& out) {
  const std::string head =
      JsonHead(last_, batch.stream, batch.worker->app, std::to_string(batch.worker->slot));
  for (const LineSpan& line : batch.lines) {
    const std::string_view text = batch.Text(line);
    const bool is_partial = (line.flags & kLinePartial) != 0;
    out.append(head);
    const bool is_line = !is_partial && text.find('\n') == std::string_view::npos;
    if (is_line && SplitJsonObject(text, members_) && !members_.empty() && IsWellFormedJson(text)) {
      AppendMerged(text, members_, out);
      out.append("}\n");
      continue;
    }
    if (is_partial) out.append("\"partial\":true,");
    out.append("\"message\":\"");
    AppendJsonEscaped(text, out);
    out.append("\"}\n");
  }
}

void LineFormatter::AppendRaw(const RecordBatch& batch, std::string& out) {
  const WorkerRef& worker = *batch.worker;
  const bool same = raw_incarnation_ == worker.incarnation && raw_slot_ == worker.slot &&
                    raw_stream_ == batch.stream;
  if (batch.lines.empty()) return;
  if (raw_open_ && !same) {
    out.append(1, '\n');
    raw_open_ = false;
  }
  std::string date;
  AppendDate(date);
  for (const LineSpan& line : batch.lines) {
    if (!raw_open_) out.append(date);
    out.append(batch.Text(line));
    raw_open_ = (line.flags & kLinePartial) != 0;
    if (!raw_open_) out.append(1, '\n');
  }
  raw_incarnation_ = worker.incarnation;
  raw_slot_ = worker.slot;
  raw_stream_ = batch.stream;
}

void LineFormatter::AppendDate(std::string& out) {
  if (style_.dates.empty()) return;
  dates_.Append(last_, out);
  out.append(": ");
}

void LineFormatter::AppendPm2Json(const RecordBatch& batch, std::string& out) {
  const auto id = style_.ids.find(batch.worker->slot);
  std::string tail;
  AppendPm2Tail(batch.stream == Stream::kStdout ? "out" : "err",
                id == style_.ids.end() ? "null" : std::to_string(id->second), batch.worker->app,
                tail);
  for (const LineSpan& line : batch.lines) {
    out.append("{\"message\":\"");
    AppendJsonEscaped(batch.Text(line), out);
    // As PM2: the newline that the worker wrote is a part of it.
    if ((line.flags & kLinePartial) == 0) out.append("\\n");
    out.append(tail);
  }
}

void LineFormatter::AppendPm2Tail(std::string_view type,
                                  std::string_view id,
                                  std::string_view app,
                                  std::string& out) {
  out.append("\",\"timestamp\":\"");
  if (style_.dates.empty()) {
    constexpr std::size_t kToMilliseconds = 23;
    out.append(FormatRfc3339(last_), 0, kToMilliseconds).append(1, 'Z');
  } else {
    std::string date;
    dates_.Append(last_, date);
    AppendJsonEscaped(date, out);
  }
  out.append("\",\"type\":\"").append(type).append("\",\"process_id\":").append(id);
  out.append(",\"app_name\":\"");
  AppendJsonEscaped(app, out);
  out.append("\"}\n");
}

void LineFormatter::SetStyle(const LineStyle& style) {
  if (style == style_) return;
  if (style.format != LineFormat::kRaw || style.pm2_json) raw_open_ = false;
  style_ = style;
  dates_ = MomentFormat(style.dates);
}

void LineFormatter::AppendNotice(std::string_view app,
                                 std::string_view text,
                                 Wall time,
                                 std::string& out) {
  NotBefore(time);
  std::string notice("[tend: ");
  notice.append(text).append(1, ']');
  if (style_.format == LineFormat::kJson) {
    out.append(JsonHead(last_, Stream::kStderr, app, "null")).append("\"message\":\"");
    AppendJsonEscaped(notice, out);
    out.append("\"}\n");
    return;
  }
  if (style_.format == LineFormat::kRaw && style_.pm2_json) {
    out.append("{\"message\":\"");
    AppendJsonEscaped(notice, out);
    out.append("\\n");
    AppendPm2Tail("err", "null", app, out);
    return;
  }
  if (style_.format == LineFormat::kRaw) {
    if (raw_open_) out.append(1, '\n');
    raw_open_ = false;
    AppendDate(out);
  } else {
    BuildPrefix(last_, Stream::kStderr, prefix_);
    out.append(prefix_);
    if (style_.format == LineFormat::kTend) out.append(SafeAppName(app)).append(":- ");
  }
  out.append(notice).append(1, '\n');
}

}  // namespace tend::rotate
