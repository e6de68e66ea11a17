// A page of metrics → WriteRequests of Prometheus's remote write 1.0: protobuf in a block of
// snappy. Pure.
//
// What is sent is what a scrape would have had: the page is the classic text that our own writer
// prints, and is read as strictly as that. Series that a page no longer has get a marker of
// staleness, so that they end in the receiver at once, as they do for a scrape.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tend::exporter {

inline constexpr std::size_t kSamplesPerRequest = 5000;

struct PageSample {
  std::string_view series;  // `name{a="b"}`, as on the page, which it points into
  double value = 0;
};
// Errc::kInvalid, with the line, if a line is none of ours.
Result<std::vector<PageSample>> ReadPage(std::string_view page);

// Name and labels of a series, `more` where it has no label of that name; sorted, and none empty.
// REQUIRES: from ReadPage().
using SeriesLabels = std::map<std::string, std::string>;
SeriesLabels LabelsOf(std::string_view series, const std::map<std::string, std::string>& more);

struct WriteRequest {
  std::string body;
  std::size_t samples = 0;
  Wall time{};
};
// All samples of `page`, and markers for what only `before`, the page that was sent last, has. Of
// at most kSamplesPerRequest each.
Result<std::vector<WriteRequest>> WriteRequests(std::string_view page,
                                                std::string_view before,
                                                Wall time,
                                                const std::map<std::string, std::string>& labels);

}  // namespace tend::exporter
