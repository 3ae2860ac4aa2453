#include "replica/blob_upload.h"

#include <algorithm>
#include <exception>
#include <unordered_set>
#include <utility>

#include "base/names.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "replica/chunked_source.h"

namespace modelfs {
namespace {

Status no_time_left() {
  return {Code::Unavailable, "the bytes could not be uploaded in time; they go on with the next try"};
}

Status not_what_was_summed(const Digest& digest) {
  return {Code::Corrupt, "blob " + digest.hex() +
                             " does not hold the bytes that were summed; `modelfs verify` lists the affected files"};
}

// Work on several threads that ends together.
class Together {
 public:
  // Runs `work` unless something has failed, and keeps what it makes.
  void run(const std::function<Result<std::vector<BlobLocation>>()>& work) EXCLUDES(mutex_) {
    Result<std::vector<BlobLocation>> made = Status();
    if (failure().ok()) {
      try {
        made = work();
      } catch (const std::exception& error) {
        made = Status(Code::Internal, error.what());
      }
    }
    const MutexLock lock(mutex_);
    if (made.ok()) up_.insert(up_.end(), made->begin(), made->end());
    if (!made.ok() && failure_.ok()) failure_ = made.status();
    --left_;
    ended_.notify_all();
  }
  void expect_one() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++left_;
  }
  // What was made, also where something has failed.
  std::vector<BlobLocation> wait() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (left_ > 0) ended_.wait(mutex_);
    return std::move(up_);
  }
  Status failure() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return failure_;
  }

 private:
  Mutex mutex_;  // leaf lock
  Condition ended_;
  std::size_t left_ GUARDED_BY(mutex_) = 0;
  std::vector<BlobLocation> up_ GUARDED_BY(mutex_);
  Status failure_ GUARDED_BY(mutex_);
};

std::vector<Digest> without_repeats(const std::vector<Digest>& digests) {
  std::vector<Digest> once;
  std::unordered_set<Digest, DigestHash> seen;
  for (const Digest& digest : digests) {
    if (seen.insert(digest).second) once.push_back(digest);
  }
  return once;
}

}  // namespace

BlobUpload::BlobUpload(const KeyValueStore& keys, const BlobStore& blobs, Remote& remote, std::chrono::seconds max)
    : BlobUpload(keys, blobs, remote, Options{.make_nonce = random_nonce, .uncommitted_max = max}) {}

BlobUpload::BlobUpload(const KeyValueStore& keys, const BlobStore& blobs, Remote& remote, Options options)
    : keys_(keys), blobs_(blobs), remote_(remote), options_(std::move(options)) {}

BlobUpload::~BlobUpload() = default;

Result<std::vector<BlobLocation>> BlobUpload::upload(const std::vector<Digest>& wanted, Deadline deadline) {
  std::vector<BlobLocation> up;
  std::vector<Digest> left = without_repeats(wanted);
  Status failed;
  while (failed.ok() && !left.empty()) {
    std::vector<Digest> mine;
    std::vector<Digest> others;
    failed = claim(left, up, mine, others);
    std::vector<BlobLocation> put;
    if (failed.ok()) failed = put_all(mine, deadline, put);
    end(mine, put);
    up.insert(up.end(), put.begin(), put.end());
    if (failed.ok() && !others.empty() && !wait_for(others, deadline)) failed = no_time_left();
    // What another has uploaded is found there now; what it failed to upload is ours to try.
    left = std::move(others);
  }
  if (failed.ok()) return up;
  abandoned(up);
  return failed;
}

std::string random_nonce() {
  std::string nonce = make_model_id();
  std::erase(nonce, '-');
  return nonce;
}

Result<bool> has_usable_location(const KeyValueStore& keys, const Digest& digest) {
  const auto value = keys.get(keys::location(digest));
  if (value.code() == Code::NotFound) return false;
  if (!value.ok()) return value.status();
  const auto location = LocationRecord::decode(*value);
  if (!location.ok()) return location.status();
  const auto condemned = keys.get(keys::condemned(location->object));
  if (!condemned.ok() && condemned.code() != Code::NotFound) return condemned.status();
  return !condemned.ok();
}

Result<bool> BlobUpload::is_known(const Digest& digest) const { return has_usable_location(keys_, digest); }

