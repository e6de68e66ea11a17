// Dates as users of PM2 write them: the tokens of moment.js and dayjs, in local time and English.
//
//   YYYY YY  Q  MMMM MMM MM Mo M  DDDD DDD  DD Do D  dddd ddd dd do d E  HH H hh h kk k  mm m  ss s
//   S … SSSSSSSSS  A a  ZZ Z  X x  LT LTS L LL LLL LLLL  [text]
//
// Everything else stands for itself. Thread: any one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace tend::rotate {

class MomentFormat {
 public:
  explicit MomentFormat(std::string_view format);
  void Append(Wall time, std::string& out) const;

 private:
  struct Part {
    bool is_token = false;
    std::string text;
  };
  void Parse(std::string_view format);

  std::vector<Part> parts_;
};

}  // namespace tend::rotate
