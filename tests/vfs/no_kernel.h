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
  void forget_name(Ino, const std::string& name) override { forgotten.push_back(name); }
  void forget_name_behind(Ino, const std::string& name, Wait) override { forgotten.push_back(name); }
  std::vector<Ino> invalidated;
  std::vector<std::string> forgotten;
};

}  // namespace modelfs
