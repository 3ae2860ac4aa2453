// Small blobs that lie in packs: they come into the catalog of this host, and so do their neighbours.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/lru_cache.h"
#include "base/mutex.h"
#include "base/status.h"
#include "catalog/remote_records.h"
#include "replica/fetch_context.h"
#include "replica/pack.h"

namespace modelfs {

// Safe for concurrent use; calls wait for the bucket.
//
// Who reads one small file asks for its bytes alone. Whoever asks a pack for a second one gets the whole of it, since
// what was published together is read together: so 10,000 files of 4 KiB come with 10 requests.
class PackedBlobs {
 public:
  // It outlives this.
  explicit PackedBlobs(FetchContext& context) : context_(context) {}

  using Bytes = std::shared_ptr<const std::string>;
  // The bytes of a blob of at most kInlineBlobBytesMax, which are in its record afterwards if there is room.
  // `takes_all`: of its pack, at once. Codes as IncomingBlob::wait_for().
  Result<Bytes> load(const Digest& digest, const LocationRecord& location, bool takes_all) EXCLUDES(mutex_);

 private:
  static constexpr std::uint64_t kPacksRememberedMax = 4096;

  Result<Bytes> find_here(const Digest& digest) const;
  // What to ask for. False: it was waited for somebody who does the same, so it may be here now.
  bool begin(const Digest& digest, const LocationRecord& location, bool takes_all, bool& whole) EXCLUDES(mutex_);
  void end(const std::string& what) EXCLUDES(mutex_);
  Result<Bytes> load_one(const Digest& digest, const LocationRecord& location);
  Result<Bytes> load_pack(const Digest& digest, const LocationRecord& location);
  void keep(const std::string& object, std::string_view pack, const std::vector<PackEntry>& entries);
  bool belongs_here(const std::string& object, const PackEntry& entry) const;
  void put(const Digest& digest, std::uint32_t crc32, std::string_view bytes, Batch& batch) const;
  void commit(const Batch& batch, std::uint64_t bytes);

  FetchContext& context_;
  Mutex mutex_;  // leaf lock
  Condition changed_;
  std::set<std::string> under_way_ GUARDED_BY(mutex_);  // packs by name, blobs by digest
  LruCache<std::string, bool> asked_before_ GUARDED_BY(mutex_){kPacksRememberedMax};
};

}  // namespace modelfs
