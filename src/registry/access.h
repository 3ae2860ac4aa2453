// Access control: the one check that the mount and the socket share.
#pragma once
#include <string_view>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

enum class Right : std::uint8_t {
  Read = 4,     // list and read what is committed
  Publish = 2,  // commit, label, remove, restore
  Search = 1,
};

// Checks as the kernel does for a directory with that owner and mode: owner, else group, else others; uid 0 may do
// everything. Denied: the message names the right that is missing on `what`.
Status authorise(const Credentials& who, const Ownership& owner, Right right, std::string_view what);

// Ok for the owner and uid 0: chmod, chown and what only an owner may. NotPermitted for others.
Status authorise_owner(const Credentials& who, uid_t owner, std::string_view what);

// The part of a draft's mode that counts where it lies under a version's name, or is an upload: closed to other users
// until it is committed.
inline constexpr std::uint32_t kInPlaceModeMask = 0700;

// Ok if the user may read a draft of that owner and mode, as it is shown: what is committed becomes readable, so users
// commit only what they can read. Its owner always may, who could chmod it. Denied: the message begins with `what`.
Status authorise_disclosing(const Credentials& who, const Ownership& owner, FileType type, std::string_view what);

// Ok for those who may remove the name of a draft: its owner, that of the directory, and uid 0, as in a sticky
// directory. NotPermitted.
Status authorise_moving(const Credentials& who, uid_t owner, uid_t directory_owner, std::string_view what);

// The login name of `uid`, or its number where it has none.
std::string user_name(uid_t uid);

}  // namespace modelfs
