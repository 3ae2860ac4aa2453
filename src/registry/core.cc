// Opening a store, and changing domains.
#include "registry/core.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/disk_refusal.h"
#include "base/log.h"
#include "catalog/checked_keys.h"
#include "catalog/keys.h"
#include "os/host.h"
#include "registry/access.h"

namespace modelfs {
namespace {

// How often a commit tries again after others came first. Each try means that somebody else's commit went through.
constexpr int kConflictsMax = 10000;

std::string temporary_directory() {
  const char* const wanted = std::getenv("TMPDIR");
  return wanted != nullptr && *wanted != '\0' ? wanted : "/var/tmp";
}

}  // namespace

HistoryRecord make_history(Operation operation, Sequence sequence, const Credentials& who) {
  HistoryRecord record;
  record.operation = operation;
  record.sequence = sequence;
  record.when = now();
  record.uid = who.uid;
  record.who = user_name(who.uid);
  record.host = host_name();
  return record;
}

RegistryCore::RegistryCore(Engine engine, int store_dir, const RegistryOptions& options)
    : engine_{std::make_unique<CheckedKeys>(std::move(engine.keys)), std::move(engine.blobs)},
      store_dir_(store_dir),
      options_(options),
      inos_(*engine_.keys),
      content_(*engine_.keys, *engine_.blobs, pins_),
      events_(options.read_only ? -1 : store_dir),
      doubts_(
          *engine_.keys, events_, [this](const DomainName& domain) { tell_domain_changed(domain); },
          [this] { do_later([this] { doubts_.resolve(); }); }),
      sweeper_(std::make_unique<ThreadPool>("sweep", 1)) {}

RegistryCore::~RegistryCore() { end(); }

void RegistryCore::end() {
  sweeper_.reset();
  doubts_.forget();
}

Result<std::unique_ptr<RegistryCore>> RegistryCore::open(Engine engine, int store_dir, const RegistryOptions& options) {
  std::unique_ptr<RegistryCore> core(new RegistryCore(std::move(engine), store_dir, options));
  if (Status status = core->open_drafts(); !status.ok()) return status;
  return core;
}

Status RegistryCore::open_drafts() {
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

Status RegistryCore::open_archives() {
  if (options_.read_only) {
    // Nothing is written to the store, so archives are rebuilt elsewhere.
    auto scratch = open_at(AT_FDCWD, temporary_directory(), O_RDONLY | O_DIRECTORY);
    if (!scratch.ok()) return scratch.status();
    scratch_dir_ = std::move(*scratch);
  }
  const auto check_space = [this](std::uint64_t more_bytes) {
    return options_.read_only ? Status() : drafts_->space().check(more_bytes);
  };
  archives_ =
      std::make_unique<Archives>(content_, options_.read_only ? scratch_dir_.fd() : drafts_dir_.fd(), check_space);
  return {};
}

Status RegistryCore::recover() {
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

Result<Snapshot> RegistryCore::snapshot() {
  auto stored = content_.snapshot();
  if (stored.ok()) doubts_.ask_if_due();
  return stored;
}

void RegistryCore::tell_domain_changed(const DomainName& domain) {
  const auto stored = snapshot();
  const auto head = stored.ok() ? stored->domain(domain) : stored.status();
  if (!head.ok()) return;
  tell_changed(head->ino);
  tell_changed(stage_of(*head));
}

Result<DomainRecord> RegistryCore::change_domain(const DomainName& domain, SpaceNeed need, const DomainChange& change,
                                                 const std::function<void(bool)>& when_known) {
  auto head = change_head(domain, keys::domain(domain), need, change, when_known);
  if (head.ok()) {
    tell_changed(head->ino);
    tell_changed(stage_of(*head));
  }
  return head;
}

Result<DomainRecord> RegistryCore::change_removed_domain(const DomainName& domain, SpaceNeed need,
                                                         const DomainChange& change) {
  return change_head(domain, keys::removed_domain(domain), need, change, {});
}

Result<DomainRecord> RegistryCore::change_head(const DomainName& domain, const std::string& key, SpaceNeed need,
                                               const DomainChange& change,
                                               const std::function<void(bool)>& when_known) {
  for (int tries = 0; tries < kConflictsMax; ++tries) {
    Batch batch;
    const auto head = prepare_change(domain, key, change, batch);
    if (!head.ok()) return head;
    const Status status = engine_.keys->commit(batch, Durability::Durable, need);
    if (status.ok()) return head;
    if (is_undecided(status.code())) doubts_.add(domain, batch, when_known);
    if (status.code() != Code::Conflict) return status;
  }
  return Status(Code::Busy, "domain " + domain.str() + " is changed by too many others at once; try again");
}

Result<DomainRecord> RegistryCore::prepare_change(const DomainName& domain, const std::string& key,
                                                  const DomainChange& change, Batch& batch) {
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

Result<DomainRecord> RegistryCore::change_uncounted(const DomainName& domain, SpaceNeed need,
                                                    const DomainChange& change) {
  return change_domain(domain, need, [&](const Snapshot& stored, DomainRecord& head, Batch& batch) {
    head.last = Sequence{raw(head.last) - 1};
    // Why for each: else the head stays as it is, and who changes the domain at the same time would not notice.
    head.status_changed = now();
    return change(stored, head, batch);
  });
}

}  // namespace modelfs
