#include "registry/archive_compactor.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "archive/recipe/find_recipe.h"
#include "base/log.h"
#include "catalog/keys.h"
#include "registry/registry.h"

namespace modelfs {
namespace {

constexpr int kLowestPriority = 19;
// Source: linux/ioprio.h, which Debian's headers keep from programs: class idle, of this thread.
constexpr int kIoprioWhoProcess = 1;
constexpr int kIoprioClassIdle = 3 << 13;

// A longer recipe than this is not worth its place in the catalog.
constexpr std::size_t kRecipeBytesMax = 64ull << 20;

void become_idle() {
  // Why not SCHED_IDLE: on a busy machine its threads stand still, and the end of the daemon would wait for this one.
  // If either is refused, it works at the usual priority.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowestPriority);
  (void)::syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, kIoprioClassIdle);
}

}  // namespace

ArchiveCompactor::ArchiveCompactor(Registry& registry) : registry_(registry), thread_([this] { run(); }) {}

ArchiveCompactor::~ArchiveCompactor() {
  stop();
  thread_.join();
}

void ArchiveCompactor::wake() {
  const MutexLock lock(mutex_);
  woken_ = true;
  wake_.notify_all();
}

void ArchiveCompactor::stop() {
  stopping_ = true;
  // It ends at its next step, which on a busy machine it would hardly reach at its priority. Users may not raise it.
  if (const pid_t thread = thread_id_; thread != 0) (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), 0);
  const MutexLock lock(mutex_);
  wake_.notify_all();
}

void ArchiveCompactor::run() {
  (void)::pthread_setname_np(::pthread_self(), "settle");
  become_idle();
  thread_id_ = ::gettid();
  while (!stopping_) {
    {
      const MutexLock lock(mutex_);
      while (!woken_ && !stopping_) wake_.wait(mutex_);
      woken_ = false;
    }
    if (stopping_) return;
    if (Status status = registry_.compact_archives(stopping_); !status.ok() && status.code() != Code::Interrupted) {
      log::warn("archives are examined at the next start: {}", status.message());
    }
  }
}

Result<std::vector<Ino>> Registry::archives_to_compact() const {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  std::vector<Ino> found;
  const Status scanned = stored->keys().scan("a/", "", [&](std::string_view key, std::string_view value) {
    const auto record = ArchiveRecord::decode(value);
    const auto number = parse_be64(key.substr(2));
    if (record.ok() && number.ok() && record->kept == ArchiveRecord::Kept::Original) found.push_back(Ino{*number});
    return true;
  });
  if (!scanned.ok()) return scanned;
  return found;
}

Status Registry::compact_archives(const std::atomic<bool>& cancel) {
  const auto waiting = archives_to_compact();
  if (!waiting.ok()) return waiting.status();
  for (const Ino container : *waiting) {
    if (cancel) return {Code::Interrupted, "the end of the daemon"};
    const auto dropped = compact_archive(container, cancel);
    // A damaged one stays as it is; verify reports it. The others need not wait for it.
    if (!dropped.ok() && dropped.code() == Code::Interrupted) return dropped.status();
    if (!dropped.ok()) log::warn("the archive of directory {}: {}", raw(container), dropped.status().message());
    if (!dropped.ok() || !*dropped) continue;
    if (Status status = drop_blob(**dropped); !status.ok()) return status;
  }
  return {};
}

Result<std::optional<Digest>> Registry::compact_archive(Ino container, const std::atomic<bool>& cancel) {
  const auto value = engine_.keys->get(keys::archive(container));
  if (!value.ok()) return value.status();
  auto record = ArchiveRecord::decode(*value);
  if (!record.ok()) return record.status();
  const auto format = format_of_suffix(record->suffix);
  if (!format)
    return Status(Code::Corrupt, "'" + printable(record->suffix) + "' is not the suffix of an archive format");

  ManifestEntry original;
  original.size_bytes = record->size_bytes;
  original.hash = record->hash;
  const auto archive = content_.open(original);
  if (!archive.ok()) return archive.status();
  const auto files = archives_->contents(container);
  if (!files.ok()) return files.status();
  std::vector<RecipeMember> members;
  for (const ManifestEntry& entry : (*files)->entries()) {
    members.push_back({entry.hash.digest, entry.size_bytes, static_cast<std::uint32_t>(members.size())});
  }
  const RecipeSource source{[&](std::uint64_t offset, ByteSpan into) { return (*archive)->read_at(offset, into); },
                            record->size_bytes, *format};
  const auto recipe = find_recipe(source, members, (*files)->reader(), cancel);
  if (!recipe.ok()) return recipe.status();
  std::string encoded = *recipe ? (*recipe)->encode() : std::string();
  // Proven to make these bytes; and these bytes are what the digest says.
  const bool fits = *recipe && (*recipe)->digest == record->hash.digest && encoded.size() <= kRecipeBytesMax;
  Batch batch;
  batch.expect(keys::archive(container), *value);
  record->kept = fits ? ArchiveRecord::Kept::Recipe : ArchiveRecord::Kept::Unsuited;
  batch.put(keys::archive(container), record->encode());
  if (fits) batch.put(keys::recipe(container), std::move(encoded));
  if (Status status = engine_.keys->commit(batch, Durability::Durable); !status.ok()) return status;
  return fits ? std::optional(record->hash.digest) : std::nullopt;
}

Status Registry::drop_blob(const Digest& digest) {
  const MutexLock only(gc_mutex_);
  pins_.watch();
  const Status asked = check_certain();
  const auto referenced = asked.ok() ? referenced_blobs() : asked;
  Status failed = referenced.ok() ? Status() : referenced.status();
  if (failed.ok() && !referenced->contains(digest)) {
    // While it is open it stays; the next gc removes it.
    (void)pins_.remove_unpinned(digest, [&] {
      Batch batch;
      batch.erase(keys::blob(digest));
      failed = engine_.keys->commit(batch, Durability::Durable, SpaceNeed::Reclaims);
      if (failed.ok()) failed = engine_.blobs->remove(digest);
    });
  }
  pins_.end_watch();
  return failed;
}

Result<ArchiveCounts> Registry::count_archives() const {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  ArchiveCounts counts;
  const Status scanned = stored->keys().scan("a/", "", [&](std::string_view, std::string_view value) {
    const auto record = ArchiveRecord::decode(value);
    if (!record.ok()) return true;
    if (record->kept == ArchiveRecord::Kept::Recipe) {
      ++counts.recipes;
      return true;
    }
    ++(record->kept == ArchiveRecord::Kept::Original ? counts.waiting : counts.unsuited);
    counts.kept_bytes += record->allocated_bytes;
    return true;
  });
  if (!scanned.ok()) return scanned;
  return counts;
}

}  // namespace modelfs
