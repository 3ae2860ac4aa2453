#include "engine/rocksdb/database.h"

#include "base/log.h"
#include "engine/rocksdb/catalog_files.h"
#include "engine/rocksdb/free_space.h"

namespace modelfs {
namespace {

// Opening writes a new MANIFEST and log, and the recovered log as a table of at most one write buffer.
constexpr std::uint64_t kReopenOverheadBytes = 1 << 20;

}  // namespace

OpenDatabase::~OpenDatabase() {
  const rocksdb::Status status = rocks_->Close();
  if (!status.ok() && !failed_) log::warn("closing the catalog: {}", status.ToString());
  rocks_.reset();
  closed_.set_value();
}

Database::Database(File store_directory, std::string store_path, const RocksdbOptions& options,
                   const rocksdb::Options& rocksdb_options)
    : store_directory_(std::move(store_directory)),
      store_path_(std::move(store_path)),
      reopen_needs_bytes_(options.write_buffer_bytes + kReopenOverheadBytes),
      rocksdb_options_(rocksdb_options),
      mark_(store_directory_.fd()) {}

Result<std::unique_ptr<Database>> Database::open(File store_directory, const std::string& store_path,
                                                 const RocksdbOptions& options,
                                                 const rocksdb::Options& rocksdb_options) {
  std::unique_ptr<Database> database(new Database(std::move(store_directory), store_path, options, rocksdb_options));
  auto rocks = open_catalog(store_path, rocksdb_options, database->mark_);
  if (!rocks.ok()) return rocks.status();
  const MutexLock lock(database->mutex_);
  database->use(*std::move(rocks));
  return database;
}

void Database::use(std::unique_ptr<rocksdb::DB> rocks) {
  open_ = std::make_shared<OpenDatabase>(std::move(rocks));
  closed_ = open_->closed();
  failure_ = {};
}

Result<std::shared_ptr<OpenDatabase>> Database::for_reading() {
  const MutexLock lock(mutex_);
  wait_for_healer();
  if (!healthy() && std::chrono::steady_clock::now() >= reader_tries_after_) heal();
  if (open_ != nullptr) return open_;
  return Status(Code::IoError, failure_.message());
}

Result<std::shared_ptr<OpenDatabase>> Database::for_writing() {
  const MutexLock lock(mutex_);
  wait_for_healer();
  if (!healthy()) heal();
  if (healthy()) return open_;
  return failure_;
}

void Database::wait_for_healer() {
  while (healing_) healed_.wait(mutex_);
}

void Database::heal() {
  reader_tries_after_ = std::chrono::steady_clock::now() + kReaderPause;
  failure_ = check_space_to_reopen();
  if (!failure_.ok()) return;

  healing_ = true;
  const std::shared_future<void> closed = closed_;
  std::shared_ptr<OpenDatabase> failed = std::move(open_);
  const std::weak_ptr<OpenDatabase> held = failed;
  mutex_.unlock();

  failed.reset();
  const bool drained = closed.wait_for(kDrainMax) == std::future_status::ready;
  if (!drained) failed = held.lock();
  Result<std::unique_ptr<rocksdb::DB>> rocks =
      Status(Code::Busy, "the catalog failed; its readers keep it from being reopened");
  if (failed == nullptr) {
    closed.wait();  // Why again: its last holder may be closing it just now
    rocks = open_catalog(store_path_, rocksdb_options_, mark_);
  }

  mutex_.lock();
  healing_ = false;
  healed_.notify_all();
  open_ = std::move(failed);
  if (rocks.ok()) {
    use(*std::move(rocks));
    log::info("reopened the catalog in {} after a failure", store_path_);
  } else {
    failure_ = rocks.status();
    reader_tries_after_ = std::chrono::steady_clock::now() + kReaderPause;
    log::error("reopening the catalog in {}: {}", store_path_, failure_.message());
  }
}

Status Database::check_space_to_reopen() const {
  const auto free = free_bytes();
  if (!free.ok()) return free.status();
  if (*free >= reopen_needs_bytes_) return {};
  return Status(Code::NoSpace, "the catalog failed, and reopening it needs " + std::to_string(reopen_needs_bytes_) +
                                   " bytes of free space in " + store_path_ + ", which has " + std::to_string(*free) +
                                   "; free some");
}

Result<std::uint64_t> Database::free_bytes() const { return modelfs::free_bytes(store_directory_.fd()); }

}  // namespace modelfs
