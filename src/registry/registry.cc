// Opening a store, and changing domains.
#include "registry/registry.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/disk_refusal.h"
#include "base/log.h"
#include "base/new_name.h"
#include "catalog/checked_keys.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// How often a commit tries again after others came first. Each try means that somebody else's commit went through.
constexpr int kConflictsMax = 10000;

std::string temporary_directory() {
  const char* const wanted = std::getenv("TMPDIR");
  return wanted != nullptr && *wanted != '\0' ? wanted : "/var/tmp";
}

}  // namespace

std::string Target::str() const {
  std::string text = domain.str() + "/" + version.str();
  if (is_generation) text += number ? "/" + std::to_string(raw(*number)) : std::string("/next");
  return text;
}

Result<Target> Target::parse(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t slash = std::min(path.find('/', from), path.size());
    parts.push_back(path.substr(from, slash - from));
    from = slash + 1;
  }
  const std::string shape = "a target is DOMAIN/VERSION, DOMAIN/VERSION/next or DOMAIN/VERSION/NUMBER";
  if (parts.size() < 2 || parts.size() > 3) return Status(Code::InvalidArgument, "'" + printable(path) + "': " + shape);
  auto domain = DomainName::parse(parts[0]);
  if (!domain.ok()) return domain.status();
  auto version = VersionName::parse(parts[1]);
  if (!version.ok()) return version.status();
  Target target{std::move(*domain), std::move(*version), parts.size() == 3, std::nullopt};
  if (parts.size() == 3 && parts[2] != "next") {
    const auto number = parse_generation(parts[2]);
    if (!number.ok()) return Status(Code::InvalidArgument, number.status().message() + "; " + shape);
    target.number = *number;
  }
  return target;
}

HistoryRecord make_history(Operation operation, Sequence sequence, const Credentials& who) {
  HistoryRecord record;
  record.operation = operation;
  record.sequence = sequence;
  record.when = now();
  record.uid = who.uid;
  record.who = user_name(who.uid);
  return record;
}

Registry::Registry(Engine engine, int store_dir, const Options& options)
    : engine_{std::make_unique<CheckedKeys>(std::move(engine.keys)), std::move(engine.blobs)},
      store_dir_(store_dir),
      options_(options),
      inos_(*engine_.keys),
      content_(*engine_.keys, *engine_.blobs, pins_),
      events_(options.read_only ? -1 : store_dir),
      sweeper_(std::make_unique<ThreadPool>("sweep", 1)),
      resolve_later_([this] { sweeper_->submit([this] { resolve_doubts(); }); }) {}

Registry::~Registry() {
  if (drafts_) prepare_to_end();
  compactor_.reset();
  sweeper_.reset();
  const MutexLock lock(doubts_mutex_);
  doubts_.clear();  // drafts are frozen for them
}

Result<std::unique_ptr<Registry>> Registry::open(Engine engine, int store_dir, const Options& options) {
  std::unique_ptr<Registry> registry(new Registry(std::move(engine), store_dir, options));
  if (Status status = registry->open_drafts(); !status.ok()) return status;
  if (options.read_only) return registry;
  // Why not now: a large draft would keep the mount waiting.
  registry->sweep_later();
  if (options.compacts_archives)
    registry->compactor_ = std::make_unique<ArchiveCompactor>(
        [&self = *registry](const std::atomic<bool>& cancel) { return self.compact_archives(cancel); });
  return registry;
}

Status Registry::open_drafts() {
  if (!options_.read_only && ::mkdirat(store_dir_, "drafts", 0700) != 0 && errno != EEXIST) {
    return Status::from_errno(errno, "create drafts/");
  }
  auto drafts_dir = open_at(store_dir_, "drafts", O_RDONLY | O_DIRECTORY);
  // A copy may come without.
  const bool is_left_out = options_.read_only && drafts_dir.code() == Code::NotFound;
  if (!drafts_dir.ok() && !is_left_out) return drafts_dir.status();
  if (drafts_dir.ok()) drafts_dir_ = std::move(*drafts_dir);
  if (!options_.read_only) {
    if (Status status = unless_disk_refuses(recover()); !status.ok()) return status;
  }
  auto drafts = DraftStore::open(drafts_dir_.fd(), *engine_.keys, *engine_.blobs, inos_, pins_,
                                 {.reserve_bytes = options_.reserve_bytes, .read_only = options_.read_only});
  if (!drafts.ok()) return drafts.status();
  drafts_ = std::move(*drafts);
  return open_archives();
}

