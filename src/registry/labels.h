// Labels: movable names for versions.
#pragma once
#include <string_view>

#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "registry/core.h"
#include "registry/requests.h"

namespace modelfs {

// Safe for concurrent use.
class Labels {
 public:
  explicit Labels(RegistryCore& core) : core_(core) {}

  // InvalidArgument: `version` is not exactly one live version of the domain, or the name may not be a label.
  Result<LabelRecord> set(const DomainName& domain, std::string_view label, std::string_view version,
                          const Credentials& who);
  // The same by a draft symlink, which goes in the same commit. AlreadyExists: `replaces` is false, and there is such a
  // label. NotFound: the draft is not there any more.
  Result<LabelRecord> set_by_draft(const DomainName& domain, std::string_view label, const DraftLink& draft,
                                   bool replaces, const Credentials& who);
  Status remove(const DomainName& domain, std::string_view label, const Credentials& who);
  // The label `from` takes the name `to`, instead of a label of that name. AlreadyExists: `replaces` is false, and
  // there is one.
  Status rename(const DomainName& domain, std::string_view from, std::string_view to, bool replaces,
                const Credentials& who);
  // Each of two labels takes the other's name. NotFound: one of them is no label.
  Status exchange(const DomainName& domain, std::string_view one, std::string_view other, const Credentials& who);

 private:
  Result<LabelRecord> set_as(const DomainName& domain, std::string_view label, std::string_view version,
                             const Credentials& who, const DraftLink* draft, bool replaces);
  // AlreadyExists: a version or draft has that name.
  Status check_free(const Snapshot& stored, const DomainRecord& head, const DomainName& domain,
                    std::string_view label) const;

  RegistryCore& core_;
};

}  // namespace modelfs
