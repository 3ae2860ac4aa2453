// The bytes of the tar in an archive: plain, from gzip or from zstd.
#pragma once
#include <cstdint>
#include <memory>

#include "archive/read/archive_contract.h"

namespace modelfs {

// Used by one thread at a time.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  // Fills `into` as far as the content goes; short only at its end, which is reached only when the whole archive has
  // been read and is whole: every checksum that is there fits, and nothing but zeros follows.
  // Malformed: it is not. Else the failure of the source.
  virtual Result<std::size_t> read(ByteSpan into) = 0;
  // Bytes of the archive that have been used up.
  virtual std::uint64_t packed_bytes() const = 0;
};

// `source` has to outlive it.
std::unique_ptr<Decompressor> unpack_nothing(ArchiveSource& source);
// gzip of one or more members. Source: RFC 1952.
std::unique_ptr<Decompressor> unpack_gzip(ArchiveSource& source);
// zstd of one or more frames, with a window of at most 128 MiB (what `zstd --ultra -22` and `--long` use, and what
// `zstd -d` takes without an option). Source: RFC 8878.
std::unique_ptr<Decompressor> unpack_zstd(ArchiveSource& source);

}  // namespace modelfs