Status Registry::open_archives() {
  if (options_.read_only) {
    // Nothing is written to the store, so archives are rebuilt elsewhere.
    auto scratch = open_at(AT_FDCWD, temporary_directory(), O_RDONLY | O_DIRECTORY);
    if (!scratch.ok()) return scratch.status();
    scratch_dir_ = std::move(*scratch);
  }
  const auto check_space = [this](std::uint64_t more_bytes) {
    return options_.read_only ? Status() : drafts_->check_space(more_bytes);
  };
  archives_ =
      std::make_unique<Archives>(content_, options_.read_only ? scratch_dir_.fd() : drafts_dir_.fd(), check_space);
  return {};
}

Status Registry::recover() {
  const auto snapshot = engine_.keys->snapshot();
  if (!snapshot.ok()) return snapshot.status();
  Batch batch;
  std::vector<Digest> linked;
  const Status scanned = (*snapshot)->scan("w/", "", [&](std::string_view key, std::string_view value) {
    for (; value.size() >= Digest::kSizeBytes; value.remove_prefix(Digest::kSizeBytes)) {
      Digest digest;
      std::memcpy(digest.bytes.data(), value.data(), Digest::kSizeBytes);
      linked.push_back(digest);
    }
    batch.erase(std::string(key));
    return true;
  });
  if (!scanned.ok()) return scanned;
  if (batch.erases.empty()) return {};
  for (const Digest& digest : linked) {
    // A commit that never ended: its blob is nobody's unless another commit brought the same bytes.
    if ((*snapshot)->get(keys::blob(digest)).code() != Code::NotFound) continue;
    if (Status status = engine_.blobs->remove(digest); !status.ok()) return status;
  }
  log::info("undid {} commit(s) that had not ended", batch.erases.size());
  return engine_.keys->commit(batch, Durability::Buffered, SpaceNeed::Reclaims);
}

Result<Snapshot> Registry::snapshot() const {
  auto stored = content_.snapshot();
  if (!stored.ok()) return stored;
  if (auto due = ask_at_.load(); due != kNever && raw(now()) >= due && ask_at_.compare_exchange_strong(due, kNever)) {
    resolve_later_();
  }
  return stored;
}

Result<DomainRecord> Registry::domain(const DomainName& name) const {
  const auto stored = snapshot();
  return stored.ok() ? stored->domain(name) : stored.status();
}

void Registry::sweep_later() {
  sweeper_->submit([this] {
    const Status status = drafts_->sweep();
    if (!status.ok() && status.code() != Code::Interrupted) log::warn("sweep: {}", status.message());
    if (status.ok()) collect_gc_candidates();
  });
}

Status Registry::finish_sweeping() { return drafts_->sweep(); }

Result<DomainRecord> Registry::change_domain(const DomainName& domain, SpaceNeed need, const DomainChange& change,
                                             const std::function<void(bool)>& when_known) {
  for (int tries = 0; tries < kConflictsMax; ++tries) {
    Batch batch;
    const auto head = prepare_change(domain, change, batch);
    if (!head.ok()) return head;
    const Status status = engine_.keys->commit(batch, Durability::Durable, need);
    if (status.ok()) {
      tell_changed(head->ino);
      tell_changed(stage_of(*head));
      return head;
    }
    if (status.code() == Code::Uncertain) doubt(domain, batch, when_known);
    if (status.code() != Code::Conflict) return status;
  }
  return Status(Code::Busy, "domain " + domain.str() + " is changed by too many others at once; try again");
}

Result<DomainRecord> Registry::prepare_change(const DomainName& domain, const DomainChange& change, Batch& batch) {
  const std::string key = keys::domain(domain);
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  const auto value = stored->keys().get(key);
  if (value.code() == Code::NotFound) return Status(Code::NotFound, "no domain " + domain.str());
  if (!value.ok()) return value.status();
  auto head = DomainRecord::decode(*value);
  if (!head.ok()) return head.status();
  head->last = Sequence{raw(head->last) + 1};
  if (Status status = change(*stored, *head, batch); !status.ok()) return status;
  // Why: a name that could not be read is not free.
  if (Status status = stored->failure(); !status.ok()) return status;
  batch.expect(key, *value);
  batch.put(key, head->encode());
  return head;
}

Result<DomainRecord> Registry::change_uncounted(const DomainName& domain, SpaceNeed need, const DomainChange& change) {
  return change_domain(domain, need, [&](const Snapshot& stored, DomainRecord& head, Batch& batch) {
    head.last = Sequence{raw(head.last) - 1};
    // Why for each: else the head stays as it is, and who changes the domain at the same time would not notice.
    head.status_changed = now();
    return change(stored, head, batch);
  });
}

