// The verbs of the registry: publish, label, remove, restore, open, verify, gc. The mount and the command both end
// here.
#pragma once
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/names.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "base/types.h"
#include "catalog/snapshot.h"
#include "content/archives.h"
#include "content/blob_pins.h"
#include "content/content_store.h"
#include "drafts/draft_store.h"
#include "drafts/ino_allocator.h"
#include "registry/access.h"
#include "registry/archive_compactor.h"
#include "registry/events.h"
#include "store/engine.h"

namespace modelfs {

// What a draft is to become: a release of a domain, or a generation of one.
struct Target {
  DomainName domain;
  VersionName version;
  bool is_generation = false;
  std::optional<Generation> number;  // generations: exactly this one; empty: the next

  // "churn/1.2.0", "churn/1.2.0/next", "churn/1.2.0/4".
  std::string str() const;
  // From such a path. InvalidArgument or the name's own code: the message says what a target looks like.
  static Result<Target> parse(std::string_view path);
};

// A committed release or generation.
struct Published {
  std::string domain;
  std::string version;
  Generation generation{};  // 0: a release
  Sequence sequence{};
  std::string model_id;  // of the release
  Digest digest;
  std::uint64_t file_count = 0;
  std::uint64_t total_bytes = 0;
  bool already = false;  // identical content was there before; nothing was committed
  // What was committed, with its directory's number: the release, then its generations.
  std::vector<std::pair<Ino, std::shared_ptr<const Manifest>>> containers;
};

enum class HashBudget {
  Short,  // inside a rename: hashes at most kRenameHashBytesMax, else Busy, and the hashes go on behind
  Full,   // by command: hashes what is needed
};
inline constexpr std::uint64_t kRenameHashBytesMax = 64ull << 20;

// An archive that is published together with what was unpacked from it.
struct ArchiveOriginal {
  SealedFile& file;
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  std::string suffix;  // ".tar.gz"
};

// A file that says that a draft is complete and is published in it.
struct DraftMarker {
  SealedFile& file;
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  std::string as;  // its name in what is published
  // What else lies at the top of the draft, exactly; anything more or less is a Conflict.
  std::unordered_set<std::string> beside;
};

// Where the archive or file that a release came as is shown in its client's layout from now on.
struct UploadPlacement {
  Ino directory = kNoIno;  // a draft directory
  std::string name;
  std::string path;  // of the directory, beneath the mount point
};

struct PublishRequest {
  Ino draft = kNoIno;      // the draft directory
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  Target target;
  Credentials who;
  HashBudget budget = HashBudget::Full;
  // Called once it is committed and before anybody can touch the draft's nodes again.
  std::function<void(const Published&)> on_published;
  ArchiveOriginal* original = nullptr;  // what the draft was unpacked from, if it was
  DraftMarker* marker = nullptr;
  // The draft directory under the version's own name, which the release takes the place of. NotEmpty: it holds more
  // than the draft itself and an empty `.stage`.
  Ino beneath = kNoIno;
  // From now on the versions of the domain are PEP 440's, each higher than all before.
  bool orders_versions = false;
  // What of the mode of the draft's own directory counts: all of it (07777) only where it does not lie in place.
  std::uint32_t mode_mask = kInPlaceModeMask;
  // The metadata document, if it is given and does not lie beside the draft.
  std::optional<std::string> metadata = std::nullopt;
  std::optional<UploadPlacement> placement = std::nullopt;  // of `original`, or else of `marker`
  // A version that was removed may come back with other content, as modelstore has it.
  bool replaces_removed = false;
};

// How the archives that were uploaded are stored.
struct ArchiveCounts {
  std::uint64_t recipes = 0;     // rebuilt when they are read
  std::uint64_t unsuited = 0;    // kept: no recipe makes them
  std::uint64_t waiting = 0;     // kept: nobody has looked yet
  std::uint64_t kept_bytes = 0;  // of those that are kept
};

// What verify and gc found.
struct VerifyReport {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> problems;  // one sentence each, with the paths that are hit
};
struct GcReport {
  std::uint64_t blobs_removed = 0;
  std::uint64_t bytes_freed = 0;
  std::uint64_t draft_files_removed = 0;
};

// A draft, as `modelfs status` lists it.
struct DraftSummary {
  std::string path;  // "churn/.stage/x", "churn/1.2.0" (under a version's name), "scratch.txt"
  bool under_version = false;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  TimeNs changed{};  // newest mtime in it
  Ownership owner;
};

// A draft symlink under its name.
struct DraftLink {
  Ino directory = kNoIno;  // where its name stands
  std::string name;
  Ino ino = kNoIno;
};

// Safe for concurrent use. No method throws. Every refusal's message names the thing and the next step.
// Credentials are judged here by authorise(); the mount is judged by the kernel first, with the same modes.
class Registry {
 public:
  struct Options {
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

