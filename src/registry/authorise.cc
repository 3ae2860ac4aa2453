#include "registry/authorise.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace modelfs {

Status authorise(const Credentials& who, const Ownership& owner, Right right, std::string_view what) {
  if (who.uid == 0) return {};
  const auto bit = static_cast<std::uint32_t>(right);
  const bool in_group =
      who.gid == owner.gid || std::find(who.groups.begin(), who.groups.end(), owner.gid) != who.groups.end();
  const std::uint32_t granted = who.uid == owner.uid ? owner.mode >> 6 : in_group ? owner.mode >> 3 : owner.mode;
  if ((granted & bit) != 0) return {};
  const char* const word = right == Right::Publish ? "publish into" : "read";
  return {Code::Denied, user_name(who.uid) + " may not " + word + " " + std::string(what) + "; its owner " +
                            user_name(owner.uid) + " can change that with chmod"};
}

Status authorise_owner(const Credentials& who, uid_t owner, std::string_view what) {
  if (who.uid == 0 || who.uid == owner) return {};
  return {Code::NotPermitted, "only " + user_name(owner) + " or root may change " + std::string(what)};
}

std::string user_name(uid_t uid) {
  std::vector<char> buffer(4096);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return std::to_string(uid);
}

}  // namespace modelfs
