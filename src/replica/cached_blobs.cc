#include "replica/cached_blobs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "catalog/keys.h"
#include "catalog/records.h"

namespace modelfs {
namespace {

constexpr const char* kIncomingName = "incoming";
// Reads within so many bytes of where a reader has come go on from there: the kernel asks for several parts at a time,
// and they arrive in any order.
constexpr std::uint64_t kNearBytes = 4ull << 20;
// A reader that has read so much in a row gets a chunk ahead, and one more for each time as much again.
constexpr std::uint64_t kRunBytesPerChunk = 1ull << 20;

Result<std::size_t> copy_of(std::string_view bytes, std::uint64_t offset_bytes, ByteSpan into) {
  if (offset_bytes >= bytes.size() || into.empty()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - offset_bytes);
  std::memcpy(into.data(), bytes.data() + offset_bytes, count);
  return count;
}

}  // namespace

// How far a reader has read in a row.
class ReadRun {
 public:
  // How many chunks to load ahead, and from where on.
  struct Ahead {
    std::uint64_t from_bytes = 0;
    std::uint64_t chunk_count = 0;
  };
  Ahead note(std::uint64_t offset_bytes, std::size_t count_bytes) EXCLUDES(mutex_) {
    const std::uint64_t end = offset_bytes + count_bytes;
    const MutexLock lock(mutex_);
    const bool goes_on = offset_bytes + kNearBytes >= end_ && offset_bytes <= end_ + kNearBytes;
    if (!goes_on) begin_ = offset_bytes;
    end_ = goes_on ? std::max(end_, end) : end;
    return {end_, std::min<std::uint64_t>((end_ - begin_) / kRunBytesPerChunk, CachedBlobs::kFetchesAtOnce)};
  }

 private:
  Mutex mutex_;  // leaf lock
  std::uint64_t begin_ GUARDED_BY(mutex_) = 0;
  std::uint64_t end_ GUARDED_BY(mutex_) = 0;
};

// A large blob that is read while it comes.
class CachedBlobs::StreamedBlob final : public BlobReader {
 public:
  StreamedBlob(const CachedBlobs& blobs, std::shared_ptr<IncomingBlob> incoming)
      : blobs_(blobs), size_bytes_(incoming->size_bytes()), incoming_(std::move(incoming)) {
    incoming_->begin_use();
  }
  ~StreamedBlob() override { incoming_->end_use(); }
  StreamedBlob(const StreamedBlob&) = delete;
  StreamedBlob& operator=(const StreamedBlob&) = delete;

  std::uint64_t size_bytes() const override { return size_bytes_; }
  std::uint64_t allocated_bytes() const override { return allocated_for(size_bytes_); }
  // For its whole life, because a file is read by the kernel or by the daemon from its first open to its last close.
  std::optional<int> descriptor() const override { return std::nullopt; }
  bool may_block(std::uint64_t offset_bytes, std::size_t count_bytes) const override {
    return !incoming()->has(offset_bytes, count_bytes);
  }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    if (offset_bytes >= size_bytes_ || into.empty()) return std::size_t{0};
    into = into.first(std::min<std::uint64_t>(into.size(), size_bytes_ - offset_bytes));
    auto source = incoming();
    Status here = source->wait_for(offset_bytes, into.size());
    if (here.code() == Code::Stale) {
      source = begin_again(source);
      here = source->wait_for(offset_bytes, into.size());
    }
    if (!here.ok()) return here;
    const auto got = source->read_at(offset_bytes, into);
    const ReadRun::Ahead ahead = run_.note(offset_bytes, into.size());
    if (ahead.chunk_count > 0) source->load_ahead(ahead.from_bytes, ahead.chunk_count);
    return got;
  }

 private:
  std::shared_ptr<IncomingBlob> incoming() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return incoming_;
  }
  // From where the registry has it now. The same again if it cannot be had there.
  std::shared_ptr<IncomingBlob> begin_again(const std::shared_ptr<IncomingBlob>& stale) const EXCLUDES(mutex_) {
    const auto location = blobs_.find_location(stale->digest());
    if (!location.ok() || location->size_bytes != size_bytes_) return stale;
    const auto next = blobs_.incoming(stale->digest(), *location);
    if (!next.ok() || *next == stale) return stale;
    const MutexLock lock(mutex_);
    if (incoming_ == stale) {
      (*next)->begin_use();
      incoming_ = *next;
      stale->end_use();
    }
    return incoming_;
  }

  const CachedBlobs& blobs_;
  const std::uint64_t size_bytes_;
  mutable ReadRun run_;
  mutable Mutex mutex_;  // taken before that of an IncomingBlob
  mutable std::shared_ptr<IncomingBlob> incoming_ GUARDED_BY(mutex_);
};