  // `store_dir`: the store's directory, locked by the caller, open as long as this lives.
  // Undoes what commits that never ended have left; where the disk refuses that, the next opening does.
  static Result<std::unique_ptr<Registry>> open(Engine engine, int store_dir, const Options& options);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Let it go before anything that commits.
  Result<Snapshot> snapshot() const;
  // The record of a domain now.
  Result<DomainRecord> domain(const DomainName& name) const;
  DraftStore& drafts() { return *drafts_; }
  const DraftStore& const_drafts() const { return *drafts_; }
  Events& events() { return events_; }
  const Events& const_events() const { return events_; }
  // Every verb that changes something is refused with EROFS.
  bool is_read_only() const { return options_.read_only; }
  int store_dir() const { return store_dir_; }

  // Domains.
  // AlreadyExists; the name's own codes; AlreadyExists too where a draft lies under the name.
  Result<DomainRecord> create_domain(const DomainName& name, const Ownership& owner, const Credentials& who);
  // NotEmpty: it has releases, labels, drafts or tombstones (which stay for ever).
  Status remove_domain(const DomainName& name, const Credentials& who);
  // chmod and chown. NotPermitted unless `who` owns it.
  Result<DomainRecord> set_domain_owner(const DomainName& name, const Ownership& owner, const Credentials& who);

  // Publishing. AlreadyExists: the version is taken (the draft is kept). OutOfRange: not the next generation number;
  // says which is. Busy: a file is open for writing. Malformed: the content may not be published; names the path.
  // Denied. NoSpace. NotFound: no such domain, or release of a generation.
  Result<Published> publish(const PublishRequest& request);
  // Begins, behind the caller, to remove what commits and discarded drafts have left.
  void sweep_later();

  // Labels. InvalidArgument: `version` is not exactly one live version of the domain, or the name may not be a label.
  Result<LabelRecord> set_label(const DomainName& domain, std::string_view label, std::string_view version,
                                const Credentials& who);
  Status remove_label(const DomainName& domain, std::string_view label, const Credentials& who);
  // The same by a draft symlink, which goes in the same commit. AlreadyExists: `replaces` is false, and there is such a
  // label. NotFound: the draft is not there any more.
  Result<LabelRecord> set_label_by_draft(const DomainName& domain, std::string_view label, const DraftLink& draft,
                                         bool replaces, const Credentials& who);
  // The label `from` takes the name `to`, instead of a label of that name. AlreadyExists: `replaces` is false, and
  // there is one.
  Status rename_label(const DomainName& domain, std::string_view from, std::string_view to, bool replaces,
                      const Credentials& who);
  // Each of two labels takes the other's name. NotFound: one of them is no label.
  Status exchange_labels(const DomainName& domain, std::string_view one, std::string_view other,
                         const Credentials& who);

