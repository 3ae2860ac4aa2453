#include "engine/memory/memory_blobs.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace modelfs {
namespace {

class MemoryBlobReader final : public BlobReader {
 public:
  explicit MemoryBlobReader(std::shared_ptr<const std::vector<std::byte>> bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t size_bytes() const override { return bytes_->size(); }
  std::uint64_t allocated_bytes() const override { return bytes_->size(); }

  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    if (offset_bytes >= bytes_->size()) return std::size_t{0};
    const auto rest = ByteView(*bytes_).subspan(static_cast<std::size_t>(offset_bytes));
    const std::size_t count = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), count, into.begin());
    return count;
  }

  std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  const std::shared_ptr<const std::vector<std::byte>> bytes_;
};

}  // namespace

Result<std::unique_ptr<BlobReader>> MemoryBlobs::open(const Digest& digest) const {
  const MutexLock lock(mutex_);
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) return Status(Code::NotFound, "no blob " + digest.hex());
  return std::unique_ptr<BlobReader>(std::make_unique<MemoryBlobReader>(found->second.bytes));
}

Status MemoryBlobs::adopt(const Digest& digest, int dir, const std::string& name) {
  struct stat info {};
  if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Status::from_errno(errno, "stat " + name);
  if (!S_ISREG(info.st_mode)) return Status(Code::InvalidArgument, name + " is not a regular file");
  const auto file = open_at(dir, name, O_RDONLY);
  if (!file.ok()) return file.status();
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
  const auto got = read_at(file->fd(), 0, bytes);
  if (!got.ok()) return got.status();
  bytes.resize(*got);

  auto shared = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  const MutexLock lock(mutex_);
  blobs_.insert_or_assign(digest, Blob{std::move(shared), now()});
  return {};
}

Status MemoryBlobs::sync(const std::vector<Digest>&) { return {}; }

Status MemoryBlobs::remove(const Digest& digest) {
  const MutexLock lock(mutex_);
  blobs_.erase(digest);
  return {};
}

Status MemoryBlobs::for_each(const std::function<bool(const Digest&, std::uint64_t, TimeNs)>& visit) const {
  std::map<Digest, Blob> blobs;  // a copy, because `visit` may change the store
  {
    const MutexLock lock(mutex_);
    blobs = blobs_;
  }
  for (const auto& [digest, blob] : blobs) {
    if (!visit(digest, blob.bytes->size(), blob.since)) break;
  }
  return {};
}

}  // namespace modelfs
