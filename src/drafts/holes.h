// Holes of draft files: they cost no disk, so what works in proportion to their size is bounded.
#pragma once
#include <cstdint>

namespace modelfs {

// A close hashes at most so many bytes of holes in one file: about a second without SHA instructions. The hash of a
// file with more is left to a rename or command that publishes it; an upload with more is refused.
inline constexpr std::uint64_t kCloseHoleBytesMax = 256ull << 20;
// A rename has at most so many bytes of holes in one draft hashed behind; a draft with more is published by command.
inline constexpr std::uint64_t kRenameHoleBytesMax = 16ull << 30;

// What a file has from an offset on: a hole, or data (also where the file system knows no holes).
struct FileRun {
  bool is_hole = false;
  std::uint64_t end_bytes = 0;
};
// The run that begins at `offset_bytes` of the file `fd`, cut at `end_bytes`, which lies beyond it. Moves the file
// position.
FileRun run_at(int fd, std::uint64_t offset_bytes, std::uint64_t end_bytes);

// Bytes of the file that lie in holes; counting ends once they are more than `enough_bytes`, so the answer costs at
// most one step for each block of that much. 0 where that cannot be told.
std::uint64_t hole_bytes(int fd, std::uint64_t enough_bytes);

}  // namespace modelfs
