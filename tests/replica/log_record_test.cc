#include "replica/log_record.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/memory/memory_engine.h"
#include "replica/judgement.h"
#include "store/engine.h"

namespace modelfs {
namespace {

LogRecord sample() {
  LogRecord record;
  record.registry_id = "registry";
  record.slot = 7;
  record.previous = hash_of(bytes_of("before")).digest;
  record.host = "ann";
  record.writer = 3;
  LoggedBatch first;
  first.token = std::string(16, 'a');
  first.expectations = {{"d/churn", hash_of(bytes_of("head")).digest}, {"r/churn", std::nullopt}};
  first.changes.erases = {"x"};
  first.changes.erase_prefixes = {"h/churn"};
  first.changes.puts = {{"d/churn", "new head"}};
  LoggedBatch second;
  second.token = std::string(16, 'b');
  second.body = LoggedBatch::Body{"body/x", 100'000, hash_of(bytes_of("body")).digest};
  record.batches = {first, second};
  return record;
}

TEST(LogRecord, ComesBackAsItWasWritten) {
  const std::string bytes = sample().encode();

  const auto record = LogRecord::decode(bytes);

  ASSERT_TRUE(record.ok()) << record.status().str();
  EXPECT_EQ(record->encode(), bytes);
  EXPECT_EQ(record->batches[0].expectations, sample().batches[0].expectations);
  EXPECT_EQ(record->batches[1].body, sample().batches[1].body);
  EXPECT_EQ(record->previous, sample().previous);
}

TEST(LogRecord, WithAnyByteChangedOrMissingIsDamaged) {
  const std::string bytes = sample().encode();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(LogRecord::decode(changed).code(), Code::Corrupt) << i;
    EXPECT_EQ(LogRecord::decode(bytes.substr(0, i)).code(), Code::Corrupt) << i;
  }
}

// With a hash that fits, so that the fields themselves are read.
std::string sealed(std::string fields) {
  std::string bytes = "modelfs log\n" + std::move(fields);
  return bytes.append(hash_of(bytes_of(bytes)).digest.raw_bytes());
}

TEST(LogRecord, OfRandomFieldsIsRefusedAndNothingElseHappens) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string good = sample().encode();
  for (int round = 0; round < 20'000; ++round) {
    std::string fields = good.substr(12, good.size() - 12 - 32);
    for (int change = 0; change < 3; ++change) fields[random() % fields.size()] = static_cast<char>(random());
    const auto record = LogRecord::decode(sealed(fields));
    if (record.ok()) {
      EXPECT_EQ(record->encode(), sealed(fields));
    }
  }
}

TEST(LogRecord, OfALaterVersionIsLeftToANewerProgram) {
  EXPECT_EQ(LogRecord::decode(sealed("\x02 whatever")).code(), Code::Unsupported);
}

class Judging : public testing::Test {
 protected:
  void put(const std::string& key, const std::string& value) {
    Batch batch;
    batch.put(key, value);
    ASSERT_TRUE(engine_.keys->commit(batch, Durability::Buffered).ok());
  }
  Judgement judgement() {
    snapshot_ = *engine_.keys->snapshot();
    return Judgement(*snapshot_);
  }
  static LoggedBatch expecting(const std::string& key, std::optional<std::string> value) {
    LoggedBatch batch;
    std::optional<Digest> digest;
    if (value) digest = hash_of(bytes_of(*value)).digest;
    batch.expectations.push_back({key, digest});
    return batch;
  }

  Engine engine_ = make_memory_engine();
  std::shared_ptr<const KeyValueSnapshot> snapshot_;
};

TEST_F(Judging, SeesTheStoreAndWhatWasTakenBefore) {
  put("a", "1");
  put("p/x", "1");
  auto judged = judgement();
  EXPECT_TRUE(*judged.holds(expecting("a", "1")));
  EXPECT_FALSE(*judged.holds(expecting("a", "2")));
  EXPECT_TRUE(*judged.holds(expecting("b", std::nullopt)));

  judged.take({{"a"}, {"p/"}, {{"b", "2"}, {"p/y", "2"}}});

  EXPECT_TRUE(*judged.holds(expecting("a", std::nullopt)));
  EXPECT_TRUE(*judged.holds(expecting("p/x", std::nullopt)));
  EXPECT_TRUE(*judged.holds(expecting("p/y", "2")));
  EXPECT_TRUE(*judged.holds(expecting("b", "2")));
  EXPECT_TRUE(*judged.holds_below(expecting("a", "1")));
}

TEST_F(Judging, OfManyBatchesChangesWhatTheyChangeOneAfterTheOther) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto name = [&] { return std::string(1, "pq"[random() % 2]) + "/" + std::to_string(random() % 4); };
  for (int round = 0; round < 300; ++round) {
    Engine one = make_memory_engine();
    Engine other = make_memory_engine();
    Batch start;
    for (int i = 0; i < 4; ++i) start.put(name(), "0");
    ASSERT_TRUE(one.keys->commit(start, Durability::Buffered).ok());
    ASSERT_TRUE(other.keys->commit(start, Durability::Buffered).ok());
    const auto below = *one.keys->snapshot();
    Judgement judged(*below);
    for (int i = 0; i < 5; ++i) {
      LoggedChanges changes;
      if (random() % 3 == 0) changes.erase_prefixes.push_back(random() % 2 == 0 ? "p/" : "q/");
      if (random() % 2 == 0) changes.erases.push_back(name());
      changes.puts.push_back({name(), std::to_string(i + 1)});
      judged.take(changes);
      Batch batch;
      batch.erases = changes.erases;
      batch.erase_prefixes = changes.erase_prefixes;
      batch.puts = changes.puts;
      ASSERT_TRUE(other.keys->commit(batch, Durability::Buffered).ok());
    }
    ASSERT_TRUE(one.keys->commit(judged.merged(), Durability::Buffered).ok());
    for (const char* domain : {"p/", "q/"}) {
      for (int i = 0; i < 4; ++i) {
        const std::string key = domain + std::to_string(i);
        const auto mine = one.keys->get(key);
        const auto theirs = other.keys->get(key);
        EXPECT_EQ(mine.ok() ? *mine : "", theirs.ok() ? *theirs : "") << key;
      }
    }
  }
}

}  // namespace
}  // namespace modelfs
