// A host of a registry: its keys, its blobs as files, and bytes to try with.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "catalog/remote_records.h"
#include "engine/memory/memory_engine.h"
#include "engine/rocksdb/file_blobs.h"
#include "replica/blob_upload.h"
#include "store/scratch_directory.h"

namespace modelfs {

// Bytes that differ with `seed`, and in which no two chunks are alike.
inline std::string sample_bytes(std::size_t count, std::uint64_t seed) {
  std::string bytes(count, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (std::size_t at = 0; at < count; ++at) {
    if (at % 8 == 0) state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[at] = static_cast<char>(state >> (8 * (at % 8)));
  }
  return bytes;
}

class Host {
 public:
  Host() : directory_(::open(scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    auto opened = FileBlobs::open(directory_);
    if (!opened.ok()) ADD_FAILURE() << opened.status().str();
    blobs = std::move(*opened);
    keys = make_memory_engine().keys;
  }

  // As a commit of this host leaves them before its batch.
  Digest store(const std::string& bytes) const {
    const ContentHash hash = hash_of(bytes_of(bytes));
    if (bytes.size() > kInlineBlobBytesMax) {
      scratch.write("draft", bytes);
      EXPECT_TRUE(blobs->adopt(hash.digest, scratch.fd(), "draft").ok());
      ::unlinkat(scratch.fd(), "draft", 0);
      return hash.digest;
    }
    BlobRecord record;
    record.size_bytes = bytes.size();
    record.crc32 = hash.crc32;
    record.is_inline = true;
    record.bytes = bytes;
    put(keys::blob(hash.digest), record.encode());
    return hash.digest;
  }
  // As the log leaves them.
  void apply(const std::vector<BlobLocation>& locations) const {
    for (const BlobLocation& each : locations) put(keys::location(each.digest), each.location.encode());
  }
  void put(const std::string& key, const std::string& value) const {
    Batch batch;
    batch.put(key, value);
    EXPECT_TRUE(keys->commit(batch, Durability::Buffered).ok());
  }

  ScratchDirectory scratch;
  std::unique_ptr<KeyValueStore> keys;
  std::unique_ptr<BlobStore> blobs;

 private:
  File directory_;
};

}  // namespace modelfs
