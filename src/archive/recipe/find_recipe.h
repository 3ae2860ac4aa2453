// Finds a recipe that rebuilds an uploaded archive from its members, and proves it.
#pragma once
#include <atomic>
#include <optional>
#include <span>

#include "archive/recipe/recipe.h"
#include "archive/recipe/recipe_members.h"

namespace modelfs {

struct RecipeSource {
  ArchiveReadAt read_at;
  std::uint64_t size_bytes = 0;
  ArchiveFormat format = ArchiveFormat::Tar;
};

// A recipe only after it has rebuilt the archive with every byte the same; it takes at most half the archive's size.
// None where nothing matches: a compressor other than zlib, GNU gzip and our own, several gzip members, files that are
// not among `members`. That is mostly known after the first 4 MiB. Reads the archive up to three times, and the
// contents once or (rarely) a few times; memory is bounded, about what the recipe needs and 24 MiB. Interrupted:
// `cancel` was set. Failures of reading are passed on.
Result<std::optional<Recipe>> find_recipe(const RecipeSource& source, std::span<const RecipeMember> members,
                                          const ContentReadAt& content, const std::atomic<bool>& cancel);

}  // namespace modelfs
