#include "registry/registry.h"

#include <atomic>
#include <utility>
#include <vector>

#include "registry/commit.h"

namespace modelfs {

Result<std::unique_ptr<Registry>> Registry::open(Engine engine, int store_dir, const Options& options) {
  auto core = RegistryCore::open(std::move(engine), store_dir, options);
  if (!core.ok()) return core.status();
  std::unique_ptr<Registry> registry(new Registry(std::move(*core)));
  if (options.read_only) return registry;
  // Why not now: a large draft would keep the mount waiting.
  registry->garbage_.sweep_later();
  if (options.compacts_archives)
    registry->compaction_ = std::make_unique<CompactionThread>(CompactionThread::Work{
        .all = [&compactor = registry->compactor_](const auto& cancel) { return compactor.compact_all(cancel); },
        .some = [&compactor = registry->compactor_](
                    const std::vector<Ino>& containers,
                    const auto& cancel) { return compactor.compact(containers, cancel); }});
  return registry;
}

Registry::Registry(std::unique_ptr<RegistryCore> core)
    : core_(std::move(core)),
      domains_(*core_),
      labels_(*core_),
      trash_(*core_),
      model_states_(*core_),
      draft_list_(*core_),
      verifier_(*core_),
      garbage_(*core_),
      pruner_(*core_, trash_, model_states_),
      purger_(*core_, garbage_),
      compactor_(*core_, garbage_) {}

Registry::~Registry() {
  prepare_to_end();
  compaction_.reset();
  // Now, while the verbs are there that its thread calls.
  core_->end();
}

void Registry::prepare_to_end(std::chrono::steady_clock::duration patience) {
  core_->drafts().shutdown().begin(patience);
  core_->doubts().stop();
  if (compaction_) compaction_->stop();
}

Result<Published> Registry::publish(const PublishRequest& request) {
  auto published = commit_draft(*core_, garbage_, request);
  // Nothing: identical content was there already.
  const bool has_come = published.ok() && request.original != nullptr && !published->containers.empty();
  if (has_come && compaction_) compaction_->wake(published->containers.front().first);
  return published;
}

}  // namespace modelfs
