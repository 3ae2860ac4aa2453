// Verify: reads every byte that is committed.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "registry/core.h"

namespace modelfs {

struct VerifyReport {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> problems;  // one sentence each, with the paths that are hit
};

// Safe for concurrent use.
class Verifier {
 public:
  explicit Verifier(RegistryCore& core) : core_(core) {}

  // Hashes every blob that `domain` (empty: any) and `version` (empty: any) need. `progress` gets (done, total) bytes.
  Result<VerifyReport> verify(std::string_view domain, std::string_view version,
                              const std::function<void(std::uint64_t, std::uint64_t)>& progress);

 private:
  Status quarantine(const Digest& digest);

  RegistryCore& core_;
};

}  // namespace modelfs
