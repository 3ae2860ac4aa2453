#include "vfs/handle_table.h"

#include <utility>

namespace modelfs {

Handle HandleTable::keep(std::shared_ptr<OpenHandle> handle) {
  const MutexLock lock(mutex_);
  const std::uint64_t number = ++last_;
  handles_[number] = std::move(handle);
  return Handle{number};
}

Result<std::shared_ptr<OpenHandle>> HandleTable::find(Handle number) const {
  const MutexLock lock(mutex_);
  const auto found = handles_.find(raw(number));
  if (found == handles_.end()) return Status(Code::BadHandle, "handle " + std::to_string(raw(number)) + " is not open");
  return found->second;
}

std::shared_ptr<OpenHandle> HandleTable::drop(Handle number) {
  const MutexLock lock(mutex_);
  const auto found = handles_.find(raw(number));
  if (found == handles_.end()) return nullptr;
  auto handle = std::move(found->second);
  handles_.erase(found);
  return handle;
}

std::size_t HandleTable::size() const {
  const MutexLock lock(mutex_);
  return handles_.size();
}

}  // namespace modelfs
