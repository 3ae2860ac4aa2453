// The keys of a registry that many hosts share, over this host's copy of them.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "replica/blob_upload.h"
#include "replica/commit_log.h"
#include "store/key_value_store.h"
#include "store/remote.h"

namespace modelfs {

// A batch of the host's own keys is committed here alone. One that changes shared keys goes through the log: what it
// refers to is brought to the bucket first, and it holds only if it holds on every host. Reads ask nobody else. Safe
// for concurrent use; what it refers to outlives it.
class SharedKeys final : public KeyValueStore {
 public:
  // Batches whose changes are longer lie in an object of their own.
  static constexpr std::size_t kBodyBytesMin = 64ull << 10;

  // A bucket is assumed to take at least so much a second of what is brought.
  static constexpr std::uint64_t kUploadBytesPerSecondMin = 1ull << 20;

  // `deadline`: how long a commit waits for the bucket, beside the time that its bytes take.
  SharedKeys(Remote& remote, KeyValueStore& local, CommitLog& log, BlobUpload& upload,
             std::chrono::milliseconds deadline)
      : remote_(remote), local_(local), log_(log), upload_(upload), deadline_(deadline) {}

  Result<std::shared_ptr<const KeyValueSnapshot>> snapshot() const override { return local_.snapshot(); }
  Result<std::string> get(std::string_view key) const override { return local_.get(key); }
  // Beside what KeyValueStore says: as CommitLog::commit, and as BlobUpload::upload. A shared part is durable when this
  // returns, whatever `durability` says.
  Status commit(const Batch& batch, Durability durability, SpaceNeed need) override;
  std::vector<std::string> verify() override { return local_.verify(); }

  // From now on batches that change shared keys are refused, Immutable.
  void set_only_reads() { only_reads_ = true; }
  // From now on every batch expects that this key has this value still: that no copy of this store has been started.
  void fence(std::string key, const std::string& value) EXCLUDES(mutex_);

 private:
  Status commit_shared(const Batch& shared, Batch host, SpaceNeed need);
  // Brings the blobs that the batch refers to, and adds where they lie.
  Status add_locations(const Batch& shared, LoggedBatch& logged, std::vector<BlobLocation>& brought);
  Result<std::vector<BlobLocation>> bring(const std::vector<Digest>& missing, std::uint64_t size_bytes);
  Status wait_until_reached(std::chrono::steady_clock::time_point deadline);
  Status put_body(LoggedBatch& logged);

  Remote& remote_;
  KeyValueStore& local_;
  CommitLog& log_;
  BlobUpload& upload_;
  const std::chrono::milliseconds deadline_;
  std::atomic<bool> only_reads_ = false;
  Mutex mutex_;  // leaf lock
  std::optional<LoggedBatch::Expected> fence_ GUARDED_BY(mutex_);
};

struct ReferredBlob {
  Digest digest;
  std::uint64_t size_bytes = 0;
};
// All blobs that what a batch puts refers to, each once: files of manifests, and archives that are kept as they came.
// Corrupt: a record does not decode.
Result<std::vector<ReferredBlob>> blobs_of(const Batch& batch);

}  // namespace modelfs
