// The trash: releases are removed into it, and come back from it.
#pragma once
#include <functional>
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
  // The same. Busy also if it is the latest or in a state.
  Status remove_unheld(const DomainName& domain, std::string_view version, const Credentials& who);
  // `trash_name`: its name in the trash.
  Status restore(const DomainName& domain, std::string_view trash_name, const Credentials& who);

 private:
  using Check = std::function<Status(const Snapshot&, const ReleaseRecord&)>;
  Status remove_if(const DomainName& domain, std::string_view version, const Credentials& who, const Check& check);

  RegistryCore& core_;
};

}  // namespace modelfs