Status BlobUpload::claim(const std::vector<Digest>& wanted, std::vector<BlobLocation>& up, std::vector<Digest>& mine,
                         std::vector<Digest>& others) {
  std::vector<Digest> claimed;
  for (const Digest& digest : wanted) {
    // Why before it is looked for: committed() comes after the `f/` key, so what is not found here is found there.
    const MutexLock lock(mutex_);
    const auto now = options_.clock();
    const auto [found, is_new] = uploads_.try_emplace(digest);
    Upload& upload = found->second;
    const bool is_old = !is_new && !upload.is_under_way && now - upload.since > options_.uncommitted_max;
    if (is_new || is_old) {
      upload = Upload{.is_under_way = true, .location = {}, .users = 0, .since = now};
      claimed.push_back(digest);
    } else if (upload.is_under_way) {
      others.push_back(digest);
    } else {
      ++upload.users;
      up.push_back({digest, upload.location});
    }
  }
  Status failed;
  std::vector<Digest> known;
  for (const Digest& digest : claimed) {
    const auto is_there = failed.ok() ? is_known(digest) : Result<bool>(false);
    if (!is_there.ok()) failed = is_there.status();
    (is_there.ok() && *is_there ? known : mine).push_back(digest);
  }
  end(known, {});
  return failed;
}

void BlobUpload::end(const std::vector<Digest>& claimed, const std::vector<BlobLocation>& up) {
  const MutexLock lock(mutex_);
  for (const BlobLocation& each : up) {
    uploads_[each.digest] =
        Upload{.is_under_way = false, .location = each.location, .users = 1, .since = options_.clock()};
  }
  for (const Digest& digest : claimed) {
    const auto found = uploads_.find(digest);
    if (found != uploads_.end() && found->second.is_under_way) uploads_.erase(found);
  }
  forget_old();
  changed_.notify_all();
}

void BlobUpload::forget_old() {
  const auto now = options_.clock();
  if (now - looked_for_old_ < options_.uncommitted_max / 24) return;
  looked_for_old_ = now;
  std::erase_if(uploads_, [this, now](const auto& each) {
    const Upload& upload = each.second;
    return !upload.is_under_way && upload.users == 0 && now - upload.since > options_.uncommitted_max;
  });
}

bool BlobUpload::is_under_way(const Digest& digest) const {
  const auto found = uploads_.find(digest);
  return found != uploads_.end() && found->second.is_under_way;
}

bool BlobUpload::wait_for(const std::vector<Digest>& others, Deadline deadline) {
  const MutexLock lock(mutex_);
  for (const Digest& digest : others) {
    while (is_under_way(digest)) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) return false;
      (void)changed_.wait_for(mutex_, left);
    }
  }
  return true;
}

void BlobUpload::committed(const std::vector<BlobLocation>& locations) { forget(locations); }

void BlobUpload::abandoned(const std::vector<BlobLocation>& locations) {
  const MutexLock lock(mutex_);
  for (const BlobLocation& each : locations) {
    const auto found = uploads_.find(each.digest);
    if (found == uploads_.end() || found->second.location.object != each.location.object) continue;
    if (found->second.users > 0) --found->second.users;
  }
}

void BlobUpload::forget(const std::vector<BlobLocation>& locations) {
  const MutexLock lock(mutex_);
  for (const BlobLocation& each : locations) {
    const auto found = uploads_.find(each.digest);
    if (found != uploads_.end() && found->second.location.object == each.location.object) uploads_.erase(found);
  }
}

BlobUpload::Figures BlobUpload::figures() const {
  return {blobs_up_.load(), bytes_up_.load(), objects_up_.load(), failures_.load(), waiting_bytes_.load()};
}

Result<std::string> BlobUpload::small_blob(const Digest& digest) const {
  const auto value = keys_.get(keys::blob(digest));
  if (!value.ok()) return value.status();
  auto record = BlobRecord::decode(*value);
  if (!record.ok()) return record.status();
  if (!record->is_inline) return Status(Code::NotFound, "its bytes are a file");
  return std::move(record->bytes);
}

Status BlobUpload::put_all(const std::vector<Digest>& mine, Deadline deadline, std::vector<BlobLocation>& up) {
  Together together;
  std::uint64_t planned_bytes = 0;
  const auto submit = [&](std::uint64_t size_bytes, std::function<Result<std::vector<BlobLocation>>()> work) {
    planned_bytes += size_bytes;
    waiting_bytes_ += size_bytes;
    together.expect_one();
    pool_.submit([&together, deadline, work = std::move(work)] {
      together.run([&]() -> Result<std::vector<BlobLocation>> {
        return std::chrono::steady_clock::now() < deadline ? work() : no_time_left();
      });
    });
  };
  std::vector<Digest> small;
  std::size_t small_bytes = 0;
  const auto submit_pack = [&] {
    if (small.empty()) return;
    submit(small_bytes, [this, digests = std::exchange(small, {}), deadline] { return put_pack(digests, deadline); });
    small_bytes = 0;
  };
  Status failed;
  for (const Digest& digest : mine) {
    const auto bytes = small_blob(digest);
    if (bytes.ok()) {
      if (!PackBuilder::fits(small.size() + 1, small_bytes + bytes->size())) submit_pack();
      small.push_back(digest);
      small_bytes += bytes->size();
      continue;
    }
    if (bytes.code() != Code::NotFound) failed = bytes.status();
    auto blob = failed.ok() ? blobs_.open(digest) : failed;
    if (!blob.ok()) {
      failed = Status(blob.code() == Code::NotFound ? Code::Corrupt : blob.code(),
                      "blob " + digest.hex() + " cannot be uploaded: " + blob.status().message());
      break;
    }
    std::shared_ptr<const BlobReader> reader(std::move(*blob));
    submit(reader->size_bytes(), [this, digest, reader, deadline] { return put_alone(digest, *reader, deadline); });
  }
  if (failed.ok()) submit_pack();
  up = together.wait();
  waiting_bytes_ -= planned_bytes;
  return failed.ok() ? together.failure() : failed;
}

