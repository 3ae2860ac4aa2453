// A catalog that has lost what was acknowledged is refused, and one that has lost only what nobody was promised opens.
#include <algorithm>
#include <fstream>
#include <random>

#include "base/digest.h"
#include "engine/rocksdb/log_scan.h"
#include "engine/rocksdb/newest_mark.h"
#include "rocksdb_store.h"

namespace modelfs {
namespace {

std::string bytes_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  ASSERT_TRUE(file.flush());
}

class LostCommits : public RocksdbStore {
 protected:
  // Keys "1" to "8" in one log, each with its own commit; then closed.
  void fill(Durability durability = Durability::Durable) {
    open();
    ASSERT_TRUE(put(keys(), "0", "durable").ok());
    for (int i = 1; i <= 8; ++i) {
      Batch batch;
      batch.put(std::to_string(i), std::string(1000, 'v'));
      ASSERT_TRUE(keys().commit(batch, durability).ok());
    }
    close();
    log_ = catalog_files(scratch().path(), ".log").back();
    mark_ = bytes_in(scratch() / kNewestName);
  }

  void flip_byte(const std::filesystem::path& path, std::uint64_t offset) {
    std::string bytes = bytes_in(path);
    ASSERT_LT(offset, bytes.size());
    bytes[offset] = static_cast<char>(bytes[offset] ^ 1);
    write_bytes(path, bytes);
  }

  // Nothing may change, or there would be nothing left to restore from.
  void expect_refused(const std::string& what) {
    const std::string before = std::filesystem::exists(log_) ? bytes_in(log_) : "";
    for (int i = 0; i < 2; ++i) {
      const Status status = try_open();
      EXPECT_EQ(status.code(), Code::Corrupt) << status.str();
      EXPECT_NE(status.message().find(what), std::string::npos) << status.message();
      EXPECT_NE(status.message().find(scratch() / kNewestName), std::string::npos)
          << "the way out: " << status.message();
    }
    EXPECT_EQ(std::filesystem::exists(log_) ? bytes_in(log_) : "", before);
  }

  // The mark as another run of the machine would have left it.
  void pretend_reboot() {
    std::string text = mark_.substr(0, mark_.find(" crc32 "));
    text.replace(text.size() - 36, 36, "00000000-0000-4000-8000-000000000000");
    std::array<char, 16> hash{};
    std::snprintf(hash.data(), hash.size(), "%08x", hash_of(bytes_of(text)).crc32);
    write_bytes(scratch() / kNewestName, text + " crc32 " + hash.data() + "\n");
  }

