#include "content/content_store.h"

#include <algorithm>
#include <cstring>

#include "base/mapped_file.h"
#include "base/mutex.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// A blob that lies in the catalog.
class InlineContent final : public ContentReader {
 public:
  explicit InlineContent(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    if (offset_bytes >= bytes_.size() || into.empty()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(into.size(), bytes_.size() - offset_bytes);
    std::memcpy(into.data(), bytes_.data() + offset_bytes, count);
    return count;
  }
  std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  const std::string bytes_;
};

// A blob that is a file of the engine.
class BlobContent final : public ContentReader {
 public:
  BlobContent(std::unique_ptr<BlobReader> reader, std::unique_ptr<BlobPins::Pin> pin)
      : reader_(std::move(reader)), pin_(std::move(pin)) {
    if (const auto file = reader_->descriptor()) mapped_.emplace(*file, reader_->size_bytes());
  }
  std::uint64_t size_bytes() const override { return reader_->size_bytes(); }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    const auto got = reader_->read_at(offset_bytes, into);
    // Otherwise a reader would take it for the end of the file.
    if (got.ok() && offset_bytes < size_bytes() &&
        *got < std::min<std::uint64_t>(into.size(), size_bytes() - offset_bytes)) {
      return Status(Code::Corrupt, "a blob's file has lost its end; `modelfs verify` lists the affected files");
    }
    return got;
  }
  Result<std::size_t> lend_at(std::uint64_t offset_bytes, ByteSpan into, MappedSpans& lent) const override {
    auto range = mapped_ ? mapped_->find(offset_bytes, into.size()) : std::nullopt;
    if (!range) return read_at(offset_bytes, into);
    lent.add(into.data(), std::move(*range));
    return into.size();
  }
  std::optional<int> descriptor() const override { return reader_->descriptor(); }
  bool may_block(std::uint64_t offset_bytes, std::size_t count_bytes) const override {
    return reader_->may_block(offset_bytes, count_bytes);
  }

 private:
  const std::unique_ptr<BlobReader> reader_;
  const std::unique_ptr<BlobPins::Pin> pin_;
  std::optional<MappedFile> mapped_;
};

// A small file that was not read yet. Why: most opens of one read nothing, because the kernel has its pages, and
// fetching and checking it is most of the cost of such an open.
class LateContent final : public ContentReader {
 public:
  LateContent(const ContentStore& store, std::shared_ptr<const Manifest> manifest, std::uint32_t index)
      : store_(store),
        manifest_(std::move(manifest)),
        file_(manifest_->at(index)),
        pin_(store.pin({file_.hash.digest})) {}
  std::uint64_t size_bytes() const override { return file_.size_bytes; }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override EXCLUDES(mutex_) {
    const auto content = opened();
    return content.ok() ? (*content)->read_at(offset_bytes, into) : content.status();
  }
  bool may_block(std::uint64_t offset_bytes, std::size_t count_bytes) const override EXCLUDES(mutex_) {
    if (!store_.has_distant()) return false;
    const auto content = opened();
    return content.ok() && (*content)->may_block(offset_bytes, count_bytes);
  }
  std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  Result<std::shared_ptr<const ContentReader>> opened() const EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!content_) {
      auto content = store_.open(file_);
      if (!content.ok()) return content;
      content_ = *std::move(content);
    }
    return content_;
  }

  const ContentStore& store_;
  const std::shared_ptr<const Manifest> manifest_;
  const ManifestEntry& file_;
  const std::unique_ptr<BlobPins::Pin> pin_;
  mutable Mutex mutex_;  // held while it is opened, which waits for nobody
  mutable std::shared_ptr<const ContentReader> content_ GUARDED_BY(mutex_);
};

}  // namespace

Result<Snapshot> ContentStore::snapshot() const {
  auto keys = keys_.snapshot();
  if (!keys.ok()) return keys.status();
  return Snapshot(*std::move(keys));
}

Result<std::shared_ptr<const ContentReader>> ContentStore::open(const ManifestEntry& file) const {
  auto pin = pins_.take({file.hash.digest});
  const auto value = keys_.get(keys::blob(file.hash.digest));
  const std::string name = "blob " + file.hash.digest.hex();
  if (value.code() == Code::NotFound) {
    return open_distant(file, std::move(pin),
                        Status(Code::Corrupt, name + " is missing; `modelfs verify` lists the affected files"));
  }
  if (!value.ok()) return value.status();
  auto record = BlobRecord::decode(*value);
  if (!record.ok()) return record.status();
  if (record->quarantined) {
    return open_distant(file, std::move(pin),
                        Status(Code::Corrupt, name + " is damaged; publish its file again, or restore a backup"));
  }
  if (record->is_inline) {
    // Small enough to be checked every time.
    if (record->bytes.size() != file.size_bytes || hash_of(bytes_of(record->bytes)).digest != file.hash.digest) {
      return Status(Code::Corrupt, name + " is damaged; `modelfs verify` lists the affected files");
    }
    return std::shared_ptr<const ContentReader>(std::make_shared<InlineContent>(std::move(record->bytes)));
  }
  auto reader = blobs_.open(file.hash.digest);
  if (!reader.ok()) {
    const Status failed(reader.code() == Code::NotFound ? Code::Corrupt : reader.code(),
                        name + ": " + reader.status().message() + "; `modelfs verify` lists the affected files");
    // A cache may have lost a file that its record had.
    return reader.code() == Code::NotFound ? open_distant(file, std::move(pin), failed) : failed;
  }
  if ((*reader)->size_bytes() != file.size_bytes) {
    return Status(Code::Corrupt, name + " has " + std::to_string((*reader)->size_bytes()) + " bytes instead of " +
                                     std::to_string(file.size_bytes));
  }
  return std::shared_ptr<const ContentReader>(std::make_shared<BlobContent>(std::move(*reader), std::move(pin)));
}

Result<std::shared_ptr<const ContentReader>> ContentStore::open_distant(const ManifestEntry& file,
                                                                        std::unique_ptr<BlobPins::Pin> pin,
                                                                        const Status& otherwise) const {
  auto reader = blobs_.open_distant(file.hash.digest);
  if (reader.code() == Code::NotFound) return otherwise;
  if (!reader.ok()) return reader.status();
  if ((*reader)->size_bytes() != file.size_bytes) {
    return Status(Code::Corrupt, "blob " + file.hash.digest.hex() + " has another size elsewhere than was published");
  }
  return std::shared_ptr<const ContentReader>(std::make_shared<BlobContent>(std::move(*reader), std::move(pin)));
}

bool ContentStore::is_distant(const ManifestEntry& file) const {
  if (!has_distant()) return false;
  const auto value = keys_.get(keys::blob(file.hash.digest));
  const auto record = value.ok() ? BlobRecord::decode(*value) : value.status();
  if (record.ok() && !record->quarantined && (record->is_inline || blobs_.open(file.hash.digest).ok())) return false;
  return keys_.get(keys::location(file.hash.digest)).ok();
}

Result<std::shared_ptr<const ContentReader>> ContentStore::open(const std::shared_ptr<const Manifest>& manifest,
                                                                std::uint32_t index) const {
  if (manifest->at(index).size_bytes > kInlineBlobBytesMax) return open(manifest->at(index));
  return std::shared_ptr<const ContentReader>(std::make_shared<LateContent>(*this, manifest, index));
}

}  // namespace modelfs
