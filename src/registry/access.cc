#include "registry/access.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace modelfs {

namespace {

std::uint32_t granted_bits(const Credentials& who, const Ownership& owner) {
  if (who.uid == owner.uid) return owner.mode >> 6 & 7;
  const bool in_group =
      who.gid == owner.gid || std::find(who.groups.begin(), who.groups.end(), owner.gid) != who.groups.end();
  return (in_group ? owner.mode >> 3 : owner.mode) & 7;
}

}  // namespace

Status authorise(const Credentials& who, const Ownership& owner, Right right, std::string_view what) {
  if (who.uid == 0 || (granted_bits(who, owner) & static_cast<std::uint32_t>(right)) != 0) return {};
  const char* const word = right == Right::Publish ? "publish into" : "read";
  return {Code::Denied, user_name(who.uid) + " may not " + word + " " + std::string(what) + "; its owner " +
                            user_name(owner.uid) + " can change that with chmod"};
}

Status authorise_owner(const Credentials& who, uid_t owner, std::string_view what) {
  if (who.uid == 0 || who.uid == owner) return {};
  return {Code::NotPermitted, "only " + user_name(owner) + " or root may change " + std::string(what)};
}

Status authorise_disclosing(const Credentials& who, const Ownership& owner, FileType type, std::string_view what) {
  if (who.uid == 0 || who.uid == owner.uid || type == FileType::Symlink) return {};
  const auto read = static_cast<std::uint32_t>(Right::Read);
  const std::uint32_t needed = type == FileType::Directory ? read | static_cast<std::uint32_t>(Right::Search) : read;
  if ((granted_bits(who, owner) & needed) == needed) return {};
  return {Code::Denied, std::string(what) + " belongs to " + user_name(owner.uid) + ", and " + user_name(who.uid) +
                            " may not read it: only who can read all of a draft publishes it; its owner can change " +
                            "that with chmod"};
}

Status authorise_moving(const Credentials& who, uid_t owner, uid_t directory_owner, std::string_view what) {
  if (who.uid == 0 || who.uid == owner || who.uid == directory_owner) return {};
  return {Code::NotPermitted, std::string(what) + " is a draft of " + user_name(owner) + ": only " + user_name(owner) +
                                  ", " + user_name(directory_owner) + " and root may publish, move or remove it"};
}

std::string user_name(uid_t uid) {
  std::vector<char> buffer(4096);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return std::to_string(uid);
}

}  // namespace modelfs
