// The trash: releases are removed into it, and come back from it.
#pragma once
#include <string_view>

#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/core.h"

namespace modelfs {

// Safe for concurrent use.
class Trash {
 public:
  explicit Trash(RegistryCore& core) : core_(core) {}

  // Removes a release. Busy: a label names it.
  Status remove(const DomainName& domain, std::string_view version, const Credentials& who);
  // `trash_name`: its name in the trash.
  Status restore(const DomainName& domain, std::string_view trash_name, const Credentials& who);

 private:
  RegistryCore& core_;
};

}  // namespace modelfs
