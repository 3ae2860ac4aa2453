// Finds out how an uploaded archive can be made again from its members, and proves it.
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

// A recipe only after it has made the archive again and every byte was the same; it costs at most half the archive's
// size. None where nothing fits: a compressor other than zlib, GNU gzip and our own, several gzip members, files that
// are not among `members`. That is mostly known after the first 4 MiB. Reads the archive up to three times, and the
// contents once or (rarely) a few times; memory is bounded, about what the recipe needs and 24 MiB. Interrupted:
// `cancel` was set. What reading fails with is passed on.
Result<std::optional<Recipe>> find_recipe(const RecipeSource& source, std::span<const RecipeMember> members,
                                          const ContentReadAt& content, const std::atomic<bool>& cancel);

}  // namespace modelfs
