// How an inode number is made up (FORMAT.md, *Inode numbers*).
#pragma once
#include "base/types.h"

namespace modelfs {

//   bits 0 to 31   a counter
//   bits 32 to 55  its writer: who counts. 0 in a store that was made on one disk, kLocalWriter for what never leaves a
//   host bits 56 to 63  a block: places that are derived from a number and need no record
inline constexpr unsigned kInoCounterBits = 32;
inline constexpr unsigned kInoWriterBits = 24;
inline constexpr unsigned kInoBlockShift = kInoCounterBits + kInoWriterBits;
// How many numbers one writer has.
inline constexpr std::uint64_t kInosPerWriter = 1ull << kInoCounterBits;
inline constexpr std::uint64_t kLocalWriter = (1ull << kInoWriterBits) - 1;

// A number in a block of its own, derived from one that was given out. Blocks up to 31 are the archive faces', 32 to 35
// modelstore's layout's, kNodeBlock a mount's.
inline constexpr Ino in_block(Ino ino, std::uint64_t block) { return Ino{raw(ino) | block << kInoBlockShift}; }
// Of nodes that a mount counts by itself, and that nobody sees.
inline constexpr std::uint64_t kNodeBlock = 64;

}  // namespace modelfs
