// Requests that clients made, over all cores: what core tells begins at 0 when it does. Stored
// number by number; whoever is killed between two of them leaves what the next one goes on with,
// and nothing counts twice.
//
// Owner: KeptCounters. Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/control_numbers.h"

namespace tend::supervisor {

class RequestSums {
 public:
  // Leaves alone what was never stored.
  using Load = std::function<void(std::string_view name, std::uint64_t& number)>;
  using Store = std::function<void(std::string_view name, std::uint64_t number)>;

  // The counts of the core that began at `since`; always of all methods.
  void Put(std::uint64_t since,
           const std::vector<exporter::ControlNumbers>& told,
           const Load& load,
           const Store& store);
  // Empty until core has told.
  std::vector<exporter::ControlNumbers> All() const;

 private:
  struct Sum {
    std::uint64_t before = 0;  // of the cores before the one at `since_`
    std::uint64_t all = 0;
  };
  struct Ends {
    Sum ok, error;
  };
  std::map<std::string, Ends> sums_;  // by method
  std::uint64_t since_ = 0;
};

}  // namespace tend::supervisor
