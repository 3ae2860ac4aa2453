#include "engine/rocksdb/catalog_files.h"

#include <fcntl.h>
#include <rocksdb/metadata.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "engine/rocksdb/log_check.h"
#include "engine/rocksdb/rocksdb_status.h"

namespace modelfs {
namespace {

constexpr const char* kUnfinishedName = "catalog.new";
// A MANIFEST, CURRENT, the options, a log that has nothing in it yet.
constexpr std::uint64_t kOpeningOverheadBytes = 1 << 20;

Status status_of_file(const std::error_code& error, const std::string& what) {
  return Status::from_errno(error.value(), what);
}

// Translates RocksDB's errors when it cannot open into the Codes that open_catalog() promises.
Status explain(const rocksdb::Status& status, const std::string& path) {
  std::string text = status.ToString();
  // RocksDB looks for a missing table under its LevelDB name last, and complains about that one.
  if (const auto at = text.find(".ldb"); at != std::string::npos) text.replace(at, 4, ".sst");
  if (text.find("While lock file") != std::string::npos ||
      text.find("lock hold by current process") != std::string::npos) {
    return Status(Code::Busy, "another process has " + path + " open: " + text);
  }
  // Why not IoError: every file that RocksDB looks for is one that it wrote.
  const bool missing = status.IsPathNotFound() || text.find("No such file") != std::string::npos;
  if (status.IsCorruption() || status.IsInvalidArgument() || missing) {
    return Status(Code::Corrupt, "the catalog in " + path + " is damaged: " + text + "; restore it from a copy");
  }
  return modelfs::status_of(status, "open " + path);
}

std::vector<rocksdb::BlobMetaData> large_value_files(rocksdb::DB& database) {
  rocksdb::ColumnFamilyMetaData family;
  database.GetColumnFamilyMetaData(&family);
  return std::move(family.blob_files);
}

// The files of large values, which RocksDB opens when one of them is read.
Status check_large_values(rocksdb::DB& database, const std::string& path) {
  for (const rocksdb::BlobMetaData& file : large_value_files(database)) {
    std::error_code error;
    const std::string name = std::filesystem::path(file.blob_file_name).filename();
    const auto size_bytes = std::filesystem::file_size(path + "/" + name, error);
    if (!error && size_bytes == file.blob_file_size) continue;
    // A compaction that runs already may have removed it.
    const auto now = large_value_files(database);
    const auto is_it = [&file](const rocksdb::BlobMetaData& other) {
      return other.blob_file_number == file.blob_file_number;
    };
    if (std::none_of(now.begin(), now.end(), is_it)) continue;
    const std::string what = error ? error.message() : "its size is not " + std::to_string(file.blob_file_size);
    return {Code::Corrupt,
            "the catalog in " + path + " is damaged: " + name + ": " + what + "; restore it from a copy"};
  }
  return {};
}

// Each opening begins a log, and RocksDB keeps those in which nothing was ever written until something is: one a start
// of a mount that is only read.
std::vector<std::filesystem::path> empty_logs(const std::string& path) {
  std::error_code error;
  std::vector<std::filesystem::path> empty;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code unknown;
    const auto& log = entry->path();
    if (log.extension() == ".log" && entry->file_size(unknown) == 0 && !unknown) empty.push_back(log);
  }
  return empty;
}

enum class Access { ReadWrite, ReadOnly };

Status check_current(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path + "/CURRENT", error)) return {};
  if (error) return status_of_file(error, "look for " + path + "/CURRENT");
  return {Code::Corrupt, "the catalog is damaged: " + path + "/CURRENT is missing; restore it from a copy"};
}

Result<std::unique_ptr<rocksdb::DB>> open_database(const std::string& path, const rocksdb::Options& options,
                                                   Access access = Access::ReadWrite) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = access == Access::ReadWrite ? rocksdb::DB::Open(options, path, &opened)
                                                             : rocksdb::DB::OpenForReadOnly(options, path, &opened);
  if (!status.ok()) return explain(status, path);
  std::unique_ptr<rocksdb::DB> database(opened);
  if (Status found = check_large_values(*database, path); !found.ok()) return found;
  return database;
}

}  // namespace

Result<bool> has_catalog(int store_directory) {
  const auto directory = open_at(store_directory, kCatalogName, O_RDONLY | O_DIRECTORY);
  if (directory.code() == Code::NotFound) return false;
  if (!directory.ok()) return directory.status();
  std::error_code error;
  const bool empty = std::filesystem::is_empty("/proc/self/fd/" + std::to_string(directory->fd()), error);
  if (error) return status_of_file(error, "list catalog");
  return !empty;
}

Status create_catalog(int store_directory, const std::string& store_path, const rocksdb::Options& options) {
  const std::string path = store_path + "/" + kUnfinishedName;
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return status_of_file(error, "remove " + path);
  if (::mkdirat(store_directory, kUnfinishedName, 0700) != 0) return Status::from_errno(errno, "create " + path);

  rocksdb::Options creating = options;
  creating.create_if_missing = true;
  creating.error_if_exists = true;
  {
    const auto created = open_database(path, creating);
    if (!created.ok()) return created.status();
    if (Status status = status_of((*created)->Close(), "close " + path); !status.ok()) return status;
  }
  // An empty directory of that name is replaced, any other is not.
  if (::renameat(store_directory, kUnfinishedName, store_directory, kCatalogName) != 0) {
    const int reason = errno == ENOTEMPTY ? EEXIST : errno;
    return Status::from_errno(reason, "rename " + path);
  }
  return sync_file(store_directory, store_path);
}

Result<std::unique_ptr<rocksdb::DB>> open_catalog(const std::string& store_path, const rocksdb::Options& options,
                                                  NewestMark& mark) {
  const std::string path = store_path + "/" + kCatalogName;
  std::error_code error;
  if (Status status = check_current(path); !status.ok()) return status;
  if (Status status = check_logs(path, options, mark); !status.ok()) return status;
  const auto empty = empty_logs(path);
  auto opened = open_database(path, options);
  // What the logs held is in tables now, and these are on the disk.
  if (opened.ok()) mark.advance((*opened)->GetLatestSequenceNumber());
  // Why not before: only now it is certain that no other process has them open. Those that cannot be removed do no
  // harm.
  if (opened.ok() && empty.size() > kEmptyLogsMax) {
    for (const auto& log : empty) std::filesystem::remove(log, error);
  }
  return opened;
}

Result<std::unique_ptr<rocksdb::DB>> open_catalog_for_reading(const std::string& store_path,
                                                              const rocksdb::Options& options, const NewestMark& mark) {
  const std::string path = store_path + "/" + kCatalogName;
  if (Status status = check_current(path); !status.ok()) return status;
  if (Status status = check_logs(path, options, mark); !status.ok()) return status;
  return open_database(path, options, Access::ReadOnly);
}

std::uint64_t bytes_to_open_catalog(const std::string& store_path) {
  std::uint64_t bytes = kOpeningOverheadBytes;
  std::error_code error;
  std::filesystem::directory_iterator entry(store_path + "/" + kCatalogName, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code unknown;
    if (entry->path().extension() != ".log") continue;
    const std::uint64_t size_bytes = entry->file_size(unknown);
    if (!unknown) bytes += size_bytes;
  }
  return bytes;
}

}  // namespace modelfs
