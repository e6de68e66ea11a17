#include "exporter/ship/write_request.h"

#include <snappy.h>

#include <bit>
#include <limits>
#include <unordered_set>

#include <protozero/pbf_writer.hpp>

#include "base/check.h"
#include "base/number.h"

namespace tend::exporter {
namespace {

// Fields of prometheus.WriteRequest, TimeSeries, Label and Sample.
constexpr protozero::pbf_tag_type kTimeSeries = 1;
constexpr protozero::pbf_tag_type kLabels = 1, kSamples = 2;
constexpr protozero::pbf_tag_type kLabelName = 1, kLabelValue = 2;
constexpr protozero::pbf_tag_type kSampleValue = 1, kSampleTime = 2;

// The one NaN that says: this series has ended.
constexpr double kStale = std::bit_cast<double>(std::uint64_t{0x7ff0000000000002});

bool ReadValue(std::string_view text, double& value) {
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  if (text == "+Inf" || text == "-Inf") {
    value = std::numeric_limits<double>::infinity() * (text[0] == '-' ? -1 : 1);
    return true;
  }
  const auto read = ParseNumber<double>(text);
  value = read.value_or(0);
  return read.has_value();
}

// The size of `name` or `name{a="b",c="d"}` at the front of `line`, 0 if there is none.
std::size_t SeriesSize(std::string_view line) {
  std::size_t at = line.find_first_of("{ ");
  if (at == 0 || at == std::string_view::npos) return 0;
  if (line[at] == ' ') return at;
  for (bool is_first = true; at < line.size() && line[at] != '}'; is_first = false) {
    if (!is_first && line[at] != ',') return 0;
    const std::size_t equals = line.find('=', at + 1);
    if (equals == std::string_view::npos || equals == at + 1 || line.substr(equals + 1, 1) != "\"")
      return 0;
    at = equals + 2;
    while (at < line.size() && line[at] != '"')
      at += line[at] == '\\' ? 2 : 1;
    ++at;
  }
  return at < line.size() ? at + 1 : 0;
}

std::string Unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      ++i;
      out += text[i] == 'n' ? '\n' : text[i];
    } else {
      out += text[i];
    }
  }
  return out;
}

// Series with one sample each, as many as one request may have, and then the next request.
class RequestWriter {
 public:
  RequestWriter(Wall time, const std::map<std::string, std::string>& labels)
      : time_(time), labels_(labels) {}

  void Add(std::string_view series, double value) {
    {
      protozero::pbf_writer request(body_);
      protozero::pbf_writer one(request, kTimeSeries);
      for (const auto& [name, text] : LabelsOf(series, labels_)) {
        protozero::pbf_writer label(one, kLabels);
        label.add_string(kLabelName, name);
        label.add_string(kLabelValue, text);
      }
      protozero::pbf_writer sample(one, kSamples);
      sample.add_double(kSampleValue, value);
      sample.add_int64(
          kSampleTime,
          std::chrono::floor<std::chrono::milliseconds>(time_).time_since_epoch().count());
    }
    if (++samples_ == kSamplesPerRequest) Flush();
  }

  std::vector<WriteRequest> Take() {
    if (samples_ > 0) Flush();
    return std::move(requests_);
  }

 private:
  void Flush() {
    WriteRequest request{.body = {}, .samples = samples_, .time = time_};
    snappy::Compress(body_.data(), body_.size(), &request.body);
    requests_.push_back(std::move(request));
    body_.clear();
    samples_ = 0;
  }

  const Wall time_;
  const std::map<std::string, std::string>& labels_;
  std::string body_;
  std::size_t samples_ = 0;
  std::vector<WriteRequest> requests_;
};

}  // namespace

Result<std::vector<PageSample>> ReadPage(std::string_view page) {
  std::vector<PageSample> samples;
  while (!page.empty()) {
    const std::size_t end = page.find('\n');
    const std::string_view line = page.substr(0, end);
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
    if (line.empty() || line[0] == '#') continue;
    PageSample sample;
    const std::size_t size = SeriesSize(line);
    sample.series = line.substr(0, size);
    if (size == 0 || line.substr(size, 1) != " " || !ReadValue(line.substr(size + 1), sample.value))
      return Error(Errc::kInvalid, "not a sample: " + std::string(line.substr(0, 200)));
    samples.push_back(sample);
  }
  return samples;
}

SeriesLabels LabelsOf(std::string_view series, const std::map<std::string, std::string>& more) {
  SeriesLabels labels;
  std::size_t at = std::min(series.find('{'), series.size());
  labels["__name__"] = std::string(series.substr(0, at));
  while (at + 1 < series.size()) {
    const std::size_t equals = series.find('=', at + 1);
    TEND_CHECK(equals != std::string_view::npos);
    std::size_t end = equals + 2;
    while (end < series.size() && series[end] != '"')
      end += series[end] == '\\' ? 2 : 1;
    labels[std::string(series.substr(at + 1, equals - at - 1))] =
        Unescaped(series.substr(equals + 2, end - equals - 2));
    at = end + 1;
    if (series.substr(at, 1) == "}") break;
  }
  labels.insert(more.begin(), more.end());
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

Result<std::vector<WriteRequest>> WriteRequests(std::string_view page,
                                                std::string_view before,
                                                Wall time,
                                                const std::map<std::string, std::string>& labels) {
  TRY(const std::vector<PageSample> samples, ReadPage(page));
  RequestWriter writer(time, labels);
  std::unordered_set<std::string_view> there;
  there.reserve(samples.size());
  for (const PageSample& sample : samples) {
    writer.Add(sample.series, sample.value);
    there.insert(sample.series);
  }
  if (!before.empty()) {
    TRY(const std::vector<PageSample> old, ReadPage(before));
    for (const PageSample& sample : old)
      if (!there.contains(sample.series)) writer.Add(sample.series, kStale);
  }
  return writer.Take();
}

}  // namespace tend::exporter
