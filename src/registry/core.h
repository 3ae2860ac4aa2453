// What the verbs of the registry share: the engine, the drafts, what is committed, events, and how a domain is changed.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/file.h"
#include "base/names.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "base/types.h"
#include "catalog/records.h"
#include "catalog/snapshot.h"
#include "content/archives.h"
#include "content/blob_pins.h"
#include "content/content_store.h"
#include "drafts/draft_store.h"
#include "drafts/ino_allocator.h"
#include "registry/commit_doubts.h"
#include "registry/events.h"
#include "store/engine.h"

namespace modelfs {

struct RegistryOptions {
  // Unreferenced blobs younger than this are kept by gc.
  std::int64_t grace_seconds = 3600;
  // Free space below which drafts stop growing; the engine has the same figure for commits.
  std::uint64_t reserve_bytes = 64ull << 20;
  // Replace archives by recipes in the background.
  bool compacts_archives = false;
  // The engine is read-only: nothing is written, and what commits that never ended have left stays.
  bool read_only = false;
  // Told of each domain and release whose attributes have changed, and of the root when domains came or went: by the
  // directory's number, once it is committed and before who asked for it hears so. On any thread; asks for nothing
  // here.
  std::function<void(Ino)> on_changed = {};
};

// For the verbs alone: everybody else asks the Registry. Safe for concurrent use.
class RegistryCore {
 public:
  // As Registry::open().
  static Result<std::unique_ptr<RegistryCore>> open(Engine engine, int store_dir, const RegistryOptions& options);
  ~RegistryCore();
  RegistryCore(const RegistryCore&) = delete;
  RegistryCore& operator=(const RegistryCore&) = delete;

  const RegistryOptions& options() const { return options_; }
  int store_dir() const { return store_dir_; }
  KeyValueStore& keys() { return *engine_.keys; }
  BlobStore& blobs() { return *engine_.blobs; }
  InoAllocator& inos() { return inos_; }
  BlobPins& pins() { return pins_; }
  const ContentStore& content() const { return content_; }
  Archives& archives() { return *archives_; }
  DraftStore& drafts() { return *drafts_; }
  Events& events() { return events_; }
  CommitDoubts& doubts() { return doubts_; }

  // What exists now. Let it go before anything that commits.
  Result<Snapshot> snapshot();
  void tell_changed(Ino place) const {
    if (options_.on_changed) options_.on_changed(place);
  }

  // Reads the head of `domain`, lets `change` fill the batch with what follows from it, and commits; again on a
  // Conflict. `change` gets the record with `last` already counted up, and must be repeatable.
  using DomainChange = std::function<Status(const Snapshot&, DomainRecord& head, Batch& batch)>;
  // Uncertain: the doubts have it, and `when_known` hears what became of it.
  Result<DomainRecord> change_domain(const DomainName& domain, SpaceNeed need, const DomainChange& change,
                                     const std::function<void(bool)>& when_known = {});
  // The same for what is no commit of content: no number is spent.
  Result<DomainRecord> change_uncounted(const DomainName& domain, SpaceNeed need, const DomainChange& change);

  // The same for a domain that was removed and has left something behind (keys::removed_domain).
  Result<DomainRecord> change_removed_domain(const DomainName& domain, SpaceNeed need, const DomainChange& change);

  // Does it on the thread `sweep`, after what it was given before.
  void do_later(std::function<void()> work) { sweeper_->submit(std::move(work)); }
  // Waits for that thread, which ends. Whatever it was given refers to must still be there.
  void end();

 private:
  RegistryCore(Engine engine, int store_dir, const RegistryOptions& options);
  Status open_drafts();
  Status open_archives();
  // Undoes what commits that never ended have left.
  Status recover();
  // `key`: that of the head.
  Result<DomainRecord> change_head(const DomainName& domain, const std::string& key, SpaceNeed need,
                                   const DomainChange& change, const std::function<void(bool)>& when_known);
  Result<DomainRecord> prepare_change(const DomainName& domain, const std::string& key, const DomainChange& change,
                                      Batch& batch);
  void tell_domain_changed(const DomainName& domain);

  Engine engine_;
  const int store_dir_;
  const RegistryOptions options_;
  File drafts_dir_;
  File scratch_dir_;  // of a store that is only read
  InoAllocator inos_;
  BlobPins pins_;
  ContentStore content_;
  std::unique_ptr<Archives> archives_;
  Events events_;
  std::unique_ptr<DraftStore> drafts_;
  CommitDoubts doubts_;                  // some keep drafts frozen
  std::unique_ptr<ThreadPool> sweeper_;  // one thread, for what nobody waits for: sweeps, small garbage, doubts
};

// The directory that holds the staged drafts of a domain (/<domain>/.stage).
inline Ino stage_of(const DomainRecord& domain) { return Ino{raw(domain.ino) + 5}; }

// History and events of a commit share who did it.
HistoryRecord make_history(Operation operation, Sequence sequence, const Credentials& who);

}  // namespace modelfs
