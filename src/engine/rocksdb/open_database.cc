#include "engine/rocksdb/open_database.h"

#include "base/log.h"

namespace modelfs {

OpenDatabase::~OpenDatabase() {
  if (rocks_) close_rocks();
}

OpenDatabase::Snapshots::iterator OpenDatabase::take_snapshot(const Call& inside) {
  const rocksdb::Snapshot* const taken = inside.rocks().GetSnapshot();
  const MutexLock lock(mutex_);
  return snapshots_.insert(snapshots_.end(), taken);
}

void OpenDatabase::release(Snapshots::iterator snapshot) {
  const Call call(*this);
  if (!call.entered()) return;  // closing releases what is listed
  rocks_->ReleaseSnapshot(*snapshot);
  const MutexLock lock(mutex_);
  snapshots_.erase(snapshot);
  if (snapshots_.empty()) drained_.notify_all();
}

void OpenDatabase::close(std::chrono::milliseconds drain_max) {
  const auto deadline = std::chrono::steady_clock::now() + drain_max;
  {
    const MutexLock lock(mutex_);
    for (auto now = deadline - drain_max; !snapshots_.empty() && now < deadline;
         now = std::chrono::steady_clock::now()) {
      drained_.wait_for(mutex_, deadline - now);
    }
  }
  gate_.close();
  close_rocks();
}

void OpenDatabase::close_rocks() {
  {
    const MutexLock lock(mutex_);
    for (const rocksdb::Snapshot* left : snapshots_) rocks_->ReleaseSnapshot(left);
    if (!snapshots_.empty()) log::warn("{} readers of the catalog must start again: it is reopened", snapshots_.size());
    snapshots_.clear();
  }
  const rocksdb::Status status = rocks_->Close();
  if (!status.ok() && !failed_) log::warn("closing the catalog: {}", status.ToString());
  rocks_.reset();
}

}  // namespace modelfs
