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

  // What history keeps of why a label was moved: so many bytes of UTF-8 at most.
  static constexpr std::size_t kReasonBytesMax = 1024;

  // InvalidArgument: `version` is not exactly one live version of the domain, or the name may not be a label, or the
  // reason cannot be kept. A label that names it already stays as it is, and history does not tell of it.
  Result<LabelRecord> set(const DomainName& domain, std::string_view label, std::string_view version,
                          const Credentials& who, std::string_view reason = "");
  // Sets it to the version that it named before its last move. NotFound: no such label, or it named none.
  Result<LabelRecord> roll_back(const DomainName& domain, std::string_view label, const Credentials& who,
                                std::string_view reason = "");
  // The same by a draft symlink, which goes in the same commit. AlreadyExists: `replaces` is false, and there is such a
  // label. NotFound: the draft is not there any more.
  Result<LabelRecord> set_by_draft(const DomainName& domain, std::string_view label, const DraftLink& draft,
                                   bool replaces, const Credentials& who);
  Status remove(const DomainName& domain, std::string_view label, const Credentials& who, std::string_view reason = "");
  // The label `from` takes the name `to`, instead of a label of that name. AlreadyExists: `replaces` is false, and
  // there is one.
  Status rename(const DomainName& domain, std::string_view from, std::string_view to, bool replaces,
                const Credentials& who);
  // Each of two labels takes the other's name. NotFound: one of them is no label.
  Status exchange(const DomainName& domain, std::string_view one, std::string_view other, const Credentials& who);

 private:
  // How a label gets its version.
  struct Move {
    std::string_view version = {};     // unless it goes back
    const DraftLink* draft = nullptr;  // in whose place it comes
    bool replaces = true;
    bool goes_back = false;
    std::string_view reason = "";
  };
  Result<LabelRecord> set_as(const DomainName& domain, std::string_view label, const Credentials& who,
                             const Move& move);
  // AlreadyExists: a version or draft has that name.
  Status check_free(const Snapshot& stored, const DomainRecord& head, const DomainName& domain,
                    std::string_view label) const;

  RegistryCore& core_;
};

}  // namespace modelfs
