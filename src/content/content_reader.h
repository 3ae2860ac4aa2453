// Open committed content.
#pragma once
#include <cstdint>
#include <optional>

#include "base/status.h"
#include "base/types.h"
#include "content/mapped_spans.h"

namespace modelfs {

// An open committed file or archive face. Holds a pin on its blobs. Safe for concurrent use.
class ContentReader {
 public:
  virtual ~ContentReader() = default;
  virtual std::uint64_t size_bytes() const = 0;
  // Short only at the end.
  virtual Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const = 0;
  // The same, but parts of `into` may be left unwritten; `lent` says what belongs there.
  virtual Result<std::size_t> lend_at(std::uint64_t offset_bytes, ByteSpan into, MappedSpans& lent) const {
    static_cast<void>(lent);
    return read_at(offset_bytes, into);
  }
  // Whether read_at() and lend_at() of these bytes would wait for another host: then not on a thread that answers
  // requests.
  virtual bool may_block(std::uint64_t offset_bytes, std::size_t count_bytes) const {
    static_cast<void>(offset_bytes);
    static_cast<void>(count_bytes);
    return false;
  }
  // A read-only descriptor of exactly these bytes, if a plain file holds them. Valid as long as the reader.
  virtual std::optional<int> descriptor() const = 0;
};

}  // namespace modelfs
