#include "content/blob_extent.h"

#include <algorithm>
#include <cstring>

#include "catalog/keys.h"
#include "catalog/records.h"
#include "content/inline_blob.h"

namespace modelfs {

Result<std::shared_ptr<const BlobExtent>> BlobExtent::open(const KeyValueStore& keys, const BlobStore& blobs,
                                                           const Digest& blob) {
  const std::string name = "blob " + blob.hex();
  const auto value = keys.get(keys::blob(blob));
  if (value.code() == Code::NotFound) {
    return Status(Code::Corrupt, name + " is missing; `modelfs verify` lists the affected files");
  }
  if (!value.ok()) return value.status();
  auto record = BlobRecord::decode(*value);
  if (!record.ok()) return record.status();
  if (record->quarantined) return Status(Code::Corrupt, name + " is damaged; write the file again");
  std::shared_ptr<BlobExtent> bytes(new BlobExtent({blob, record->crc32}, record->size_bytes, record->allocated_bytes));
  if (record->is_inline) {
    bytes->bytes_ = std::move(record->bytes);
    return std::shared_ptr<const BlobExtent>(std::move(bytes));
  }
  auto reader = blobs.open(blob);
  if (!reader.ok()) {
    const Code code = reader.code() == Code::NotFound ? Code::Corrupt : reader.code();
    return Status(code, name + ": " + reader.status().message() + "; `modelfs verify` lists the affected files");
  }
  if ((*reader)->size_bytes() != record->size_bytes) {
    return Status(Code::Corrupt, name + " has another size than recorded; `modelfs verify` lists the affected files");
  }
  bytes->reader_ = std::move(*reader);
  return std::shared_ptr<const BlobExtent>(std::move(bytes));
}

std::shared_ptr<const BlobExtent> BlobExtent::holding(const ContentHash& hash, std::string bytes) {
  std::shared_ptr<BlobExtent> held(new BlobExtent(hash, bytes.size(), allocated_for(bytes.size())));
  held->bytes_ = std::move(bytes);
  return held;
}

Result<std::size_t> BlobExtent::read_at(std::uint64_t offset_bytes, ByteSpan into) const {
  if (reader_) return reader_->read_at(offset_bytes, into);
  if (offset_bytes >= bytes_.size() || into.empty()) return std::size_t{0};
  const std::size_t count = std::min<std::size_t>(into.size(), bytes_.size() - offset_bytes);
  std::memcpy(into.data(), bytes_.data() + offset_bytes, count);
  return count;
}

}  // namespace modelfs