// A small blob that is not here yet.
class CachedBlobs::SmallBlob final : public BlobReader {
 public:
  SmallBlob(const CachedBlobs& blobs, const Digest& digest, LocationRecord location)
      : blobs_(blobs), digest_(digest), location_(std::move(location)) {}
  std::uint64_t size_bytes() const override { return location_.size_bytes; }
  std::uint64_t allocated_bytes() const override { return allocated_for(location_.size_bytes); }
  std::optional<int> descriptor() const override { return std::nullopt; }
  bool may_block(std::uint64_t, std::size_t) const override {
    const MutexLock lock(mutex_);
    return bytes_ == nullptr;
  }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    {
      const MutexLock lock(mutex_);
      if (bytes_) return copy_of(*bytes_, offset_bytes, into);
    }
    auto bytes = blobs_.packed_->load(digest_, location_, false);
    if (!bytes.ok()) return bytes.status();
    const MutexLock lock(mutex_);
    bytes_ = std::move(*bytes);
    return copy_of(*bytes_, offset_bytes, into);
  }

 private:
  const CachedBlobs& blobs_;
  const Digest digest_;
  const LocationRecord location_;
  mutable Mutex mutex_;  // leaf lock
  mutable PackedBlobs::Bytes bytes_ GUARDED_BY(mutex_);
};

CachedBlobs::CachedBlobs(std::unique_ptr<BlobStore> host_blobs, KeyValueStore& keys, Remote& remote, File incoming,
                         FetchOptions options)
    : incoming_dir_(std::move(incoming)),
      host_blobs_(std::move(host_blobs)),
      context_(std::make_unique<FetchContext>(*host_blobs_, keys, remote, incoming_dir_.fd(), std::move(options))),
      packed_(std::make_unique<PackedBlobs>(*context_)),
      pool_(std::make_unique<ThreadPool>("fetch", kFetchesAtOnce)) {}

CachedBlobs::~CachedBlobs() { stop(); }

Result<std::unique_ptr<CachedBlobs>> CachedBlobs::open(std::unique_ptr<BlobStore> host_blobs, KeyValueStore& keys,
                                                       Remote& remote, int store_dir, FetchOptions options) {
  if (::mkdirat(store_dir, kIncomingName, 0700) != 0 && errno != EEXIST) {
    return Status::from_errno(errno, "create incoming/");
  }
  auto incoming = open_at(store_dir, kIncomingName, O_RDONLY | O_DIRECTORY);
  if (!incoming.ok()) return incoming.status();
  std::unique_ptr<CachedBlobs> blobs(
      new CachedBlobs(std::move(host_blobs), keys, remote, std::move(*incoming), std::move(options)));
  const std::int64_t kept_ns = std::chrono::nanoseconds(kLeftoversKept).count();
  (void)blobs->remove_leftovers([&blobs, kept_ns](const Digest& digest, const struct stat& info) {
    const bool is_young = raw(now()) - raw(time_of(info.st_mtim)) < kept_ns;
    return is_young && info.st_blocks > 0 && !blobs->is_here(digest) && blobs->find_location(digest).ok();
  });
  return blobs;
}

Result<std::unique_ptr<BlobReader>> CachedBlobs::open(const Digest& digest) const {
  auto reader = host_blobs_->open(digest);
  if (reader.ok() && opened_) opened_(digest);
  return reader;
}
Status CachedBlobs::adopt(const Digest& digest, int dir, const std::string& name) {
  return host_blobs_->adopt(digest, dir, name);
}
Status CachedBlobs::sync(const std::vector<Digest>& adopted) { return host_blobs_->sync(adopted); }
Status CachedBlobs::remove(const Digest& digest) { return host_blobs_->remove(digest); }
Status CachedBlobs::for_each(const std::function<bool(const Digest&, std::uint64_t, TimeNs)>& visit) const {
  return host_blobs_->for_each(visit);
}
void CachedBlobs::touch(const Digest& digest) { host_blobs_->touch(digest); }