  std::filesystem::path log_;
  std::string mark_;
};

TEST_F(LostCommits, AFlippedBitBeforeAcknowledgedCommitsIsRefused) {
  fill();
  flip_byte(log_, std::filesystem::file_size(log_) / 4);

  expect_refused(log_.filename());
}

TEST_F(LostCommits, AFlippedBitInTheNewestCommitIsRefused) {
  fill();
  flip_byte(log_, std::filesystem::file_size(log_) - 10);

  expect_refused(log_.filename());
}

TEST_F(LostCommits, AFlippedBitIsRefusedAfterARebootToo) {
  fill();
  pretend_reboot();
  flip_byte(log_, std::filesystem::file_size(log_) / 4);

  expect_refused(log_.filename());
}

TEST_F(LostCommits, ALogThatIsCutOffIsRefused) {
  fill();
  std::filesystem::resize_file(log_, std::filesystem::file_size(log_) - 3);

  expect_refused("was acknowledged");
}

TEST_F(LostCommits, ALogThatIsGoneIsRefused) {
  fill();
  std::filesystem::remove(log_);

  expect_refused("was acknowledged");
}

TEST_F(LostCommits, AnOlderCopyOfTheCatalogIsRefused) {
  fill();
  const std::string copy = scratch() / "copy";
  std::filesystem::copy(scratch() / "catalog", copy, std::filesystem::copy_options::recursive);
  open();
  ASSERT_TRUE(put(keys(), "9", "newer").ok());
  close();
  std::filesystem::remove_all(scratch() / "catalog");
  std::filesystem::rename(copy, scratch() / "catalog");

  expect_refused("was acknowledged");
}

TEST_F(LostCommits, ACatalogThatIsGoneIsCorrupt) {
  fill();
  std::filesystem::remove_all(scratch() / "catalog");

  EXPECT_EQ(try_open().code(), Code::Corrupt);
  EXPECT_FALSE(std::filesystem::exists(scratch() / "catalog"));
}

TEST_F(LostCommits, AKillLosesNothingOfABufferedCommit) {
  fill(Durability::Buffered);
  flip_byte(log_, std::filesystem::file_size(log_) / 2);

  expect_refused("complete ones follow it");
}

TEST_F(LostCommits, PowerLossMayLoseWhatNobodyHadSynced) {
  fill(Durability::Buffered);
  pretend_reboot();
  flip_byte(log_, std::filesystem::file_size(log_) / 2);

  open();

  EXPECT_EQ(value_of(keys(), "0"), "durable");
  EXPECT_EQ(value_of(keys(), "1").size(), 1000u);
  EXPECT_EQ(value_of(keys(), "8"), "not_found");
}

TEST_F(LostCommits, WhoRemovesTheMarkGoesOnWithWhatIsLeft) {
  fill();
  flip_byte(log_, std::filesystem::file_size(log_) / 2);
  ASSERT_EQ(try_open().code(), Code::Corrupt);
  std::filesystem::remove(scratch() / kNewestName);

  open();

  EXPECT_EQ(value_of(keys(), "1").size(), 1000u);
  EXPECT_EQ(value_of(keys(), "8"), "not_found");
  EXPECT_TRUE(put(keys(), "new", "1").ok());
  open();
  EXPECT_EQ(value_of(keys(), "new"), "1");
}

TEST_F(LostCommits, ADamagedMarkIsNoMark) {
  fill();
  flip_byte(scratch() / kNewestName, 10);

  open();

  EXPECT_EQ(value_of(keys(), "8").size(), 1000u);
  close();
  EXPECT_EQ(bytes_in(scratch() / kNewestName), mark_) << "it is made anew";
}

TEST_F(LostCommits, AMarkThatIsBehindIsHarmless) {
  fill();
  open();
  ASSERT_TRUE(put(keys(), "9", "newer").ok());
  close();
  ASSERT_NE(bytes_in(scratch() / kNewestName), mark_);
  write_bytes(scratch() / kNewestName, mark_);

  open();

  EXPECT_EQ(value_of(keys(), "9"), "newer");
}

TEST_F(LostCommits, OpeningManyTimesWithoutACommitIsNoLoss) {
  fill();
  for (int i = 0; i < 3; ++i) open();

  EXPECT_EQ(value_of(keys(), "8").size(), 1000u);
}

class LogScanTest : public RocksdbStore {
 protected:
  // A log with records that fill less than a block, several blocks, and a block to its last bytes.
  void fill() {
    open();
    std::mt19937 random(20240611);
    for (const std::size_t size : {1u, 100u, 70000u, 3000u, 32768u, 5u}) {
      std::string value(size, '\0');
      for (char& byte : value) byte = static_cast<char>(random());
      ASSERT_TRUE(put(keys(), "key", value).ok());
      ends_.push_back(std::filesystem::file_size(catalog_files(scratch().path(), ".log").back()));
    }
    close();
    bytes_ = bytes_in(catalog_files(scratch().path(), ".log").back());
    ASSERT_EQ(bytes_.size(), ends_.back());
  }
  LogScan scan(const std::string& bytes) {
    scratch().write("log", bytes);
    const auto scan = scan_log(scratch() / "log");
    EXPECT_TRUE(scan.ok()) << scan.status().str();
    return scan.ok() ? *scan : LogScan();
  }
  std::size_t whole_before(std::uint64_t offset) const {
    return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), offset) - ends_.begin());
  }
  std::string bytes_;
  std::vector<std::uint64_t> ends_;  // of each record
};

