#include "engine/rocksdb/catalog_verify.h"

#include <fcntl.h>
#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "engine/rocksdb/catalog_files.h"
#include "engine/rocksdb/large_value_file.h"
#include "engine/rocksdb/log_scan.h"

namespace modelfs {
namespace {

constexpr std::size_t kCurrentBytesMax = 4096;

// Files that hold keys and values now.
struct LiveFiles {
  std::vector<std::string> tables;
  std::vector<std::string> large_values;
};

Result<LiveFiles> live_files(Database& database) {
  const auto held = database.for_reading();
  if (!held.ok()) return held.status();
  const OpenDatabase::Call call(**held);
  if (!call.entered()) return Status(Code::IoError, "it is reopened after a failure just now; try again");
  rocksdb::ColumnFamilyMetaData family;
  call.rocks().GetColumnFamilyMetaData(&family);
  LiveFiles live;
  for (const auto& level : family.levels) {
    for (const auto& table : level.files)
      live.tables.push_back(std::filesystem::path(table.relative_filename).filename());
  }
  for (const auto& file : family.blob_files) {
    live.large_values.push_back(std::filesystem::path(file.blob_file_name).filename());
  }
  return live;
}

class CatalogVerify {
 public:
  explicit CatalogVerify(Database& database) : database_(database), path_(database.store_path() + "/" + kCatalogName) {}

  std::vector<std::string> run() {
    check_manifest();
    check_logs();
    const auto live = live_files(database_);
    if (!live.ok()) {
      problems_.push_back("the catalog cannot be read: " + live.status().message());
      return problems_;
    }
    for (const auto& table : live->tables) {
      const Status found = check_table(table);
      if (!found.ok() && is_live(&LiveFiles::tables, table)) tell(table, found.message());
    }
    for (const auto& file : live->large_values) {
      const Status found = check_large_value_file(path_ + "/" + file);
      if (!found.ok() && is_live(&LiveFiles::large_values, file)) tell(file, found.message());
    }
    return problems_;
  }

 private:
  void tell(const std::string& file, const std::string& what) {
    problems_.push_back("the catalog's " + file + " is damaged: " + what + "; restore the store from a copy");
  }

  // Why asked again: a compaction may have taken its place meanwhile.
  bool is_live(std::vector<std::string> LiveFiles::*which, const std::string& name) {
    const auto live = live_files(database_);
    if (!live.ok()) return true;
    const auto& names = *live.*which;
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  // Why a reader of its own: the check of a database reads all tables while it holds that.
  Status check_table(const std::string& name) const {
    rocksdb::Options reading = database_.rocksdb_options();
    reading.verify_sst_unique_id_in_manifest = false;  // there is no MANIFEST here that would know it
    rocksdb::SstFileReader reader(reading);
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    rocksdb::Status status = reader.Open(path_ + "/" + name);
    if (status.ok()) status = reader.VerifyChecksum(options);
    return status.ok() ? Status() : Status(Code::Corrupt, status.ToString());
  }

  // RocksDB reads it at its next opening only.
  void check_manifest() {
    for (int tries = 0;; ++tries) {
      const auto current = open_at(AT_FDCWD, path_ + "/CURRENT", O_RDONLY);
      auto name = current.ok() ? read_all(current->fd(), kCurrentBytesMax) : Result<std::string>(current.status());
      if (name.ok() && name->ends_with('\n')) name->pop_back();
      const auto first = name.ok() ? scan_log(path_ + "/" + *name) : Result<LogScan>(name.status());
      if (first.ok() && !first->damaged_at) return;
      // The end may just be being written, and the whole replaced.
      if (tries < kManifestTries && !(first.ok() && first->has_more_behind)) continue;
      problems_.push_back(
          "the catalog's " + (name.ok() ? *name : std::string("CURRENT")) + " is damaged" +
          (first.ok() ? " at byte " + std::to_string(*first->damaged_at) : ": " + first.status().message()) +
          ", which is read when the store is opened next: copy what you need before it is closed, or "
          "restore the store from a copy");
      return;
    }
  }

  rocksdb::Status flush() {
    const auto held = database_.for_reading();
    if (!held.ok()) return rocksdb::Status::IOError(held.status().message());
    const OpenDatabase::Call call(**held);
    return call.entered() ? call.rocks().Flush({}) : rocksdb::Status::Busy("it is reopened after a failure just now");
  }

  void check_logs() {
    std::error_code error;
    std::filesystem::directory_iterator entry(path_, error);
    std::vector<std::string> damaged;
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      if (entry->path().extension() != ".log") continue;
      const auto scan = scan_log(entry->path());
      // Without more behind it, it is what is being written now.
      if (scan.code() == Code::NotFound || (scan.ok() && !scan->has_more_behind)) continue;
      damaged.push_back(entry->path().filename());
    }
    if (damaged.empty()) return;
    const auto flushed = flush();
    for (const auto& name : damaged) {
      problems_.push_back(
          "the catalog's " + name + " was damaged; what it held " +
          (flushed.ok() ? "was written again from memory"
                        : "could not be written again: " + flushed.ToString() + "; restore the store from a copy"));
    }
  }

  static constexpr int kManifestTries = 3;

  Database& database_;
  const std::string path_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> verify_catalog(Database& database) { return CatalogVerify(database).run(); }

}  // namespace modelfs
