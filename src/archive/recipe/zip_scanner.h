// Finds the members' bytes in a zip, stored ones and those that a known compressor has deflated, and records all other
// bytes literally. The recipe is proven afterwards.
#pragma once
#include "archive/recipe/recipe.h"
#include "archive/recipe/recipe_members.h"

namespace modelfs {

// The pieces of the whole archive. Conflict: no recipe.
Status walk_zip(const ArchiveReadAt& archive, std::uint64_t size_bytes, const RecipeMembers& members,
                RecipeBuilder& builder);

}  // namespace modelfs