  // modelstore's layout.
  // From now on it is listed.
  Status use_modelstore();
  // Puts a release into a state, which is made where there is none, or takes it out. NotFound: no such release, or it
  // is not in that state. IllegalName.
  Status set_state(const DomainName& domain, std::string_view version, std::string_view state, const Credentials& who);
  Status clear_state(const DomainName& domain, std::string_view version, std::string_view state,
                     const Credentials& who);
  // (state, version) of every release of the domain that is in a state, sorted.
  Result<std::vector<std::pair<std::string, std::string>>> states(const DomainName& domain) const;
  // Its archive has no place of its own in that layout any more, unless it comes back from the trash.
  Status drop_archive_placement(const DomainName& domain, std::string_view version, const Credentials& who);
  // The layout shows no tombstone of that version any more.
  Status forget_tombstone(const DomainName& domain, std::string_view version, const Credentials& who);

  // Removal into the trash and back. Busy: a label names it.
  Status remove_release(const DomainName& domain, std::string_view version, const Credentials& who);
  Status restore_release(const DomainName& domain, std::string_view trash_name, const Credentials& who);

  // Reading.
  const ContentStore& content() const { return content_; }
  Archives& archives() { return *archives_; }

  // Replaces archives by recipes where that is proven to give the same bytes, until `cancel`. Works in proportion to
  // their sizes. Interrupted.
  Status compact_archives(const std::atomic<bool>& cancel);
  Result<ArchiveCounts> count_archives() const;

  // Hashes every blob that `domain` (empty: any) and `version` (empty: any) need. `progress` gets (done, total) bytes.
  Result<VerifyReport> verify(std::string_view domain, std::string_view version,
                              const std::function<void(std::uint64_t, std::uint64_t)>& progress);
  // Removes blobs that nothing refers to and that are older than the grace time, and leftovers of drafts.
  Result<GcReport> gc();
  // Every draft in the store; `owner` limits to drafts of that user.
  Result<std::vector<DraftSummary>> list_drafts(std::optional<uid_t> owner);

  // The draft at a path such as "churn/.stage/x": its directory, name and number. NotFound.
  struct FoundDraft {
    Ino directory = kNoIno;
    std::string name;
    DraftEntry entry;
    Ownership directory_owner{};  // as it is presented; of a place that is committed, its domain's
    bool is_in_place = false;     // lies under a version's name
    bool is_sticky = false;       // only its owner, the directory's and root may take its name away
  };
  // Denied: `who` may not search a directory on the way, so he does not learn what is in it.
  Result<FoundDraft> find_draft(std::string_view path, const Credentials& who);
  // Ok for who may read the draft `ino`, of whose mode `mode_mask` counts. Denied, NotFound.
  Status check_disclosing(const Credentials& who, Ino ino, std::uint32_t mode_mask, std::string_view what) const;
  // The directory that holds the staged drafts of a domain (/<domain>/.stage).
  static Ino stage_of(const DomainRecord& domain) { return Ino{raw(domain.ino) + 5}; }

  // Waits until what earlier commits left to sweep is gone. Interrupted: see prepare_to_end().
  Status finish_sweeping();
  // Nothing waits for long work behind any more: hashes and sweeps end at their next step, and the next start goes on
  // with them. Commits go on, for `patience`; then they fail, Busy. The destructor does this; call it
  // earlier when requests that may wait for such work are to end.
  void prepare_to_end(std::chrono::steady_clock::duration patience = DraftStore::kEndPatience) {
    drafts_->prepare_to_end(patience);
    if (compactor_) compactor_->stop();
  }

 private:
  friend class Commit;
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  // How long the store is left alone after it could not say whether a commit took place.
  static constexpr std::int64_t kAskAgainNs = 1'000'000'000;
  // A commit of which nobody knows whether it took place.
  struct Doubt {
    DomainName domain;
    Batch::Put telling;  // nobody else puts this
    std::function<void(bool)> when_known;
  };

