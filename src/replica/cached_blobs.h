// The blobs of a host of a shared registry: those that lie here, and those that the bucket has and that come when they
// are read.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "catalog/remote_records.h"
#include "replica/fetch_context.h"
#include "replica/incoming_blob.h"
#include "replica/packed_blobs.h"
#include "store/blob_store.h"
#include "store/key_value_store.h"
#include "store/remote.h"

namespace modelfs {

// Safe for concurrent use.
//
// open() and all that changes something are those of this host's store, so that what lies here is read as fast as
// without a bucket. What comes from the bucket is a cache, and is as safe as a blob that was published here: it is
// synced before it gets a blob's name, and checked before anybody has a byte of it. As with any local blob, the disk is
// trusted afterwards where the kernel reads the file; `modelfs verify` looks.
class CachedBlobs final : public BlobStore {
 public:
  // Requests for large blobs at the same time; with chunks of 8 MiB they take 64 MiB of memory.
  static constexpr unsigned kFetchesAtOnce = 8;
  // What an interrupted fetch left is kept for so long, to be gone on with.
  static constexpr std::chrono::hours kLeftoversKept{24 * 7};

  struct UnderWay {
    Digest digest;
    std::uint64_t size_bytes = 0;
    std::uint64_t bytes_here = 0;
    std::size_t waiting_count = 0;  // reads and loads that wait for some of it
  };
  struct Figures {
    RemoteBytes::Figures requests;
    std::uint64_t blobs_cached = 0;   // that came since the start
    std::uint64_t bytes_resumed = 0;  // that need not be loaded, because an earlier fetch had them
    std::vector<UnderWay> under_way;  // large blobs that are read or loaded now
  };

  // `keys`: those of this host, not of the log; it and `remote` outlive this. `store_dir`: where `incoming` is made;
  // open as long as this lives.
  static Result<std::unique_ptr<CachedBlobs>> open(std::unique_ptr<BlobStore> host_blobs, KeyValueStore& keys,
                                                   Remote& remote, int store_dir, FetchOptions options = {});
  ~CachedBlobs() override;

  Result<std::unique_ptr<BlobReader>> open(const Digest& digest) const override;
  Status adopt(const Digest& digest, int dir, const std::string& name) override;
  Status sync(const std::vector<Digest>& adopted) override;
  Status remove(const Digest& digest) override;
  Status for_each(
      const std::function<bool(const Digest&, std::uint64_t size_bytes, TimeNs since)>& visit) const override;
  bool has_distant() const override { return true; }
  Result<std::unique_ptr<BlobReader>> open_distant(const Digest& digest) const override;
  void touch(const Digest& digest) override;

  // Brings a blob here, and waits for it. NotFound: the bucket has none either. Interrupted: `goes_on` said no; asked
  // once in a while. Else as the reads of open_distant().
  Status load(const Digest& digest, const std::function<bool()>& goes_on);
  // Whether all of it lies here.
  bool is_here(const Digest& digest) const;

  // Called with each blob that open() finds, on the thread that opens it. Set before anybody opens one.
  void on_open(std::function<void(const Digest&)> opened) { opened_ = std::move(opened); }
  // What could not be had, to be forgotten when the bucket answers again; may outlive this.
  std::shared_ptr<Refusals> refusals() const { return context_->refusals; }
  // Removes what interrupted fetches have left and nobody loads now; how many bytes that were on the disk.
  std::uint64_t remove_leftovers();
  // Nobody is to wait any more; what is waited for answers Unavailable.
  void stop() { context_->stopping = true; }
  Figures figures() const EXCLUDES(mutex_);

 private:
  class StreamedBlob;
  class SmallBlob;

  CachedBlobs(std::unique_ptr<BlobStore> host_blobs, KeyValueStore& keys, Remote& remote, File incoming,
              FetchOptions options);
  Result<LocationRecord> find_location(const Digest& digest) const;
  // The one fetch of that blob that is under way, or a new one.
  Result<std::shared_ptr<IncomingBlob>> incoming(const Digest& digest, const LocationRecord& location) const
      EXCLUDES(mutex_);
  std::uint64_t remove_leftovers(const std::function<bool(const Digest&, const struct stat&)>& is_wanted) const;

  const File incoming_dir_;
  const std::unique_ptr<BlobStore> host_blobs_;
  const std::unique_ptr<FetchContext> context_;
  const std::unique_ptr<PackedBlobs> packed_;
  std::function<void(const Digest&)> opened_;
  mutable Mutex mutex_;  // leaf lock
  mutable std::map<Digest, std::weak_ptr<IncomingBlob>> incoming_ GUARDED_BY(mutex_);
  const std::unique_ptr<ThreadPool> pool_;  // last, so that it ends first
};

}  // namespace modelfs
