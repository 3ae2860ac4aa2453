// A bucket in memory whose answers a test decides, and that remembers what it was asked.
#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/memory/memory_remote.h"

namespace modelfs {

// Safe for concurrent use. The hooks are called with no lock held, and set while nobody calls.
class ScriptedRemote final : public Remote {
 public:
  struct Call {
    std::string name;
    std::uint64_t offset_bytes = 0;
    std::size_t size_bytes = 0;
  };
  // What a call answers instead; nothing: what it should. May wait.
  std::function<std::optional<Status>(const Call&, Deadline)> before_get;
  std::function<std::optional<Status>(const std::string& name)> before_put;
  // The put has been done; the caller hears this.
  std::function<std::optional<Status>(const std::string& name)> after_put;
  // Changes what a get gives out.
  std::function<void(const Call&, ByteSpan)> on_the_way;

  std::string address() const override { return memory_.address(); }
  Result<Created> put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) override {
    return memory_.put_if_absent(name, bytes, deadline);
  }
  Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) override {
    if (before_put) {
      if (const auto answer = before_put(name)) return *answer;
    }
    if (Status status = memory_.put(name, source, sha256, deadline); !status.ok()) return status;
    {
      const MutexLock lock(mutex_);
      ++puts_;
    }
    if (after_put) {
      if (const auto answer = after_put(name)) return *answer;
    }
    return {};
  }
  Result<std::size_t> get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                          Deadline deadline) override {
    const Call call{name, offset_bytes, into.size()};
    {
      const MutexLock lock(mutex_);
      gets_.push_back(call);
      ++under_way_;
      most_under_way_ = std::max(most_under_way_, under_way_);
    }
    const auto answer = before_get ? before_get(call, deadline) : std::nullopt;
    {
      const MutexLock lock(mutex_);
      --under_way_;
    }
    if (answer) return *answer;
    auto got = memory_.get(name, offset_bytes, into, deadline);
    if (got.ok() && on_the_way) on_the_way(call, into.first(*got));
    return got;
  }
  Status list(const std::string& prefix, const std::string& after,
              const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) override {
    return memory_.list(prefix, after, visit, deadline);
  }
  Status remove(const std::string& name, Deadline deadline) override { return memory_.remove(name, deadline); }
  Result<RemoteFacts> probe(Deadline deadline) override { return memory_.probe(deadline); }

  std::vector<std::string> names() const { return bucket_->names(); }
  std::string bytes_of_object(const std::string& name) const { return bucket_->stored(name).value_or(""); }
  void flip(const std::string& name, std::size_t at) {
    std::string bytes = bytes_of_object(name);
    bytes.at(at) = static_cast<char>(bytes.at(at) ^ 1);
    bucket_->store(name, bytes);
  }
  void lose(const std::string& name) { bucket_->lose(name); }
  std::vector<Call> gets() const {
    const MutexLock lock(mutex_);
    return gets_;
  }
  void forget_gets() {
    const MutexLock lock(mutex_);
    gets_.clear();
  }
  std::size_t puts() const {
    const MutexLock lock(mutex_);
    return puts_;
  }
  std::size_t most_gets_under_way() const {
    const MutexLock lock(mutex_);
    return most_under_way_;
  }

 private:
  const std::shared_ptr<MemoryBucket> bucket_ = std::make_shared<MemoryBucket>();
  MemoryRemote memory_{bucket_};
  mutable Mutex mutex_;  // leaf lock
  std::size_t puts_ GUARDED_BY(mutex_) = 0;
  std::vector<Call> gets_ GUARDED_BY(mutex_);
  std::size_t under_way_ GUARDED_BY(mutex_) = 0;
  std::size_t most_under_way_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelfs
