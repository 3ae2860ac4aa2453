// An archive's bytes in order, buffered, for the decompressors.
#pragma once
#include <cstdint>
#include <memory>

#include "archive/read/archive_contract.h"

namespace modelfs {

// Not safe for concurrent use.
class BufferedInput {
 public:
  // All of `source`, which has to outlive it.
  explicit BufferedInput(ArchiveSource& source) : source_(source) {}

  // From now on the bytes of [begin, end) only, which end earlier if the archive does.
  void narrow(std::uint64_t begin_bytes, std::uint64_t end_bytes);

  // What has been read and not been used; empty at the end. Reads on only when nothing is left.
  Result<ByteView> peek();
  // At least `count` bytes (at most kBytes), fewer only at the end.
  Result<ByteView> peek(std::size_t count);
  void use(std::size_t count);
  std::uint64_t used_bytes() const { return offset_ - (end_ - begin_); }
  // Ok when only zeros are left. They are read to the end.
  Status expect_zeros();

  static constexpr std::size_t kBytes = 256 << 10;
  static constexpr std::size_t kFirstBytes = 64 << 10;  // what is read first, which may still be being written

 private:
  Status read_on();

  ArchiveSource& source_;
  std::unique_ptr<std::byte[]> buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBytes);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of what is read next
  std::uint64_t limit_ = ~std::uint64_t{0};
  bool at_end_ = false;
};

}  // namespace modelfs
