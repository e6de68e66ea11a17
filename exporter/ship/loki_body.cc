#include "exporter/ship/loki_body.h"

#include <snappy.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include <protozero/pbf_writer.hpp>

#include "base/json_text.h"
#include "base/utf8.h"

namespace tend::exporter {
namespace {

// PushRequest, Stream, Entry, Timestamp, LabelPair.
constexpr protozero::pbf_tag_type kStreams = 1;
constexpr protozero::pbf_tag_type kLabels = 1, kEntries = 2;
constexpr protozero::pbf_tag_type kTimestamp = 1, kLine = 2, kMetadata = 3;
constexpr protozero::pbf_tag_type kSeconds = 1, kNanos = 2;
constexpr protozero::pbf_tag_type kName = 1, kValue = 2;

using Labels = std::map<std::string, std::string>;

// Entries with the same labels.
struct LokiStream {
  std::string_view app;
  Stream stream = Stream::kStdout;
  std::vector<std::span<const ShipEntry>> entries;  // others may be among them
};

std::vector<LokiStream> StreamsOf(std::span<const ShipBatch> batches) {
  std::vector<LokiStream> streams;
  for (const ShipBatch& batch : batches) {
    for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
      const bool has_any =
          std::any_of(batch.entries.begin(), batch.entries.end(),
                      [&](const ShipEntry& entry) { return entry.stream == stream; });
      if (!has_any) continue;
      auto at = std::find_if(streams.begin(), streams.end(), [&](const LokiStream& known) {
        return known.app == batch.app && known.stream == stream;
      });
      if (at == streams.end()) at = streams.insert(at, {batch.app, stream, {}});
      at->entries.push_back(batch.entries);
    }
  }
  return streams;
}

Labels LabelsOf(const LokiStream& stream, const LokiStyle& style) {
  Labels labels = style.labels;
  labels.emplace("job", "tend");
  labels.emplace("host", style.host);
  labels.emplace("app", stream.app);
  labels.emplace("stream", StreamName(stream.stream));
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

// {app="api", host="h1"}
std::string LabelText(const Labels& labels) {
  std::string text(1, '{');
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text += ", ";
    text.append(name).append(1, '=');
    AppendJsonString(value, text);
  }
  return text.append(1, '}');
}

using Metadata = std::array<std::pair<std::string_view, std::string_view>, 2>;

// Worker and level; what is not known is "".
class EntryMetadata {
 public:
  explicit EntryMetadata(const ShipEntry& entry) {
    if (entry.slot >= 0) {
      const auto end =
          std::to_chars(digits_.data(), digits_.data() + digits_.size(), entry.slot).ptr;
      items_[0].second =
          std::string_view(digits_.data(), static_cast<std::size_t>(end - digits_.data()));
    }
    items_[1].second = entry.level;
  }
  const Metadata& items() const { return items_; }

 private:
  std::array<char, 12> digits_;
  Metadata items_{{{"worker", {}}, {"level", {}}}};
};

void AppendInline(const Metadata& items, std::string& out) {
  for (const auto& [name, value] : items) {
    if (!value.empty()) out.append(name).append(1, '=').append(value).append(1, ' ');
  }
}

// How much of `text` one piece may have.
std::size_t PieceSize(std::string_view text) {
  if (text.size() <= kLokiLineMax) return text.size();
  std::size_t size = kLokiLineMax;
  // Back over the rest of a character, which has 4 bytes at most.
  for (int i = 0; i < 3 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80; ++i)
    --size;
  const bool is_utf8 = (static_cast<unsigned char>(text[size]) & 0xC0) != 0x80;
  return is_utf8 ? size : kLokiLineMax;
}

// Calls fn(time, line, metadata) for each piece of each line of a stream.
template <typename Fn>
void ForEachLine(const LokiStream& stream, const LokiStyle& style, Fn fn) {
  std::string inlined;
  for (const auto& span : stream.entries) {
    for (const ShipEntry& entry : span) {
      if (entry.stream != stream.stream) continue;
      const EntryMetadata metadata(entry);
      std::string_view rest = entry.text;
      Wall time = entry.time;
      do {
        std::string_view line = rest.substr(0, PieceSize(rest));
        rest.remove_prefix(line.size());
        if (style.metadata == config::Metadata::kInline) {
          inlined.clear();
          AppendInline(metadata.items(), inlined);
          line = inlined.append(line);
        }
        fn(time, line, metadata.items());
        time += std::chrono::nanoseconds(1);
      } while (!rest.empty());
    }
  }
}

void AddEntry(Wall time,
              std::string_view line,
              const Metadata& metadata,
              bool is_structured,
              protozero::pbf_writer& stream) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  protozero::pbf_writer entry(stream, kEntries);
  {
    protozero::pbf_writer stamp(entry, kTimestamp);
    stamp.add_int64(kSeconds, seconds.count());
    stamp.add_int32(kNanos, static_cast<std::int32_t>((since - seconds).count()));
  }
  entry.add_string(kLine, line.data(), line.size());
  if (!is_structured) return;
  for (const auto& [name, value] : metadata) {
    if (value.empty()) continue;
    protozero::pbf_writer pair(entry, kMetadata);
    pair.add_string(kName, name.data(), name.size());
    pair.add_string(kValue, value.data(), value.size());
  }
}

}  // namespace

std::string LokiProtobuf(std::span<const ShipBatch> batches, const LokiStyle& style) {
  const bool is_structured = style.metadata == config::Metadata::kStructured;
  std::string body;
  protozero::pbf_writer request(body);
  for (const LokiStream& stream : StreamsOf(batches)) {
    protozero::pbf_writer writer(request, kStreams);
    writer.add_string(kLabels, LabelText(LabelsOf(stream, style)));
    ForEachLine(stream, style, [&](Wall time, std::string_view line, const Metadata& metadata) {
      AddEntry(time, line, metadata, is_structured, writer);
    });
  }
  return body;
}

std::string LokiJson(std::span<const ShipBatch> batches, const LokiStyle& style) {
  const bool is_structured = style.metadata == config::Metadata::kStructured;
  std::string body = R"({"streams":[)";
  for (const LokiStream& stream : StreamsOf(batches)) {
    if (body.back() == '}') body += ',';
    body += R"({"stream":{)";
    for (const auto& [name, value] : LabelsOf(stream, style)) {
      if (body.back() != '{') body += ',';
      AppendJsonString(name, body);
      body += ':';
      AppendJsonString(value, body);
    }
    body += R"(},"values":[)";
    ForEachLine(stream, style, [&](Wall time, std::string_view line, const Metadata& metadata) {
      if (body.back() != '[') body += ',';
      body.append("[\"").append(std::to_string(time.time_since_epoch().count())).append("\",");
      AppendJsonString(line, body);
      std::string_view before = ",{";
      for (const auto& [name, value] : metadata) {
        if (!is_structured || value.empty()) continue;
        body.append(std::exchange(before, ",")).append(1, '"').append(name).append("\":");
        AppendJsonString(value, body);
      }
      body += before == "," ? "}]" : "]";
    });
    body += "]}";
  }
  return body += "]}";
}

std::string SnappyBlock(std::string_view text) {
  std::string block;
  snappy::Compress(text.data(), text.size(), &block);
  return block;
}

}  // namespace tend::exporter
