// Several small blobs in one object, so that many files cost few requests.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// A pack is "modelfs pack 1\n", the number of blobs, of each its digest and size, then the bytes of all in that order;
// encoded as records are (catalog/FORMAT.md). Whoever knows an offset in it need not read the list.
struct PackEntry {
  Digest digest;
  std::uint64_t offset_bytes = 0;  // in the pack
  std::uint64_t size_bytes = 0;
};

// A pack has at most so many bytes, its list included.
inline constexpr std::size_t kPackBytesMax = 8ull << 20;
inline constexpr std::string_view kPacksPrefix = "packs/";

// Collects blobs of at most kInlineBlobBytesMax until no more fits. Used by one thread.
class PackBuilder {
 public:
  // Whether so many blobs, of so many bytes together, make one pack.
  static bool fits(std::size_t blob_count, std::size_t blobs_bytes);
  bool has_room_for(std::size_t blob_bytes) const { return fits(entries_.size() + 1, bytes_.size() + blob_bytes); }
  bool empty() const { return entries_.empty(); }
  // There is room for it.
  void add(const Digest& digest, std::string_view bytes);
  struct Pack {
    std::string bytes;
    std::vector<PackEntry> entries;  // in the order in which they were added
  };
  // Leaves the builder empty.
  Pack build();

 private:
  std::vector<PackEntry> entries_;
  std::string bytes_;  // of all blobs
};

// What a pack says is in it. Corrupt: it is none, or entries lie outside. That the bytes of a blob are right is the
// caller's to check.
Result<std::vector<PackEntry>> read_pack(std::string_view pack);

}  // namespace modelfs