// Domains.

Result<DomainRecord> Registry::create_domain(const DomainName& name, const Ownership& owner, const Credentials& who) {
  if (Status status = check_new_name(name.str()); !status.ok()) return status;
  // Why the drafts are asked first and not in the batch: only the mount makes names in the root, and its kernel holds
  // the root's lock meanwhile.
  if (drafts_->lookup(kRootIno, name.str()).ok()) {
    return Status(Code::AlreadyExists, "a draft lies under the name " + name.str());
  }
  const auto ino = inos_.take(DomainRecord::kInoBlock);
  if (!ino.ok()) return ino.status();
  DomainRecord head;
  head.ino = *ino;
  head.stage = stage_of(head);
  head.owner = owner;
  head.created = head.changed = head.status_changed = now();
  head.last = Sequence{1};
  const std::string key = keys::domain(name);
  Batch batch;
  batch.expect(key, std::nullopt);
  batch.put(key, head.encode());
  batch.put(keys::history(name, head.last), make_history(Operation::CreateDomain, head.last, who).encode());
  const Status status = engine_.keys->commit(batch, Durability::Durable);
  if (status.code() == Code::Conflict) return Status(Code::AlreadyExists, "domain " + name.str() + " exists already");
  if (!status.ok()) return status;
  drafts_->touch_place(kRootIno);
  tell_changed(kRootIno);
  events_.append("domain_created", {{"domain", name.str()}, {"by", user_name(who.uid)}});
  return head;
}

Status Registry::prepare_removal(const DomainName& name, Batch& batch) {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  const std::string key = keys::domain(name);
  const auto value = stored->keys().get(key);
  if (value.code() == Code::NotFound) return {Code::NotFound, "no domain " + name.str()};
  if (!value.ok()) return value.status();
  const auto head = DomainRecord::decode(*value);
  if (!head.ok()) return head.status();
  std::string holds;
  struct Content {
    keys::Kind kind;
    const char* what;
  };
  for (const Content& content :
       {Content{keys::Kind::Release, "releases"}, Content{keys::Kind::Label, "labels"},
        Content{keys::Kind::Removed, "releases in its trash"},
        Content{keys::Kind::Tombstone, "tombstones of removed releases, which stay for ever"}}) {
    const std::string prefix = keys::in_domain(content.kind, name);
    const Status scanned = stored->keys().scan(prefix, "", [&](std::string_view, std::string_view) {
      holds = content.what;
      return false;
    });
    if (!scanned.ok()) return scanned;
    if (!holds.empty()) break;
  }
  for (const Ino place : {head->ino, stage_of(*head), head->uploads(), head->modelstore(), head->modelstore_versions(),
                          head->modelstore_deleted()}) {
    const auto drafts = drafts_->list(place);
    if (!drafts.ok()) return drafts.status();
    if (!drafts->empty()) holds = "drafts ('" + printable(drafts->front().name) + "' is one)";
  }
  if (!holds.empty()) return {Code::NotEmpty, "domain " + name.str() + " has " + holds};
  batch.expect(key, *value);
  batch.erase(key);
  batch.erase_prefix(keys::in_domain(keys::Kind::History, name));
  return stored->failure();
}

Status Registry::remove_domain(const DomainName& name, const Credentials& who) {
  Batch batch;
  if (Status status = prepare_removal(name, batch); !status.ok()) return status;
  const Status status = engine_.keys->commit(batch, Durability::Durable, SpaceNeed::Reclaims);
  if (status.code() == Code::Conflict)
    return {Code::NotEmpty, "domain " + name.str() + " has just been published into"};
  if (!status.ok()) return status;
  drafts_->touch_place(kRootIno);
  tell_changed(kRootIno);
  events_.append("domain_removed", {{"domain", name.str()}, {"by", user_name(who.uid)}});
  return status;
}

Result<DomainRecord> Registry::set_domain_owner(const DomainName& name, const Ownership& owner,
                                                const Credentials& who) {
  auto changed =
      change_uncounted(name, SpaceNeed::Reclaims, [&](const Snapshot&, DomainRecord& head, Batch&) -> Status {
        if (Status status = authorise_owner(who, head.owner.uid, name.str()); !status.ok()) return status;
        head.owner = owner;
        return {};
      });
  if (changed.ok()) events_.append("domain_owner", {{"domain", name.str()}, {"by", user_name(who.uid)}});
  return changed;
}

}  // namespace modelfs
