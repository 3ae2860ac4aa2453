// What the suites of the KeyValueStore's contract share.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "store/engine.h"

namespace modelfs {

// Fixture must offer: Engine engine, empty.
template <class Fixture>
class KeyValueStoreTest : public testing::Test {
 protected:
  KeyValueStore& store() { return *fixture_.engine.keys; }

  Status put(const std::string& key, const std::string& value) {
    Batch batch;
    batch.put(key, value);
    return store().commit(batch, Durability::Buffered);
  }

  // The value now, or the name of the Code.
  std::string value(const std::string& key) { return text(store().get(key)); }

  static std::string text(const Result<std::string>& got) {
    return got.ok() ? *got : std::string(code_name(got.code()));
  }

  std::shared_ptr<const KeyValueSnapshot> snapshot() {
    auto snapshot = store().snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().str();
    return *snapshot;
  }

  // What a scan visits, as "key=value key=value".
  static std::string entries(const KeyValueSnapshot& snapshot, std::string_view prefix = {},
                             std::string_view from = {}) {
    std::string found;
    const Status status = snapshot.scan(prefix, from, [&found](std::string_view key, std::string_view value) {
      found.append(found.empty() ? "" : " ").append(key).append("=").append(value);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status.str();
    return found;
  }
  std::string entries() { return entries(*snapshot()); }

 private:
  Fixture fixture_;
};

}  // namespace modelfs