TEST_F(LogScanTest, AWholeLogHasItsLastSequence) {
  fill();

  const LogScan found = scan(bytes_);

  EXPECT_EQ(found.last_sequence, ends_.size());
  EXPECT_FALSE(found.damaged_at);
  EXPECT_FALSE(found.has_more_behind);
}

TEST_F(LogScanTest, AnyFlippedBitIsSeen) {
  fill();
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int i = 0; i < 300; ++i) {
    const std::size_t offset = random() % bytes_.size();
    std::string damaged = bytes_;
    damaged[offset] = static_cast<char>(damaged[offset] ^ 1 << random() % 8);

    const LogScan found = scan(damaged);

    const std::size_t whole = whole_before(offset);
    // Zeroes that fill up a block are nobody's.
    if (!found.damaged_at) {
      EXPECT_EQ(bytes_[offset], 0) << "seed " << seed << ", byte " << offset;
      continue;
    }
    EXPECT_LE(*found.damaged_at, offset) << "seed " << seed;
    EXPECT_EQ(found.last_sequence.value_or(0), whole) << "seed " << seed << ", byte " << offset;
    EXPECT_TRUE(found.has_more_behind || whole + 1 == ends_.size()) << "seed " << seed << ", byte " << offset;
  }
}

TEST_F(LogScanTest, AWriteThatWasCutShortHasNothingBehind) {
  fill();
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int i = 0; i < 100; ++i) {
    const std::size_t size = random() % bytes_.size();

    const LogScan found = scan(bytes_.substr(0, size));

    EXPECT_EQ(found.last_sequence.value_or(0), whole_before(size)) << "seed " << seed << ", " << size << " bytes";
    EXPECT_FALSE(found.has_more_behind) << "seed " << seed << ", " << size << " bytes";
  }
}

class VerifyCatalog : public LostCommits {
 protected:
  void fill_tables() {
    open();
    ASSERT_TRUE(put(keys(), "large", std::string(kLargeValueBytes, 'l')).ok());
    ASSERT_TRUE(put(keys(), "small", "s").ok());
    open();
    ASSERT_TRUE(keys().verify().empty()) << keys().verify().front();
  }
  void expect_found(const std::filesystem::path& file) {
    const auto problems = keys().verify();
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems.front().find(file.filename()), std::string::npos) << problems.front();
  }
};

TEST_F(VerifyCatalog, FindsAFlippedBitInATable) {
  fill_tables();
  const auto table = catalog_files(scratch().path(), ".sst").front();
  flip_byte(table, 5);

  expect_found(table);
}

TEST_F(VerifyCatalog, FindsAFlippedBitInAFileOfLargeValues) {
  fill_tables();
  const auto file = catalog_files(scratch().path(), ".blob").front();
  for (const std::uint64_t offset : {std::uint64_t{3}, std::uint64_t{40}, std::filesystem::file_size(file) / 2,
                                     std::filesystem::file_size(file) - 6}) {
    flip_byte(file, offset);
    expect_found(file);
    flip_byte(file, offset);
  }
  EXPECT_TRUE(keys().verify().empty());
}

TEST_F(VerifyCatalog, FindsAFlippedBitInTheManifest) {
  fill_tables();
  std::string name = bytes_in(scratch() / "catalog/CURRENT");
  name.pop_back();
  const std::filesystem::path manifest = scratch() / ("catalog/" + name);
  for (const std::uint64_t offset : {std::uint64_t{8}, std::filesystem::file_size(manifest) - 1}) {
    flip_byte(manifest, offset);
    expect_found(manifest);
    flip_byte(manifest, offset);
  }
}

TEST_F(VerifyCatalog, WritesADamagedLogAnewFromMemory) {
  open();
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(put(keys(), std::to_string(i), "v").ok());
  const auto log = catalog_files(scratch().path(), ".log").back();
  flip_byte(log, std::filesystem::file_size(log) / 4);

  expect_found(log);

  EXPECT_TRUE(keys().verify().empty());
  open();
  EXPECT_EQ(value_of(keys(), "7"), "v");
}

}  // namespace
}  // namespace modelfs
