// The contract of store/remote.h in memory: one host's way to a MemoryBucket, with faults for tests.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/memory/memory_bucket.h"
#include "store/remote.h"

namespace modelfs {

// One request, as a test's hook sees it.
struct RemoteRequest {
  enum class Kind : std::uint8_t { PutIfAbsent, Put, Get, List, Remove };
  Kind kind = Kind::Get;
  std::string name;         // of List the prefix
  bool is_applied = false;  // it has taken effect, and its answer is under way
};

// What happens to a request. What is lost, put_if_absent calls Unsettled, and all others Unavailable. A fault is what
// is left when a deadline has passed: nothing is repeated here.
enum class RemoteFault : std::uint8_t {
  None,
  LoseRequest,  // it never arrives
  LoseAnswer,   // it takes effect; the one fault that counts where the request is applied
  ApplyLater,   // it is lost, and takes effect with MemoryBucket::deliver()
  Hold,         // it waits for deliver(), until its deadline; then it is lost, and takes effect with deliver()
  Refuse,       // Denied, without effect
  WrongBytes,   // one bit of what get() gives is another
};

// Asked before each request and, where it has taken effect, once more before its answer. Called without a lock, on the
// threads of those who call: so it may also do what another host does in that moment.
using RemoteFaults = std::function<RemoteFault(const RemoteRequest&)>;

// Each request meets, with this probability, one of `faults`, drawn by `seed`.
RemoteFaults random_faults(std::uint64_t seed, double probability, std::vector<RemoteFault> faults);

class MemoryRemote final : public Remote {
 public:
  explicit MemoryRemote(std::shared_ptr<MemoryBucket> bucket) : bucket_(std::move(bucket)) {}

  // While it is, everything is Unavailable at once.
  void set_offline(bool offline) { offline_ = offline; }
  // None: no faults.
  void set_faults(RemoteFaults faults);
  MemoryBucket& bucket() { return *bucket_; }

  std::string address() const override { return "memory://bucket"; }
  Result<Created> put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) override;
  Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) override;
  Result<std::size_t> get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                          Deadline deadline) override;
  Status list(const std::string& prefix, const std::string& after,
              const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) override;
  Status remove(const std::string& name, Deadline deadline) override;
  Result<RemoteFacts> probe(Deadline deadline) override;

 private:
  RemoteFault fault_of(const RemoteRequest& request);
  // Ok: `work` was done, and its answer came. `fault` is what became of it.
  Status send(RemoteRequest request, MemoryBucket::Work work, Deadline deadline, RemoteFault* fault = nullptr);

  const std::shared_ptr<MemoryBucket> bucket_;
  std::atomic<bool> offline_ = false;
  Mutex mutex_;  // leaf lock
  RemoteFaults faults_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
