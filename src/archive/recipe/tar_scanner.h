// Finds the members' bytes in a stream of a tar, and records all other bytes literally. It validates nothing: what it
// misunderstands yields no recipe, since the recipe is proven afterwards.
#pragma once
#include <string>

#include "archive/recipe/recipe.h"
#include "archive/recipe/recipe_members.h"

namespace modelfs {

// Used by one thread at a time.
class TarWalk {
 public:
  TarWalk(const RecipeMembers& members, RecipeBuilder& builder) : members_(members), builder_(builder) {}

  // Conflict: no recipe.
  Status add(ByteView bytes);
  Status finish();

 private:
  enum class State { Header, Extension, Member, Padding, Rest };

  Status take_header(ByteView& bytes);
  Status take_run(ByteView& bytes);
  Status on_header();
  Status on_member_end();
  void end_run();
  void keep(ByteView bytes) { builder_.add_literal(bytes); }

  const RecipeMembers& members_;
  RecipeBuilder& builder_;
  State state_ = State::Header;
  std::string block_;       // of a header, as far as it was fed
  std::uint64_t left_ = 0;  // of the current run
  std::uint64_t size_ = 0;  // of it
  std::string pax_;         // the records before the next member
  bool is_pax_ = false;     // the current extension consists of such records
  std::string small_;       // a member so small that it may be kept
  Hasher hasher_;
};

}  // namespace modelfs
