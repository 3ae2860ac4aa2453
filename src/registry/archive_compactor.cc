#include "registry/archive_compactor.h"

#include "archive/recipe/find_recipe.h"
#include "base/log.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// A longer recipe than this is not worth its place in the catalog.
constexpr std::size_t kRecipeBytesMax = 64ull << 20;

}  // namespace

Result<std::vector<Ino>> ArchiveCompactor::find_waiting() const {
  const auto stored = core_.snapshot();
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

Status ArchiveCompactor::compact_all(const std::atomic<bool>& cancel) {
  const auto waiting = find_waiting();
  return waiting.ok() ? compact(*waiting, cancel) : waiting.status();
}

Status ArchiveCompactor::compact(const std::vector<Ino>& containers, const std::atomic<bool>& cancel) {
  Status ended;
  std::vector<Digest> replaced;
  std::uint64_t replaced_bytes = 0;
  for (const Ino container : containers) {
    if (cancel) ended = {Code::Interrupted, "the end of the daemon"};
    if (!ended.ok()) break;
    const auto done = compact_one(container, cancel);
    // A damaged one stays as it is; verify reports it. The others need not wait for it.
    if (done.code() == Code::Interrupted) ended = done.status();
    if (!done.ok() && ended.ok()) {
      log::warn("the archive of directory {}: {}", raw(container), done.status().message());
    }
    if (!done.ok() || !*done) continue;
    replaced.push_back((*done)->digest);
    replaced_bytes += (*done)->size_bytes;
    if (replaced_bytes < kUndroppedBytesMax) continue;
    if (Status status = garbage_.drop(replaced); !status.ok()) return status;
    replaced.clear();
    replaced_bytes = 0;
  }
  // Also at the end of the daemon: afterwards only gc would find them.
  const Status dropped = garbage_.drop(replaced);
  return dropped.ok() ? ended : dropped;
}

Result<std::optional<ArchiveCompactor::Replaced>> ArchiveCompactor::compact_one(Ino container,
                                                                                const std::atomic<bool>& cancel) {
  const auto value = core_.keys().get(keys::archive(container));
  if (!value.ok()) return value.status();
  auto record = ArchiveRecord::decode(*value);
  if (!record.ok()) return record.status();
  const auto format = format_of_suffix(record->suffix);
  if (!format)
    return Status(Code::Corrupt, "'" + printable(record->suffix) + "' is not the suffix of an archive format");

  ManifestEntry original;
  original.size_bytes = record->size_bytes;
  original.hash = record->hash;
  const auto archive = core_.content().open(original);
  if (!archive.ok()) return archive.status();
  const auto files = core_.archives().contents(container);
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
  if (Status status = core_.keys().commit(batch, Durability::Durable); !status.ok()) return status;
  return fits ? std::optional(Replaced{record->hash.digest, record->size_bytes}) : std::nullopt;
}

Result<ArchiveCounts> ArchiveCompactor::count() const {
  const auto stored = core_.snapshot();
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
