// Stands for the kernel's cache.
#pragma once
#include <string>
#include <vector>

#include "vfs/file_system.h"

namespace modelfs {

// Keeps what it was told. For one thread.
class NoKernel final : public KernelCache {
 public:
  void invalidate_attributes(Ino ino) override { invalidated.push_back(ino); }
  void invalidate_entry(Ino, const std::string& name) override { forgotten.push_back(name); }
  void invalidate_entry_later(Ino, const std::string& name, Wait) override { forgotten.push_back(name); }
  std::vector<Ino> invalidated;
  std::vector<std::string> forgotten;
};

}  // namespace modelfs
