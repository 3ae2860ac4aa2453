// A bucket in memory whose answers a test decides.
#pragma once
#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/remote.h"

namespace modelfs {

// Safe for concurrent use. The hooks are called with no lock held, and set before anybody calls.
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

  std::string address() const override { return "memory://bucket"; }

  Result<Created> put_if_absent(const std::string& name, ByteView bytes, Deadline) override {
    const MutexLock lock(mutex_);
    return objects_.try_emplace(name, std::string(text_of(bytes))).second ? Created::Now : Created::Already;
  }

  Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline) override {
    if (before_put) {
      if (const auto answer = before_put(name)) return *answer;
    }
    std::string bytes(source.size_bytes(), '\0');
    // In small parts, as a connection takes them.
    constexpr std::size_t kPartBytes = 1 << 20;
    const ByteSpan all = std::as_writable_bytes(std::span(bytes));
    for (std::size_t at = 0; at < bytes.size(); at += kPartBytes) {
      const auto got = source.read_at(at, all.subspan(at, std::min(kPartBytes, bytes.size() - at)));
      if (!got.ok()) return got.status();
    }
    if (hash_of(bytes_of(bytes)).digest != sha256) return {Code::Corrupt, "not what was promised"};
    {
      const MutexLock lock(mutex_);
      ++puts_[name];
      objects_[name] = std::move(bytes);
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
    const MutexLock lock(mutex_);
    --under_way_;
    if (answer) return *answer;
    const auto found = objects_.find(name);
    if (found == objects_.end()) return Status(Code::NotFound, "no object " + name);
    if (offset_bytes >= found->second.size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(into.size(), found->second.size() - offset_bytes);
    std::memcpy(into.data(), found->second.data() + offset_bytes, count);
    if (on_the_way) on_the_way(call, into.first(count));
    return count;
  }

  Status list(const std::string& prefix, const std::string& after,
              const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds) override {
    for (const std::string& name : names(prefix)) {
      if (name > after && !visit({name, bytes_of_object(name).size(), std::chrono::seconds(0)})) break;
    }
    return {};
  }

  Status remove(const std::string& name, Deadline) override {
    const MutexLock lock(mutex_);
    objects_.erase(name);
    return {};
  }
  Result<RemoteFacts> probe(Deadline) override { return RemoteFacts{}; }

  // For tests.
  std::vector<std::string> names(const std::string& prefix = "") const {
    const MutexLock lock(mutex_);
    std::vector<std::string> found;
    for (const auto& [name, bytes] : objects_) {
      if (name.starts_with(prefix)) found.push_back(name);
    }
    return found;
  }
  std::string bytes_of_object(const std::string& name) const {
    const MutexLock lock(mutex_);
    const auto found = objects_.find(name);
    return found == objects_.end() ? "" : found->second;
  }
  void flip(const std::string& name, std::size_t at) {
    const MutexLock lock(mutex_);
    objects_.at(name).at(at) = static_cast<char>(objects_.at(name).at(at) ^ 1);
  }
  std::vector<Call> gets() const {
    const MutexLock lock(mutex_);
    return gets_;
  }
  std::size_t puts() const {
    const MutexLock lock(mutex_);
    std::size_t count = 0;
    for (const auto& [name, each] : puts_) count += each;
    return count;
  }
  std::size_t most_gets_under_way() const {
    const MutexLock lock(mutex_);
    return most_under_way_;
  }

 private:
  mutable Mutex mutex_;  // leaf lock
  std::map<std::string, std::string> objects_ GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> puts_ GUARDED_BY(mutex_);
  std::vector<Call> gets_ GUARDED_BY(mutex_);
  std::size_t under_way_ GUARDED_BY(mutex_) = 0;
  std::size_t most_under_way_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelfs
