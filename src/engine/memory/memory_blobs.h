// Blobs as bytes in memory. Their readers have no descriptor.
#pragma once
#include <map>
#include <memory>

#include "base/mutex.h"
#include "store/blob_store.h"

namespace modelfs {

class MemoryBlobs final : public BlobStore {
 public:
  Result<std::unique_ptr<BlobReader>> open(const Digest& digest) const override;
  Status adopt(const Digest& digest, int dir, const std::string& name) override;
  Status sync(const std::vector<Digest>& adopted) override;
  Status remove(const Digest& digest) override;
  Status for_each(
      const std::function<bool(const Digest&, std::uint64_t size_bytes, TimeNs since)>& visit) const override;

 private:
  struct Blob {
    std::shared_ptr<const std::vector<std::byte>> bytes;
    TimeNs since;
  };
  mutable Mutex mutex_;  // leaf lock
  std::map<Digest, Blob> blobs_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
