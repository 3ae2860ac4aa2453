#include "control/context.h"

#include <sys/stat.h>

namespace modelfs {

Ownership ownership_of_store(const Registry& registry) {
  struct stat info {};
  // Cannot fail for an open directory; if it does, only root counts as the owner.
  if (::fstat(registry.store_dir(), &info) != 0) return {0, 0, 0755};
  return {info.st_uid, info.st_gid, 0755};
}

Status authorise_store_owner(const Registry& registry, const Credentials& who, std::string_view what) {
  const uid_t owner = ownership_of_store(registry).uid;
  if (who.uid == 0 || who.uid == owner) return {};
  return {Code::Denied, user_name(who.uid) + " may not " + std::string(what) + "; only " +
                            (owner == 0 ? "" : user_name(owner) + " or ") + "root may"};
}

}  // namespace modelfs
