// One large object, put in parts at the same time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "engine/s3/s3_client.h"

namespace modelfs {

class MultipartPut {
 public:
  static constexpr std::uint64_t kPartBytesMin = 8 << 20;
  static constexpr std::uint64_t kPartsMax = 10'000;  // S3's own limit
  static constexpr unsigned kParallelMax = 4;         // parts of one object

  // Its references outlive run(), which ends within a second of the deadline.
  MultipartPut(S3Client& client, ThreadPool& threads, std::string key, const RemoteSource& source, Deadline deadline);

  // Puts the object if its bytes have the digest. As Remote::put; the parts of what fails are given up.
  Status run(const Digest& sha256) EXCLUDES(mutex_);

 private:
  // What a pool's thread needs to know whether the put still is.
  struct Help {
    Mutex mutex;  // before MultipartPut::mutex_
    Condition ended;
    MultipartPut* put GUARDED_BY(mutex) = nullptr;  // none: it is over
    unsigned running GUARDED_BY(mutex) = 0;
  };
  static void help(Help& help);

  Status begin();
  void put_parts() EXCLUDES(mutex_);
  Result<std::string> put_part(std::size_t index);
  Status check_whole(const Digest& sha256) EXCLUDES(mutex_);
  Result<Digest> hash_range(std::uint64_t offset_bytes, std::uint64_t size_bytes) EXCLUDES(mutex_);
  Status complete();
  Status look_whether_complete(const S3Answer& answer);
  void give_up();
  void fail(const Status& status) EXCLUDES(mutex_);
  Status failure() EXCLUDES(mutex_);

  S3Client& client_;
  ThreadPool& threads_;
  const std::string key_;
  const RemoteSource& source_;
  const Deadline deadline_;
  const std::uint64_t part_bytes_;
  std::string upload_id_;
  Mutex mutex_;  // leaf lock
  std::vector<std::string> etags_ GUARDED_BY(mutex_);
  std::size_t next_part_ GUARDED_BY(mutex_) = 0;
  Status failure_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