Status BlobUpload::put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) {
  Status status = remote_.put(name, source, sha256, deadline);
  ++(status.ok() ? objects_up_ : failures_);
  return status;
}

Result<std::vector<BlobLocation>> BlobUpload::put_alone(const Digest& digest, const BlobReader& blob,
                                                        Deadline deadline) {
  LocationRecord location;
  location.object = std::string(kBlobsPrefix) + digest.hex().substr(0, 2) + "/" + digest.hex() + "." +
                    options_.make_nonce().substr(0, kShortNonceDigits);
  location.size_bytes = blob.size_bytes();
  const Status status = location.size_bytes > kChunkBytes ? put_in_chunks(digest, blob, deadline, location)
                                                          : put_whole(digest, blob, deadline, location);
  if (!status.ok()) return status;
  ++blobs_up_;
  bytes_up_ += location.size_bytes;
  return std::vector<BlobLocation>{{digest, std::move(location)}};
}

Status BlobUpload::put_whole(const Digest& digest, const BlobReader& blob, Deadline deadline,
                             LocationRecord& location) {
  std::vector<std::byte> bytes(blob.size_bytes());
  const auto got = blob.read_at(0, bytes);
  if (!got.ok()) return got.status();
  const ContentHash hash = hash_of(ByteView(bytes).first(*got));
  if (hash.digest != digest) return not_what_was_summed(digest);
  location.crc32 = hash.crc32;
  return put(location.object, BytesSource(bytes), digest, deadline);
}

Status BlobUpload::put_in_chunks(const Digest& digest, const BlobReader& blob, Deadline deadline,
                                 LocationRecord& location) {
  // Why once before it goes up: readers may have a part before the whole has arrived, so each part needs a hash, and
  // that these parts are what `digest` says can only be seen in their order.
  const auto sums = hash_chunks(blob, kChunkBytes, deadline);
  if (!sums.ok()) return sums.status();
  if (sums->whole.digest != digest) return not_what_was_summed(digest);
  const ChunkedSource source(blob, sums->chunks, kChunkBytes);
  if (Status status = put(location.object, source, digest, deadline); !status.ok()) return status;
  std::string list;
  for (const Digest& chunk : sums->chunks) list.append(chunk.raw_bytes());
  location.crc32 = sums->whole.crc32;
  location.chunk_bytes = kChunkBytes;
  location.chunks = sha256_of(bytes_of(list));
  return put(location.object + std::string(kChunksSuffix), BytesSource(bytes_of(list)), location.chunks, deadline);
}

Result<std::vector<BlobLocation>> BlobUpload::put_pack(const std::vector<Digest>& digests, Deadline deadline) {
  PackBuilder builder;
  std::vector<BlobLocation> locations;
  for (const Digest& digest : digests) {
    const auto bytes = small_blob(digest);
    if (!bytes.ok()) return bytes.status();
    const ContentHash hash = hash_of(bytes_of(*bytes));
    if (hash.digest != digest || !builder.has_room_for(bytes->size())) return not_what_was_summed(digest);
    builder.add(digest, *bytes);
    locations.push_back({digest, {}});
    locations.back().location.crc32 = hash.crc32;
  }
  const PackBuilder::Pack pack = builder.build();
  const std::string object = std::string(kPacksPrefix) + options_.make_nonce();
  for (std::size_t i = 0; i < locations.size(); ++i) {
    locations[i].location.object = object;
    locations[i].location.offset_bytes = pack.entries[i].offset_bytes;
    locations[i].location.size_bytes = pack.entries[i].size_bytes;
    bytes_up_ += pack.entries[i].size_bytes;
  }
  const ByteView bytes = bytes_of(pack.bytes);
  if (Status status = put(object, BytesSource(bytes), sha256_of(bytes), deadline); !status.ok()) return status;
  blobs_up_ += locations.size();
  return locations;
}

}  // namespace modelfs
