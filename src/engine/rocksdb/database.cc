#include "engine/rocksdb/database.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "engine/rocksdb/catalog_files.h"
#include "engine/rocksdb/free_space.h"

namespace modelfs {
namespace {

constexpr const char* kProbeName = "probe.tmp";
constexpr std::string_view kProbeText = "whether this disk can be written to\n";

// Whether the disk takes `bytes` from this process. Why tried instead of statvfs: file systems reserve some space for
// root and some for themselves, and report only what is left for others; and ext4 refuses every write after an error
// without a flag that says so.
Status probe_disk(int store_directory, std::uint64_t bytes) {
  const auto file = open_at(store_directory, kProbeName, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  if (!file.ok()) return file.status();
  Status status = write_at(file->fd(), 0, bytes_of(kProbeText));
  if (status.ok() && ::fallocate(file->fd(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) != 0 &&
      (errno == ENOSPC || errno == EDQUOT)) {
    status = Status::from_errno(errno, "find room for " + std::to_string(bytes) + " bytes");
  }
  if (status.ok()) status = sync_file(file->fd(), kProbeName);
  if (::unlinkat(store_directory, kProbeName, 0) != 0 && status.ok()) status = Status::from_errno(errno, "unlink");
  return status;
}

// Whether what an opening for writing has answered may be the disk's fault, and not the catalog's.
bool is_of_the_disk(Code code) { return code == Code::NoSpace || code == Code::IoError || code == Code::Immutable; }

}  // namespace

Database::Database(File store_directory, std::string store_path, const RocksdbOptions& options,
                   const rocksdb::Options& rocksdb_options)
    : store_directory_(std::move(store_directory)),
      store_path_(std::move(store_path)),
      rocksdb_options_(rocksdb_options),
      read_only_(options.read_only),
      mark_(store_directory_.fd(), options.read_only ? NewestMark::Access::ReadOnly : NewestMark::Access::ReadWrite),
      ballast_(store_directory_.fd(), options.ballast_bytes) {}

Result<std::unique_ptr<Database>> Database::open(File store_directory, const std::string& store_path,
                                                 const RocksdbOptions& options,
                                                 const rocksdb::Options& rocksdb_options) {
  std::unique_ptr<Database> database(new Database(std::move(store_directory), store_path, options, rocksdb_options));
  const MutexLock lock(database->mutex_);
  if (Status status = database->open_first(); !status.ok()) return status;
  return database;
}

Status Database::open_first() {
  if (read_only_) {
    auto rocks = open_catalog_for_reading(store_path_, rocksdb_options_, mark_);
    if (rocks.ok()) use(*std::move(rocks));
    return rocks.status();
  }
  // Why before: RocksDB would leave half an opening behind.
  Status status = free_up(bytes_to_open_catalog(store_path_));
  if (status.ok()) {
    auto rocks = open_catalog(store_path_, options_to_open(), mark_);
    if (rocks.ok()) use(*std::move(rocks));
    status = rocks.status();
  }
  return is_of_the_disk(status.code()) && fall_back(status) ? Status() : status;
}

bool Database::fall_back(const Status& why) {
  auto rocks = open_catalog_for_reading(store_path_, rocksdb_options_, mark_);
  if (!rocks.ok()) {
    log::error("opening the catalog in {} for reading: {}", store_path_, rocks.status().message());
    return false;
  }
  use(*std::move(rocks));
  open_->mark_failed();
  failure_ = why;
  reader_tries_after_ = std::chrono::steady_clock::now() + kReaderPause;
  log::error("the catalog in {} can only be read for now: {}", store_path_, why.message());
  return true;
}

void Database::use(std::unique_ptr<rocksdb::DB> rocks) {
  open_ = std::make_shared<OpenDatabase>(std::move(rocks));
  failure_ = {};
}

Result<std::shared_ptr<OpenDatabase>> Database::for_reading() {
  const MutexLock lock(mutex_);
  // What failed can be read until it is closed.
  while (healing_ && open_ == nullptr) healed_.wait(mutex_);
  if (!healthy() && !healing_ && std::chrono::steady_clock::now() >= reader_tries_after_) heal();
  if (open_ != nullptr) return open_;
  return Status(Code::IoError, failure_.message());
}

Result<std::shared_ptr<OpenDatabase>> Database::for_writing() {
  if (read_only_) return Status::from_errno(EROFS, "change the store " + store_path_);
  const MutexLock lock(mutex_);
  wait_for_healer();
  while (healthy() && doubts_ > 0) {
    healed_.wait(mutex_);
    wait_for_healer();
  }
  return healed();
}

Result<std::shared_ptr<OpenDatabase>> Database::healed() {
  if (!healthy()) heal();
  if (healthy()) return open_;
  return failure_;
}

Database::Doubt::Doubt(Database& database, OpenDatabase& failed) : database_(database) {
  failed.mark_failed();
  const MutexLock lock(database_.mutex_);
  ++database_.doubts_;
}

Database::Doubt::~Doubt() {
  const MutexLock lock(database_.mutex_);
  if (--database_.doubts_ == 0) database_.healed_.notify_all();
}

Result<std::shared_ptr<OpenDatabase>> Database::Doubt::reopened() {
  const MutexLock lock(database_.mutex_);
  database_.wait_for_healer();
  return database_.healed();
}

void Database::wait_for_healer() {
  while (healing_) healed_.wait(mutex_);
}

void Database::heal() {
  healing_ = true;
  mutex_.unlock();
  const Status ready = check_reopening();
  mutex_.lock();
  if (ready.ok()) {
    reopen();
  } else {
    // Nothing is closed: reads go on from what is open.
    fail(ready);
  }
  healing_ = false;
  healed_.notify_all();
}

void Database::fail(const Status& why) {
  if (failure_.message() != why.message()) log::error("reopening the catalog in {}: {}", store_path_, why.message());
  failure_ = why;
  reader_tries_after_ = std::chrono::steady_clock::now() + kReaderPause;
}

void Database::reopen() {
  const std::shared_ptr<OpenDatabase> failed = std::move(open_);
  mutex_.unlock();
  if (failed) failed->close(kDrainMax);
  auto rocks = open_catalog(store_path_, options_to_open(), mark_);

  mutex_.lock();
  if (rocks.ok()) {
    use(*std::move(rocks));
    log::info("reopened the catalog in {} after a failure", store_path_);
    return;
  }
  fail(rocks.status());
  if (open_ == nullptr) fall_back(rocks.status());
}

rocksdb::Options Database::options_to_open() const {
  rocksdb::Options options = rocksdb_options_;
  const auto free = free_bytes();
  // Why: RocksDB preallocates a log of a write buffer's size, and where little is free it would take all of it, and
  // then there is nothing left for the rest of the opening.
  const std::uint64_t plenty = bytes_to_open_catalog(store_path_) + 2 * options.write_buffer_size;
  options.allow_fallocate = !free.ok() || *free >= plenty;
  return options;
}

Status Database::check_reopening() {
  const std::uint64_t needed = bytes_to_open_catalog(store_path_);
  if (Status status = free_up(needed); !status.ok()) return status;
  const MutexLock one_at_a_time(probe_mutex_);
  return probe_disk(store_directory_.fd(), needed);
}

Result<std::uint64_t> Database::free_bytes() const { return modelfs::free_bytes(store_directory_.fd()); }

Status Database::free_up(std::uint64_t bytes) {
  const auto free = free_bytes();
  if (!free.ok()) return free.status();
  if (*free >= bytes) return {};
  const MutexLock one_at_a_time(probe_mutex_);
  Status status = probe_disk(store_directory_.fd(), bytes);
  if (status.code() == Code::NoSpace && ballast_.held_bytes() > 0) {
    ballast_.give_back(bytes - *free);
    status = probe_disk(store_directory_.fd(), bytes);
  }
  if (status.code() != Code::NoSpace) return status;
  return {Code::NoSpace, "the catalog in " + store_path_ + " needs " + std::to_string(bytes) +
                             " bytes of free space, which the disk does not have; free some"};
}

}  // namespace modelfs
