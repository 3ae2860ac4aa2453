// Deflate as GNU gzip does it. It is older than zlib's and differs from it with all of zlib's parameters: its hash has
// 15 bits where its blocks are as long as those of zlib's memory level 9, it may end a block early, and it searches
// beyond the end of the data. `tar -z` calls it, so most archives are made by it. Written from its behaviour; the
// output was compared with that of gzip 1.12.
#pragma once
#include <memory>
#include <string>

#include "base/types.h"

namespace modelfs {

// Used by one thread at a time. The output depends on the bytes and the level only, not on how the bytes are cut.
class GnuDeflate {
 public:
  // 1 to 9.
  explicit GnuDeflate(int level);
  ~GnuDeflate();
  GnuDeflate(const GnuDeflate&) = delete;
  GnuDeflate& operator=(const GnuDeflate&) = delete;

  void add(ByteView bytes);
  // Ends the stream; nothing may be added after it.
  void finish();
  // The output since the last call.
  std::string take();

 private:
  class Search;
  std::unique_ptr<Search> search_;
};

}  // namespace modelfs
