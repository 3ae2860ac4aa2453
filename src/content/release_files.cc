#include "content/release_files.h"

namespace modelfs {
namespace {

std::vector<Digest> digests_of(const std::vector<ManifestEntry>& entries) {
  std::vector<Digest> digests;
  digests.reserve(entries.size());
  for (const ManifestEntry& entry : entries) digests.push_back(entry.hash.digest);
  return digests;
}

}  // namespace

ReleaseFiles::ReleaseFiles(const ContentStore& store, std::shared_ptr<const std::vector<ManifestEntry>> entries)
    : store_(store), entries_(std::move(entries)), pin_(store.pin(digests_of(*entries_))) {}

Result<std::size_t> ReleaseFiles::read_at(std::uint32_t number, std::uint64_t offset_bytes, ByteSpan into) const {
  if (number >= entries_->size()) return Status(Code::Corrupt, "no content has the number " + std::to_string(number));
  const auto reader = open(number);
  if (!reader.ok()) return reader.status();
  return (*reader)->read_at(offset_bytes, into);
}

ContentReadAt ReleaseFiles::reader() const {
  return [this](std::uint32_t number, std::uint64_t offset_bytes, ByteSpan into) {
    return read_at(number, offset_bytes, into);
  };
}

ContentReadAt ReleaseFiles::lender(MappedSpans& lent) const {
  return [this, &lent](std::uint32_t number, std::uint64_t offset_bytes, ByteSpan into) -> Result<std::size_t> {
    if (number >= entries_->size()) return Status(Code::Corrupt, "no content has the number " + std::to_string(number));
    const auto reader = open(number);
    if (!reader.ok()) return reader.status();
    return (*reader)->lend_at(offset_bytes, into, lent);
  };
}

Result<std::shared_ptr<const ContentReader>> ReleaseFiles::open(std::uint32_t number) const {
  {
    const MutexLock lock(mutex_);
    if (const auto* const found = open_.find(number)) return *found;
  }
  auto reader = store_.open((*entries_)[number]);
  if (!reader.ok()) return reader;
  const MutexLock lock(mutex_);
  open_.put(number, *reader);
  return reader;
}

}  // namespace modelfs
