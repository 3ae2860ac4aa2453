// What other hosts of the registry have changed, as this host's mount, its drafts and its events hear of it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "control/hooks.h"
#include "registry/registry.h"
#include "store/key_value_store.h"

namespace modelfs {

// On a thread of its own, since who tells the kernel may wait for a request that waits for a commit. Safe for
// concurrent use.
class DistantChanges {
 public:
  DistantChanges() = default;
  ~DistantChanges() { disconnect(); }
  DistantChanges(const DistantChanges&) = delete;
  DistantChanges& operator=(const DistantChanges&) = delete;

  // `on_changed`: the attributes of a directory have changed. All that is given outlives disconnect(). Drafts whose
  // names were published elsewhere while nobody listened are moved aside first.
  void connect(Registry& registry, Hooks hooks, std::function<void(Ino)> on_changed) EXCLUDES(mutex_);
  // Waits for what is being told.
  void disconnect() EXCLUDES(mutex_);

  // Batches of one record that were applied here, in their order. Without a connection nobody is told.
  void add(std::vector<Batch> changes) EXCLUDES(mutex_);

 private:
  class Teller;
  Mutex mutex_;
  std::shared_ptr<Teller> teller_ GUARDED_BY(mutex_);
  std::unique_ptr<ThreadPool> thread_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
