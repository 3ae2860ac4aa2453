#include "vfs/refusals.h"

namespace modelfs {

void Refusals::remember(Ino where, uid_t user, std::string reason) {
  const MutexLock lock(mutex_);
  reasons_.put({raw(where), user}, std::move(reason));
}

std::optional<std::string> Refusals::find(Ino where, uid_t user) const {
  const MutexLock lock(mutex_);
  const std::string* const found = reasons_.find({raw(where), user});
  return found == nullptr ? std::nullopt : std::optional(*found);
}

Status Refusals::refuse(const Credentials& who, Ino where, const std::string& what, Status status) {
  remember(where, who.uid, what + ": " + status.message());
  events_.append("refused", {{"what", what}, {"reason", status.message()}, {"by", user_name(who.uid)}});
  return status;
}

}  // namespace modelfs
