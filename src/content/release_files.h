// The files of a release or generation by number, opened as they are needed.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "archive/write/synthetic_archive.h"
#include "base/lru_cache.h"
#include "base/mutex.h"
#include "catalog/manifest.h"
#include "content/content_reader.h"
#include "content/content_store.h"

namespace modelfs {

// Safe for concurrent use. Keeps the blobs away from gc.
class ReleaseFiles {
 public:
  // `entries` by their numbers.
  ReleaseFiles(const ContentStore& store, std::shared_ptr<const std::vector<ManifestEntry>> entries);

  const std::vector<ManifestEntry>& entries() const { return *entries_; }
  // Short only at the end of the file.
  Result<std::size_t> read_at(std::uint32_t number, std::uint64_t offset_bytes, ByteSpan into) const EXCLUDES(mutex_);
  // The same as a function, valid as long as this.
  ContentReadAt reader() const;
  // Likewise, as ContentReader::lend_at().
  ContentReadAt lender(MappedSpans& lent) const;
  // Whether some of them may have to come from another host. Why not which: that would be asked for each of many files
  // with each read.
  bool may_block() const { return store_.has_distant(); }

 private:
  static constexpr std::size_t kOpenMax = 16;
  Result<std::shared_ptr<const ContentReader>> open(std::uint32_t number) const EXCLUDES(mutex_);

  const ContentStore& store_;
  const std::shared_ptr<const std::vector<ManifestEntry>> entries_;
  const std::unique_ptr<BlobPins::Pin> pin_;
  mutable Mutex mutex_;  // leaf lock
  mutable LruCache<std::uint32_t, std::shared_ptr<const ContentReader>> open_ GUARDED_BY(mutex_){kOpenMax};
};

}  // namespace modelfs
