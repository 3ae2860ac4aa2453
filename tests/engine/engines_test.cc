// Every engine, against the contracts. A new engine's first commit is one line here, red.
#include "engine/memory/memory_engine.h"
#include "engine/rocksdb/rocksdb_engine.h"
#include "store/blob_store_contract.h"
#include "store/key_value_store_contract.h"
#include "store/scratch_directory.h"

namespace modelfs {
namespace {

struct Memory {
  Engine engine = make_memory_engine();
};

struct Rocksdb {
  ScratchDirectory store;
  Engine engine = [this] {
    auto opened = open_rocksdb_engine(store.path(), {});
    EXPECT_TRUE(opened.ok()) << opened.status().str();
    return *std::move(opened);
  }();
};

struct EngineName {
  template <class Fixture>
  static std::string GetName(int) {
    return std::is_same_v<Fixture, Memory> ? "Memory" : "Rocksdb";
  }
};

using Engines = testing::Types<Memory, Rocksdb>;
INSTANTIATE_TYPED_TEST_SUITE_P(Every, KeyValueStoreContract, Engines, EngineName);
INSTANTIATE_TYPED_TEST_SUITE_P(Every, BlobStoreContract, Engines, EngineName);

}  // namespace
}  // namespace modelfs
