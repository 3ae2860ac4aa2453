// A store of the RocksDB engine for one test, which can be closed, damaged and opened again.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "engine/rocksdb/rocksdb_engine.h"
#include "store/engine.h"
#include "store/scratch_directory.h"

namespace modelfs {

// Small, so that a test fills it; the watermark is off unless a test is about it.
inline RocksdbOptions small_options() {
  RocksdbOptions options;
  options.reserve_bytes = 0;
  options.block_cache_bytes = 1 << 20;
  options.write_buffer_bytes = 1 << 20;
  return options;
}

inline Status put(KeyValueStore& store, const std::string& key, const std::string& value,
                  SpaceNeed need = SpaceNeed::Grows) {
  Batch batch;
  batch.put(key, value);
  return store.commit(batch, Durability::Durable, need);
}

// The value, or the name of the Code.
inline std::string value_of(const KeyValueStore& store, const std::string& key) {
  const auto value = store.get(key);
  return value.ok() ? *value : std::string(code_name(value.code()));
}

// Files of a catalog whose names end in `suffix`, sorted.
inline std::vector<std::filesystem::path> catalog_files(const std::string& store_path, std::string_view suffix) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(store_path + "/catalog")) {
    if (entry.path().native().ends_with(suffix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class RocksdbStore : public testing::Test {
 protected:
  Status try_open(const RocksdbOptions& options = small_options()) {
    close();
    auto opened = open_rocksdb_engine(scratch_.path(), options);
    if (opened.ok()) engine_ = *std::move(opened);
    return opened.status();
  }
  void open(const RocksdbOptions& options = small_options()) {
    const Status status = try_open(options);
    ASSERT_TRUE(status.ok()) << status.str();
  }
  void close() { engine_ = Engine{}; }

  KeyValueStore& keys() { return *engine_.keys; }
  BlobStore& blobs() { return *engine_.blobs; }
  const ScratchDirectory& scratch() const { return scratch_; }

 private:
  ScratchDirectory scratch_;
  Engine engine_;
};

}  // namespace modelfs
