// Who may do what: the one judgement that the mount and the socket share.
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

// Judges as the kernel judges a directory with that owner and mode: owner, else group, else others; uid 0 may
// everything. Denied: the message says who would need which right on `what`.
Status authorise(const Credentials& who, const Ownership& owner, Right right, std::string_view what);

// Ok for the owner and uid 0: chmod, chown and what only an owner may. NotPermitted for others.
Status authorise_owner(const Credentials& who, uid_t owner, std::string_view what);

// What of a draft's mode counts where it lies under a version's name, or is an upload: nobody else's business until it
// is committed.
inline constexpr std::uint32_t kInPlaceModeMask = 0700;

// Ok for who may read a draft of that owner and mode, as it is shown: what is committed becomes readable, so nobody
// commits what he cannot read. Its owner always may, since he could chmod it. Denied: the message begins with `what`.
Status authorise_disclosing(const Credentials& who, const Ownership& owner, FileType type, std::string_view what);

// Ok for who may take the name of a draft away: its owner, that of the directory, and uid 0, as in a sticky directory.
// NotPermitted.
Status authorise_moving(const Credentials& who, uid_t owner, uid_t directory_owner, std::string_view what);

// The login name of `uid`, or its number where it has none.
std::string user_name(uid_t uid);

}  // namespace modelfs
