#include "content/inline_blob.h"

#include <algorithm>

#include "catalog/keys.h"

namespace modelfs {

Status put_inline_blob(const KeyValueStore& keys, const ContentHash& hash, ByteView bytes, Batch& batch) {
  std::string key = keys::blob(hash.digest);
  const auto stored = keys.get(key);
  if (!stored.ok() && stored.code() != Code::NotFound) return stored.status();
  if (stored.ok()) {
    const auto there = BlobRecord::decode(*stored);
    if (there.ok() && !there->quarantined && there->is_inline && std::ranges::equal(bytes_of(there->bytes), bytes))
      return {};
  }
  BlobRecord record;
  record.size_bytes = bytes.size();
  record.allocated_bytes = allocated_for(bytes.size());
  record.crc32 = hash.crc32;
  record.is_inline = true;
  record.bytes.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  batch.put(std::move(key), record.encode());
  return {};
}

}  // namespace modelfs
