// A catalog that is damaged is refused by name, and never replaced by an empty one.
#include <cstdint>
#include <fstream>
#include <random>

#include "engine/rocksdb/newest_mark.h"
#include "rocksdb_store.h"

namespace modelfs {
namespace {

class RocksdbDamage : public RocksdbStore {
 protected:
  // One key in a table, one in the log; then closed.
  void fill() {
    open();
    ASSERT_TRUE(put(keys(), "in the table", "1").ok());
    open();  // recovery writes the log to a table
    ASSERT_TRUE(put(keys(), "in the log", "2").ok());
    close();
    ASSERT_FALSE(catalog_files(scratch().path(), ".sst").empty());
    ASSERT_FALSE(catalog_files(scratch().path(), ".log").empty());
  }

  void expect_corrupt(const std::string& name) {
    const auto before = catalog_files(scratch().path(), "");
    const Status status = try_open();
    EXPECT_EQ(status.code(), Code::Corrupt) << status.str();
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
    EXPECT_FALSE(std::filesystem::exists(scratch() / "catalog.new"));
    EXPECT_EQ(try_open().code(), Code::Corrupt) << "an opening that failed must not repair";
  }

  static std::string bytes_in(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void append_to_log(const std::string& bytes) {
    std::ofstream log(catalog_files(scratch().path(), ".log").back(), std::ios::binary | std::ios::app);
    log << bytes;
    ASSERT_TRUE(log.flush());
  }

  void expect_everything_there() {
    open();
    EXPECT_EQ(value_of(keys(), "in the table"), "1");
    EXPECT_EQ(value_of(keys(), "in the log"), "2");
    EXPECT_TRUE(put(keys(), "new", "3").ok());
    open();
    EXPECT_EQ(value_of(keys(), "new"), "3");
  }
};

TEST_F(RocksdbDamage, AMissingCurrentIsCorrupt) {
  fill();
  std::filesystem::remove(scratch() / "catalog/CURRENT");

  expect_corrupt("CURRENT");
}

TEST_F(RocksdbDamage, AnEmptyCurrentIsCorrupt) {
  fill();
  scratch().write("catalog/CURRENT", "");

  expect_corrupt("CURRENT");
}

TEST_F(RocksdbDamage, AMissingTableIsCorrupt) {
  fill();
  const auto table = catalog_files(scratch().path(), ".sst").front();
  std::filesystem::remove(table);

  expect_corrupt(table.filename());
}

TEST_F(RocksdbDamage, ATruncatedTableIsCorrupt) {
  fill();
  const auto table = catalog_files(scratch().path(), ".sst").front();
  std::filesystem::resize_file(table, std::filesystem::file_size(table) / 2);

  expect_corrupt(table.filename());
}

// Values that RocksDB keeps in a file of their own.
class RocksdbLargeValueDamage : public RocksdbDamage {
 protected:
  void SetUp() override {
    open();
    ASSERT_TRUE(put(keys(), "large", std::string(kLargeValueBytes, 'l')).ok());
    ASSERT_TRUE(put(keys(), "small", "s").ok());
    open();
    close();
    ASSERT_EQ(catalog_files(scratch().path(), ".blob").size(), 1u);
    file_ = catalog_files(scratch().path(), ".blob").front();
  }
  std::filesystem::path file_;
};

TEST_F(RocksdbLargeValueDamage, AMissingFileIsCorrupt) {
  std::filesystem::remove(file_);

  expect_corrupt(file_.filename());
}

TEST_F(RocksdbLargeValueDamage, ATruncatedFileIsCorrupt) {
  std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 1);

  expect_corrupt(file_.filename());
}

TEST_F(RocksdbLargeValueDamage, OtherBytesAreCorruptWhenTheyAreRead) {
  std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file_) / 2));
  file.put('L');
  file.close();

  open();

  EXPECT_EQ(keys().get("large").code(), Code::Corrupt);
  EXPECT_EQ(value_of(keys(), "small"), "s") << "all else can be had";
}

TEST_F(RocksdbDamage, AMissingManifestIsCorrupt) {
  fill();
  for (const auto& entry : std::filesystem::directory_iterator(scratch() / "catalog")) {
    if (entry.path().filename().native().starts_with("MANIFEST")) std::filesystem::remove(entry.path());
  }

  expect_corrupt("MANIFEST");
}

TEST_F(RocksdbDamage, ACatalogThatIsGoneIsCorruptWhereBlobsAre) {
  fill();
  open();
  scratch().write("draft", "bytes");
  ASSERT_TRUE(blobs().adopt(hash_of(bytes_of("bytes")).digest, scratch().fd(), "draft").ok());
  close();
  std::filesystem::remove_all(scratch() / "catalog");

  EXPECT_EQ(try_open().code(), Code::Corrupt);
  EXPECT_FALSE(std::filesystem::exists(scratch() / "catalog"));
}

TEST_F(RocksdbDamage, AnInterruptedCreationIsDoneAgain) {
  ASSERT_EQ(::mkdirat(scratch().fd(), "catalog.new", 0700), 0);
  scratch().write("catalog.new/MANIFEST-000001", "half a");
  ASSERT_EQ(::mkdirat(scratch().fd(), "catalog", 0700), 0);  // empty: nothing is lost

  open();

  EXPECT_TRUE(put(keys(), "a", "1").ok());
  EXPECT_FALSE(std::filesystem::exists(scratch() / "catalog.new"));
}

TEST_F(RocksdbDamage, GarbageAfterTheLastCommitIsForgotten) {
  fill();
  std::mt19937 random(20240607);
  std::string garbage(1000, '\0');
  for (char& byte : garbage) byte = static_cast<char>(random());
  append_to_log(garbage);

  expect_everything_there();
}

TEST_F(RocksdbDamage, ZeroesAfterTheLastCommitAreForgotten) {
  fill();
  append_to_log(std::string(8192, '\0'));

  expect_everything_there();
}

TEST_F(RocksdbDamage, ATornCommitIsForgottenAsAWhole) {
  fill();
  const auto log = catalog_files(scratch().path(), ".log").back();
  const auto size_before = std::filesystem::file_size(log);
  open();
  const std::string acknowledged = bytes_in(scratch() / kNewestName);
  Batch batch;
  batch.put("torn 1", "1");
  batch.put("torn 2", "2");
  ASSERT_TRUE(keys().commit(batch, Durability::Durable).ok());
  close();
  const auto torn = catalog_files(scratch().path(), ".log").back();
  ASSERT_GT(size_before, 0u);
  std::filesystem::resize_file(torn, std::filesystem::file_size(torn) - 3);
  scratch().write(kNewestName, acknowledged);  // nobody was told of it

  expect_everything_there();
  EXPECT_EQ(value_of(keys(), "torn 1"), "not_found");
  EXPECT_EQ(value_of(keys(), "torn 2"), "not_found");
}

}  // namespace
}  // namespace modelfs