  Registry(Engine engine, int store_dir, const Options& options);
  Status open_drafts();
  Status open_archives();
  Result<LabelRecord> set_label(const DomainName& domain, std::string_view label, std::string_view version,
                                const Credentials& who, const DraftLink* draft, bool replaces);
  Status recover();
  Status quarantine(const Digest& digest);
  Result<GcReport> collect_garbage();
  // Removes what drafts that are gone have left in the catalog, if it is much.
  void collect_gc_candidates() EXCLUDES(gc_mutex_);
  // Those of `candidates`, with their sizes, that nothing refers to. Between watch() and end_watch() of the pins.
  Result<GcReport> remove_unreferenced(const std::unordered_map<Digest, std::uint64_t, DigestHash>& candidates);
  Result<DraftSummary> summarise_draft(const DraftName& draft);
  Result<std::unordered_set<Digest, DigestHash>> referenced_blobs() const;
  Result<std::vector<Ino>> archives_to_compact() const;
  // The digest of the archive whose bytes are not needed any more, if a recipe took their place.
  Result<std::optional<Digest>> compact_archive(Ino container, const std::atomic<bool>& cancel);
  // Removes a blob that nothing refers to, however young it is.
  Status drop_blob(const Digest& digest);
  void tell_changed(Ino place) const {
    if (options_.on_changed) options_.on_changed(place);
  }
  // Reads the head of `domain`, lets `change` fill the batch with what follows from it, and commits; again on a
  // Conflict. `change` gets the record with `last` already counted up, and must be repeatable.
  using DomainChange = std::function<Status(const Snapshot&, DomainRecord& head, Batch& batch)>;
  // Uncertain: doubt() has it.
  Result<DomainRecord> change_domain(const DomainName& domain, SpaceNeed need, const DomainChange& change,
                                     const std::function<void(bool)>& when_known = {});
  Result<DomainRecord> prepare_change(const DomainName& domain, const DomainChange& change, Batch& batch);
  // The same for what is no commit of content: no number is spent.
  Result<DomainRecord> change_uncounted(const DomainName& domain, SpaceNeed need, const DomainChange& change);
  // Ok: whatever was committed before can be seen. Asked before anything is looked for that may be removed if it is
  // not there.
  Status check_certain();
  // Of a commit that is Uncertain: remembers it, until the store can be asked whether it took place. Then an event says
  // so, and `when_known` gets it, on the sweeper's thread.
  void doubt(const DomainName& domain, const Batch& batch, const std::function<void(bool)>& when_known);
  void resolve_doubts();
  // False: the store cannot say yet.
  bool resolve(const Doubt& doubt);
  // Takes away what a commit of `draft` had linked, which did not take place.
  void undo_links(Ino draft, const std::vector<Digest>& linked);
  // What remove_domain() commits. NotEmpty.
  Status prepare_removal(const DomainName& name, Batch& batch);

  Engine engine_;
  const int store_dir_;
  const Options options_;
  File drafts_dir_;
  File scratch_dir_;  // of a store that is only read
  InoAllocator inos_;
  BlobPins pins_;
  ContentStore content_;
  std::unique_ptr<Archives> archives_;
  Mutex gc_mutex_;  // one gc at a time; no other lock is held when it is taken
  Events events_;
  std::unique_ptr<DraftStore> drafts_;
  std::unique_ptr<ThreadPool> sweeper_;          // one thread: gives back what commits left behind
  std::unique_ptr<ArchiveCompactor> compactor_;  // uses all of the above
  Mutex doubts_mutex_;                           // leaf lock
  std::vector<Doubt> doubts_ GUARDED_BY(doubts_mutex_);
  // Whoever reads the store at or after this moment (of now()) has the doubts resolved; never, where there are none.
  mutable std::atomic<std::int64_t> ask_at_ = kNever;
  const std::function<void()> resolve_later_;
};

// History and events of a commit share who did it.
HistoryRecord make_history(Operation operation, Sequence sequence, const Credentials& who);

}  // namespace modelfs
