// The registry: opens a store, ends it, and gives out its verbs. The mount and the command both end here.
#pragma once
#include <chrono>
#include <memory>

#include "base/status.h"
#include "catalog/snapshot.h"
#include "content/archives.h"
#include "content/content_store.h"
#include "drafts/draft_store.h"
#include "registry/archive_compactor.h"
#include "registry/compaction_thread.h"
#include "registry/core.h"
#include "registry/domains.h"
#include "registry/draft_list.h"
#include "registry/events.h"
#include "registry/garbage_collector.h"
#include "registry/labels.h"
#include "registry/model_states.h"
#include "registry/pruner.h"
#include "registry/purger.h"
#include "registry/requests.h"
#include "registry/space_use.h"
#include "registry/trash.h"
#include "registry/verifier.h"
#include "store/engine.h"

namespace modelfs {

// Safe for concurrent use, as is all that it gives out, which lives as long as this. No method throws. Every refusal's
// message names the thing and the next step.
// Credentials are judged here by authorise(); the mount is judged by the kernel first, with the same modes.
class Registry {
 public:
  using Options = RegistryOptions;

  // `store_dir`: the store's directory, locked by the caller, open as long as this lives.
  // Undoes what commits that never ended have left; where the disk refuses that, the next opening does.
  static Result<std::unique_ptr<Registry>> open(Engine engine, int store_dir, const Options& options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Nothing waits for long work behind any more: hashes and sweeps end at their next step, and the next start goes on
  // with them. Commits go on, for `patience`; then they fail, Busy. Nobody hears any more what became of one that was
  // Uncertain. The destructor does this; call it earlier when requests that may wait for such work are to end, and
  // before what a PublishRequest::on_published refers to goes.
  void prepare_to_end(std::chrono::steady_clock::duration patience = Shutdown::kPatience);

  // What exists now. Let it go before anything that commits.
  Result<Snapshot> snapshot() const { return core_->snapshot(); }
  // Every verb that changes something is refused with EROFS.
  bool is_read_only() const { return core_->options().read_only; }
  int store_dir() const { return core_->store_dir(); }

  // Makes a draft a release or generation. AlreadyExists: the version is taken (the draft is kept). OutOfRange: not the
  // next generation number; says which is. Busy: a file is open for writing. Malformed: the content may not be
  // published; names the path. Denied. NoSpace. NotFound: no such domain, or release of a generation.
  Result<Published> publish(const PublishRequest& request);

  // See measure_space().
  Result<SpaceReport> space_use(std::string_view domain, std::string_view version, const MayRead& may_read) {
    return measure_space(*core_, domain, version, may_read);
  }

  // The other verbs.
  Domains& domains() { return domains_; }
  Labels& labels() { return labels_; }
  Trash& trash() { return trash_; }
  ModelStates& model_states() { return model_states_; }
  DraftList& draft_list() { return draft_list_; }
  Verifier& verifier() { return verifier_; }
  GarbageCollector& garbage() { return garbage_; }
  Pruner& pruner() { return pruner_; }
  Purger& purger() { return purger_; }
  ArchiveCompactor& compactor() { return compactor_; }

  // What is being written, what can be read, and what happened.
  DraftStore& drafts() { return core_->drafts(); }
  const DraftStore& drafts() const { return core_->drafts(); }
  const ContentStore& content() const { return core_->content(); }
  Archives& archives() { return core_->archives(); }
  Events& events() const { return core_->events(); }

 private:
  explicit Registry(std::unique_ptr<RegistryCore> core);

  const std::unique_ptr<RegistryCore> core_;  // first: all others use it
  Domains domains_;
  Labels labels_;
  Trash trash_;
  ModelStates model_states_;
  DraftList draft_list_;
  Verifier verifier_;
  GarbageCollector garbage_;
  Pruner pruner_;
  Purger purger_;
  ArchiveCompactor compactor_;
  std::unique_ptr<CompactionThread> compaction_;  // none: archives stay as they are
};

}  // namespace modelfs
