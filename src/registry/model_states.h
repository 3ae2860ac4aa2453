// The states of models, and what else modelstore's layout keeps of releases.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/core.h"

namespace modelfs {

// Safe for concurrent use.
class ModelStates {
 public:
  explicit ModelStates(RegistryCore& core) : core_(core) {}

  // From now on that layout is listed.
  Status use_modelstore();
  // Puts a release into a state, which is made where there is none, or takes it out. NotFound: no such release, or it
  // is not in that state. IllegalName.
  Status set(const DomainName& domain, std::string_view version, std::string_view state, const Credentials& who);
  Status clear(const DomainName& domain, std::string_view version, std::string_view state, const Credentials& who);
  // (state, version) of every release of the domain that is in a state, sorted.
  Result<std::vector<std::pair<std::string, std::string>>> list(const DomainName& domain) const;
  // Its archive has no place of its own in that layout any more, unless it comes back from the trash.
  Status drop_archive(const DomainName& domain, std::string_view version, const Credentials& who);
  // The layout shows no tombstone of that version any more.
  Status forget_tombstone(const DomainName& domain, std::string_view version, const Credentials& who);

 private:
  RegistryCore& core_;
};

}  // namespace modelfs
