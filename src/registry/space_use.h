// How much of the disk domains and releases take.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "base/status.h"
#include "catalog/records.h"
#include "registry/core.h"

namespace modelfs {

// A release counts with its generations and with the archive that it came as, if that is kept. A domain counts with its
// trash.
struct SpaceUse {
  std::string domain;
  std::string version;               // empty: the domain
  std::string trash_name;            // empty: it is live
  std::uint64_t logical_bytes = 0;   // sum of the sizes of its files
  std::uint64_t own_bytes = 0;       // of the blobs that nothing else needs
  std::uint64_t shared_bytes = 0;    // of those that others need too: releases, archives, drafts
  std::uint64_t freeable_bytes = 0;  // blocks on the disk that come back when it is removed for good
};

struct SpaceReport {
  std::vector<SpaceUse> rows;
  SpaceUse total;  // of all rows together: what they share with each other only is its own
};

// Of the domains that `may_read` allows; of the releases of `domain`, the trash included; or of one release. All that
// is published is read, and nothing of files. NotFound.
using MayRead = std::function<bool(const DomainName&, const DomainRecord&)>;
Result<SpaceReport> measure_space(RegistryCore& core, std::string_view domain, std::string_view version,
                                  const MayRead& may_read);

}  // namespace modelfs
