#include "replica/packed_blobs.h"

#include <algorithm>

#include "base/log.h"
#include "catalog/keys.h"
#include "catalog/records.h"

namespace modelfs {
namespace {

// So one batch of the catalog's log stays bounded.
constexpr std::size_t kBatchBytes = 4ull << 20;

}  // namespace

Result<PackedBlobs::Bytes> PackedBlobs::find_here(const Digest& digest) const {
  const auto value = context_.keys.get(keys::blob(digest));
  if (!value.ok()) return value.status();
  auto record = BlobRecord::decode(*value);
  const bool is_right =
      record.ok() && !record->quarantined && record->is_inline && sha256_of(bytes_of(record->bytes)) == digest;
  if (!is_right) return Status(Code::NotFound, "it is damaged here");
  return std::make_shared<const std::string>(std::move(record->bytes));
}

bool PackedBlobs::begin(const Digest& digest, const LocationRecord& location, bool takes_all, bool& whole) {
  const MutexLock lock(mutex_);
  const bool is_packed = location.object.starts_with(kPacksPrefix);
  whole = is_packed && (takes_all || asked_before_.find(location.object) != nullptr);
  const std::string what = whole ? location.object : digest.hex();
  if (under_way_.contains(what)) {
    while (under_way_.contains(what)) changed_.wait(mutex_);
    return false;
  }
  under_way_.insert(what);
  if (is_packed) asked_before_.put(location.object, true);
  return true;
}

void PackedBlobs::end(const std::string& what) {
  {
    const MutexLock lock(mutex_);
    under_way_.erase(what);
  }
  changed_.notify_all();
}

Result<PackedBlobs::Bytes> PackedBlobs::load(const Digest& digest, const LocationRecord& location, bool takes_all) {
  const bool is_possible = location.size_bytes <= kInlineBlobBytesMax && check_remote_name(location.object).ok();
  if (!is_possible) {
    return Status(Code::Corrupt, "the place of blob " + digest.hex() + " in the bucket is damaged");
  }
  bool whole = false;
  for (;;) {
    if (auto here = find_here(digest); here.ok() || here.code() != Code::NotFound) return here;
    if (const auto refused = context_.refusals->find(digest)) return *refused;
    if (context_.stopping) return Status(Code::Unavailable, "the mount ends");
    if (begin(digest, location, takes_all, whole)) break;
  }
  auto bytes = whole ? load_pack(digest, location) : load_one(digest, location);
  if (bytes.code() == Code::NotFound) {
    bytes = Status(Code::Corrupt, context_.bytes.name_of(location.object) +
                                      " is missing; `modelfs verify --remote` lists the affected files");
  }
  if (!bytes.ok()) context_.refusals->add(digest, bytes.status());
  end(whole ? location.object : digest.hex());
  return bytes;
}

Result<PackedBlobs::Bytes> PackedBlobs::load_one(const Digest& digest, const LocationRecord& location) {
  auto bytes = std::make_shared<std::string>(location.size_bytes, '\0');
  const ByteSpan into = std::as_writable_bytes(std::span(*bytes));
  if (!into.empty()) {
    const Status status = context_.bytes.read_checked(location.object, location.offset_bytes, into, digest);
    if (!status.ok()) return status;
  } else if (sha256_of({}) != digest) {
    return Status(Code::Corrupt, "the place of blob " + digest.hex() + " in the bucket is damaged");
  }
  Batch batch;
  put(digest, location.crc32, *bytes, batch);
  commit(batch, bytes->size());
  return Bytes(std::move(bytes));
}

Result<PackedBlobs::Bytes> PackedBlobs::load_pack(const Digest& digest, const LocationRecord& location) {
  std::string pack(kPackBytesMax, '\0');
  const auto got = context_.bytes.read_some(location.object, std::as_writable_bytes(std::span(pack)));
  if (!got.ok()) return got.status();
  pack.resize(*got);
  const std::uint64_t end = location.offset_bytes + location.size_bytes;
  const bool is_right =
      end <= pack.size() && sha256_of(bytes_of(pack).subspan(location.offset_bytes, location.size_bytes)) == digest;
  // Then asked for alone, once more, and it says what is wrong.
  if (!is_right) return load_one(digest, location);
  Bytes bytes = std::make_shared<const std::string>(pack, location.offset_bytes, location.size_bytes);
  const auto entries = read_pack(pack);
  if (entries.ok()) keep(location.object, pack, *entries);
  return bytes;
}

bool PackedBlobs::belongs_here(const std::string& object, const PackEntry& entry) const {
  if (find_here(entry.digest).ok()) return false;
  const auto value = context_.keys.get(keys::location(entry.digest));
  const auto location = value.ok() ? LocationRecord::decode(*value) : value.status();
  return location.ok() && location->object == object;
}

void PackedBlobs::keep(const std::string& object, std::string_view pack, const std::vector<PackEntry>& entries) {
  Batch batch;
  std::uint64_t bytes_in_batch = 0;
  for (const PackEntry& entry : entries) {
    const std::string_view bytes = pack.substr(entry.offset_bytes, entry.size_bytes);
    if (!belongs_here(object, entry)) continue;
    const ContentHash hash = hash_of(bytes_of(bytes));
    if (hash.digest != entry.digest) continue;  // who wants it hears so
    put(entry.digest, hash.crc32, bytes, batch);
    bytes_in_batch += bytes.size();
    if (bytes_in_batch < kBatchBytes) continue;
    commit(std::exchange(batch, {}), std::exchange(bytes_in_batch, 0));
  }
  commit(batch, bytes_in_batch);
}

void PackedBlobs::put(const Digest& digest, std::uint32_t crc32, std::string_view bytes, Batch& batch) const {
  BlobRecord record;
  record.size_bytes = bytes.size();
  record.allocated_bytes = allocated_for(bytes.size());
  record.crc32 = crc32;
  record.is_inline = true;
  record.bytes = bytes;
  batch.put(keys::blob(digest), record.encode());
}

void PackedBlobs::commit(const Batch& batch, std::uint64_t bytes) {
  if (batch.puts.empty()) return;
  Status status = context_.keys.commit(batch, Durability::Buffered);
  if (status.code() == Code::NoSpace) {
    context_.options.make_room(bytes);
    status = context_.keys.commit(batch, Durability::Buffered);
  }
  // Whoever asked has the bytes all the same.
  if (!status.ok()) return log::warn("small files are read, but cannot stay here: {}", status.message());
  context_.blobs_cached += batch.puts.size();
  context_.options.on_cached(bytes);
}

}  // namespace modelfs
