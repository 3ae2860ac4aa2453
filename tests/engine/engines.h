// Every engine there is, for the suites of the contracts. A new engine's first commit is one line here, red.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "engine/memory/memory_engine.h"
#include "engine/rocksdb/rocksdb_engine.h"
#include "store/scratch_directory.h"

namespace modelfs {

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

}  // namespace modelfs