Result<LocationRecord> CachedBlobs::find_location(const Digest& digest) const {
  const auto value = context_->keys.get(keys::location(digest));
  if (value.code() == Code::NotFound) return Status(Code::NotFound, "no blob " + digest.hex() + ", here or elsewhere");
  if (!value.ok()) return value.status();
  return LocationRecord::decode(*value);
}

Result<std::shared_ptr<IncomingBlob>> CachedBlobs::incoming(const Digest& digest,
                                                            const LocationRecord& location) const {
  const MutexLock lock(mutex_);
  std::erase_if(incoming_, [](const auto& each) { return each.second.expired(); });
  const auto found = incoming_.find(digest);
  auto there = found == incoming_.end() ? nullptr : found->second.lock();
  // One that has come is only needed again where its file is damaged since.
  if (there && !there->is_complete() && there->object() == location.object) return there;
  auto made = IncomingBlob::make(*context_, *pool_, digest, location);
  if (made.ok()) incoming_[digest] = *made;
  return made;
}

Result<std::unique_ptr<BlobReader>> CachedBlobs::open_distant(const Digest& digest) const {
  const auto location = find_location(digest);
  if (!location.ok()) return location.status();
  if (const auto refused = context_->refusals->find(digest)) return *refused;
  if (location->size_bytes <= kInlineBlobBytesMax) {
    return std::unique_ptr<BlobReader>(std::make_unique<SmallBlob>(*this, digest, *location));
  }
  auto blob = incoming(digest, *location);
  if (!blob.ok()) return blob.status();
  return std::unique_ptr<BlobReader>(std::make_unique<StreamedBlob>(*this, std::move(*blob)));
}

bool CachedBlobs::is_here(const Digest& digest) const {
  const auto value = context_->keys.get(keys::blob(digest));
  const auto record = value.ok() ? BlobRecord::decode(*value) : value.status();
  if (!record.ok() || record->quarantined) return false;
  return record->is_inline || host_blobs_->open(digest).ok();
}

Status CachedBlobs::load(const Digest& digest, const std::function<bool()>& goes_on) {
  if (is_here(digest)) return {};
  Status status;
  // Once more where the registry has it elsewhere since.
  for (int tries = 0; tries < 2; ++tries) {
    const auto location = find_location(digest);
    if (!location.ok()) return location.status();
    if (location->size_bytes <= kInlineBlobBytesMax) return packed_->load(digest, *location, true).status();
    auto blob = incoming(digest, *location);
    if (!blob.ok()) return blob.status();
    (*blob)->begin_use();
    status = (*blob)->wait_for_all(goes_on);
    (*blob)->end_use();
    if (status.code() != Code::Stale) break;
  }
  return status;
}

std::uint64_t CachedBlobs::remove_leftovers() {
  return remove_leftovers([this](const Digest& digest, const struct stat&) {
    const MutexLock lock(mutex_);
    const auto found = incoming_.find(digest);
    return found != incoming_.end() && !found->second.expired();
  });
}

std::uint64_t CachedBlobs::remove_leftovers(
    const std::function<bool(const Digest&, const struct stat&)>& is_wanted) const {
  std::vector<std::string> names;
  if (Status status = list_names(incoming_dir_.fd(), names); !status.ok()) {
    log::warn("incoming: {}", status.message());
    return 0;
  }
  std::uint64_t freed_bytes = 0;
  for (const std::string& name : names) {
    struct stat info {};
    if (::fstatat(incoming_dir_.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const auto digest = Digest::from_hex(name);
    if (digest.ok() && S_ISREG(info.st_mode) && is_wanted(*digest, info)) continue;
    if (::unlinkat(incoming_dir_.fd(), name.c_str(), 0) != 0) continue;
    if (info.st_nlink == 1) freed_bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  return freed_bytes;
}

CachedBlobs::Figures CachedBlobs::figures() const {
  Figures figures{context_->bytes.figures(), context_->blobs_cached.load(), context_->bytes_resumed.load(), {}};
  std::vector<std::shared_ptr<IncomingBlob>> alive;
  {
    const MutexLock lock(mutex_);
    for (const auto& [digest, each] : incoming_) {
      if (auto blob = each.lock()) alive.push_back(std::move(blob));
    }
  }
  for (const auto& blob : alive) {
    if (blob->is_complete()) continue;
    figures.under_way.push_back({blob->digest(), blob->size_bytes(), blob->bytes_here(), blob->waiting_count()});
  }
  return figures;
}

}  // namespace modelfs
