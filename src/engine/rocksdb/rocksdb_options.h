// What an engine on a local disk may be told, and its limits.
#pragma once
#include <cstdint>

namespace modelfs {

// Values of at least so much lie in files beside RocksDB's tables (`catalog/*.blob`).
inline constexpr std::uint64_t kLargeValueBytes = 64 << 10;

// The usual ballast: it suffices to open a catalog whose logs are as long as they get, and for thousands of removals.
inline constexpr std::uint64_t kBallastBytes = 32ull << 20;

// With a smaller file-size limit of the process (RLIMIT_FSIZE) a store is not opened for writing.
inline constexpr std::uint64_t kFileSizeLimitMin = 1 << 20;

struct RocksdbOptions {
  // Below this much free space commits that grow are refused with NoSpace, so that RocksDB never meets a full disk: its
  // Debian build (7.8.3) aborts the process there, and heals only by being reopened. Commits that reclaim may use it
  // down to an eighth. 0: no reserve, for tests only.
  std::uint64_t reserve_bytes = 64ull << 20;
  // Space that is kept in the file `ballast` and freed, little by little, where a commit that reclaims, or the opening
  // itself, finds too little free. It is filled from what is free above the reserve. 0: none is made, and what is there
  // is used.
  std::uint64_t ballast_bytes = 0;
  // Nothing is written, also no lock: the store may lie on a disk that is read-only. Commits are refused with EROFS.
  bool read_only = false;
  std::uint64_t block_cache_bytes = 32ull << 20;
  std::uint64_t write_buffer_bytes = 16ull << 20;
};

}  // namespace modelfs
