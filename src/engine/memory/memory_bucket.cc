#include "engine/memory/memory_bucket.h"

#include <utility>

namespace modelfs {

void MemoryBucket::advance(std::chrono::seconds by) {
  const MutexLock lock(mutex_);
  state_.clock += by;
}

void MemoryBucket::deliver() {
  const MutexLock lock(mutex_);
  for (const auto& request : under_way_) {
    request->work(state_);
    request->has_arrived = true;
  }
  under_way_.clear();
  arrived_.notify_all();
}

std::size_t MemoryBucket::under_way() const {
  const MutexLock lock(mutex_);
  return under_way_.size();
}

std::optional<std::string> MemoryBucket::stored(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto found = state_.objects.find(name);
  if (found == state_.objects.end()) return std::nullopt;
  return *found->second.bytes;
}

std::vector<std::string> MemoryBucket::names() const {
  const MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, object] : state_.objects) names.push_back(name);
  return names;
}

void MemoryBucket::store(const std::string& name, std::string bytes) {
  const MutexLock lock(mutex_);
  state_.objects.insert_or_assign(name, Object{std::make_shared<const std::string>(std::move(bytes)), state_.clock});
}

void MemoryBucket::lose(const std::string& name) {
  const MutexLock lock(mutex_);
  state_.objects.erase(name);
}

void MemoryBucket::run(const Work& work) {
  const MutexLock lock(mutex_);
  work(state_);
}

void MemoryBucket::send_later(Work work) {
  const MutexLock lock(mutex_);
  under_way_.push_back(std::make_shared<UnderWay>(UnderWay{std::move(work)}));
}

bool MemoryBucket::send_and_wait(Work work, Deadline deadline) {
  const auto request = std::make_shared<UnderWay>(UnderWay{std::move(work)});
  const MutexLock lock(mutex_);
  under_way_.push_back(request);
  while (!request->has_arrived) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    (void)arrived_.wait_for(mutex_, left);
  }
  return true;
}

}  // namespace modelfs
