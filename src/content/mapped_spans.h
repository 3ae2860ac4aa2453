// Bytes that need not be copied into a buffer, because the writer of the answer can take them from a mapping.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/types.h"

namespace modelfs {

// What stands in place of parts of a buffer. Used by one thread.
class MappedSpans {
 public:
  struct Part {
    const std::byte* place = nullptr;  // in the buffer
    MappedFile::Range range;
  };

  // `range` stands at `place`; parts are added in the order of the buffer.
  void add(const std::byte* place, MappedFile::Range range) { parts_.push_back({place, std::move(range)}); }
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
};

}  // namespace modelfs
