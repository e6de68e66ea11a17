// The keeper's store (base/keeper_protocol.h), as those see it who keep descriptors there that must
// outlive them.
//
// Thread: the caller's loop.
#pragma once

#include <cstdint>

#include "base/keeper_protocol.h"
#include "base/result.h"

namespace tend {

class DescriptorStore {
 public:
  DescriptorStore() = default;
  DescriptorStore(const DescriptorStore&) = delete;
  DescriptorStore& operator=(const DescriptorStore&) = delete;
  virtual ~DescriptorStore() = default;
  virtual Result<> Put(StoreKind kind, std::uint64_t id, int fd) = 0;  // `fd` stays the caller's
  virtual void Drop(StoreKind kind, std::uint64_t id) = 0;
};

}  // namespace tend
