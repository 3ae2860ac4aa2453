// Brings the bytes that a commit refers to into the bucket, before the commit is told to anybody.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "catalog/remote_records.h"
#include "replica/pack.h"
#include "store/blob_store.h"
#include "store/key_value_store.h"
#include "store/remote.h"

namespace modelfs {

inline constexpr std::string_view kBlobsPrefix = "blobs/";
// What follows an object's name in that of the list of its chunks' hashes.
inline constexpr std::string_view kChunksSuffix = ".chunks";

// Where the bucket has a blob; the value of its `f/` key.
struct BlobLocation {
  Digest digest;
  LocationRecord location;
};

// 32 random hexadecimal digits; names that begin with a digest need only the first kShortNonceDigits.
std::string random_nonce();
inline constexpr std::size_t kShortNonceDigits = 16;

// Whether what is published may refer to the place that `f/<digest>` names: it is there, and its object is not
// condemned.
Result<bool> has_usable_location(const KeyValueStore& keys, const Digest& digest);

// Safe for concurrent use. What it refers to outlives it.
//
// Every byte is hashed as it goes up, so a disk that lies is found here and not by those who read. A blob of more than
// kInlineBlobBytesMax is an object `blobs/<xx>/<digest>.<nonce>`; smaller ones are packed. The nonces make each name
// one of a kind: whatever removes an object that nobody refers to, however late, cannot remove what another commit put.
class BlobUpload {
 public:
  // Objects beyond this size have a list of the hashes of chunks of this size, so that readers can check a part.
  static constexpr std::uint64_t kChunkBytes = 8ull << 20;
  // What was uploaded for a commit that did not take place is used by later ones for so long: far below the age at
  // which the sweeper condemns objects that nobody refers to.
  static constexpr std::chrono::hours kUncommittedMax{12};
  static constexpr unsigned kPutsAtOnce = 4;

  struct Options {
    // 32 hexadecimal digits that nobody has seen before.
    std::function<std::string()> make_nonce;
    std::function<std::chrono::steady_clock::time_point()> clock = [] { return std::chrono::steady_clock::now(); };
    // Shorter than any sweeper takes from condemning an object to removing it.
    std::chrono::seconds uncommitted_max = kUncommittedMax;
  };
  struct Figures {
    std::uint64_t blobs = 0;          // uploaded since the start
    std::uint64_t bytes = 0;          // theirs
    std::uint64_t objects = 0;        // put
    std::uint64_t failures = 0;       // puts that failed
    std::uint64_t waiting_bytes = 0;  // of uploads that have been asked for and have not ended
  };

  // `keys`: those of this host; `blobs`: the files of this host.
  BlobUpload(const KeyValueStore& keys, const BlobStore& blobs, Remote& remote,
             std::chrono::seconds uncommitted_max = kUncommittedMax);
  BlobUpload(const KeyValueStore& keys, const BlobStore& blobs, Remote& remote, Options options);
  ~BlobUpload();

  // Uploads what `wanted` names and no `f/` key does; says where that is, in no order. Each lies here, in its record or
  // as a file, and is pinned by the caller. What another commit of this host uploads at this moment is waited for, and
  // what was uploaded for one that has not ended or did not take place is used again.
  // After Ok the caller calls committed() or abandoned() with the same locations. After a failure there is nothing to
  // do, and what did go up is used by the next try.
  // Corrupt: bytes that are not what their digest says, or that are not here. Unavailable: not by the deadline.
  Result<std::vector<BlobLocation>> upload(const std::vector<Digest>& wanted, Deadline deadline) EXCLUDES(mutex_);

  // The commit is in the log and its `f/` keys are in `keys`; or another has brought them.
  void committed(const std::vector<BlobLocation>& locations) EXCLUDES(mutex_);
  // It is not, and will not be. The objects stay, for the next commit that wants these bytes.
  void abandoned(const std::vector<BlobLocation>& locations) EXCLUDES(mutex_);
  // Nobody may refer to these objects any more: they are condemned, or gone. Then upload() puts the bytes again, under
  // new names.
  void forget(const std::vector<BlobLocation>& locations) EXCLUDES(mutex_);

  Figures figures() const;

 private:
  // A blob of which no `f/` key was seen.
  struct Upload {
    bool is_under_way = false;
    LocationRecord location;  // where it is, unless it is under way
    std::uint64_t users = 0;  // commits that have its location and have not ended
    std::chrono::steady_clock::time_point since{};
  };

  Result<bool> is_known(const Digest& digest) const;
  // Takes on those of `wanted` that nobody uploads and no `f/` key names; adds those that are up to `up`. `others` are
  // under way. A failure leaves `mine` to be ended.
  Status claim(const std::vector<Digest>& wanted, std::vector<BlobLocation>& up, std::vector<Digest>& mine,
               std::vector<Digest>& others) EXCLUDES(mutex_);
  void end(const std::vector<Digest>& claimed, const std::vector<BlobLocation>& up) EXCLUDES(mutex_);
  void forget_old() REQUIRES(mutex_);
  bool is_under_way(const Digest& digest) const REQUIRES(mutex_);
  // False: the deadline passed first.
  bool wait_for(const std::vector<Digest>& others, Deadline deadline) EXCLUDES(mutex_);

  // NotFound: its bytes are not in its record.
  Result<std::string> small_blob(const Digest& digest) const;
  // `up` is what got there, also after a failure.
  Status put_all(const std::vector<Digest>& mine, Deadline deadline, std::vector<BlobLocation>& up);
  Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline);
  Result<std::vector<BlobLocation>> put_alone(const Digest& digest, const BlobReader& blob, Deadline deadline);
  Status put_whole(const Digest& digest, const BlobReader& blob, Deadline deadline, LocationRecord& location);
  Status put_in_chunks(const Digest& digest, const BlobReader& blob, Deadline deadline, LocationRecord& location);
  Result<std::vector<BlobLocation>> put_pack(const std::vector<Digest>& digests, Deadline deadline);

  const KeyValueStore& keys_;
  const BlobStore& blobs_;
  Remote& remote_;
  const Options options_;
  mutable Mutex mutex_;  // leaf lock
  Condition changed_;
  std::map<Digest, Upload> uploads_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point looked_for_old_ GUARDED_BY(mutex_){};
  std::atomic<std::uint64_t> blobs_up_ = 0;
  std::atomic<std::uint64_t> bytes_up_ = 0;
  std::atomic<std::uint64_t> objects_up_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
  std::atomic<std::uint64_t> waiting_bytes_ = 0;
  ThreadPool pool_{"upload", kPutsAtOnce};  // last, so that it ends first
};

}  // namespace modelfs
