#include "ingest/process_table.h"

namespace modelfs {

void ProcessTable::put(Ino draft, pid_t process) {
  const MutexLock lock(mutex_);
  processes_.put(raw(draft), process, 1, [this](std::uint64_t, pid_t each) { return is_alive_(each); });
  processes_.shrink();
}

std::optional<pid_t> ProcessTable::find(Ino draft) const {
  const MutexLock lock(mutex_);
  const pid_t* const found = processes_.find(raw(draft));
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<pid_t> ProcessTable::take(Ino draft) {
  const MutexLock lock(mutex_);
  const pid_t* const found = processes_.find(raw(draft));
  if (found == nullptr) return std::nullopt;
  const pid_t process = *found;
  processes_.erase(raw(draft));
  return process;
}

bool ProcessTable::is_anothers(Ino draft, pid_t process) const {
  const auto found = find(draft);
  return found && *found != process && is_alive_(*found);
}

}  // namespace modelfs
