// The members whose bytes are kept anyway, found by their digests in the archive that contained them.
#pragma once
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "archive/recipe/recipe.h"

namespace modelfs {

struct RecipeMember {
  Digest digest;
  std::uint64_t size_bytes = 0;
  std::uint32_t content = 0;  // the caller's number
};

// An archive has no recipe. Never leaves find_recipe(), which answers with none then.
inline Status no_recipe(std::string why) { return Status(Code::Conflict, std::move(why)); }

// Bytes of an archive that belong to no member cost memory and disk: more is not worth a recipe.
inline constexpr std::uint64_t kForeignBytesMax = 64 * 1024;      // of one file that is not among the members
inline constexpr std::size_t kPackedBytesMax = 64 * 1024 * 1024;  // of all, compressed

// Immutable, safe for concurrent use.
class RecipeMembers {
 public:
  explicit RecipeMembers(std::span<const RecipeMember> members) {
    for (const RecipeMember& member : members) {
      contents_.emplace(member.digest, member.content);
      sizes_.insert(member.size_bytes);
    }
  }
  std::optional<std::uint32_t> content_of(const Digest& digest) const {
    const auto found = contents_.find(digest);
    return found == contents_.end() ? std::nullopt : std::optional(found->second);
  }
  // Whether a run of so many bytes may be a member, or is little enough to be kept otherwise.
  bool may_hold(std::uint64_t size_bytes) const {
    return size_bytes <= kForeignBytesMax || sizes_.contains(size_bytes);
  }

 private:
  std::unordered_map<Digest, std::uint32_t, DigestHash> contents_;
  std::unordered_set<std::uint64_t> sizes_;
};

}  // namespace modelfs
