#include "drafts/draft_freezer.h"

#include <chrono>
#include <unordered_map>

#include "archive/read/read_archive.h"
#include "base/tree_bounds.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

static_assert(ArchiveLimits().depth == kTreeDepthMax && ArchiveLimits().path_bytes == kTreePathBytesMax);

// Where an entry stands in the draft.
struct TreePlace {
  std::size_t depth = 0;
  std::size_t path_bytes = 0;
};

}  // namespace

Result<std::unique_ptr<FrozenDraft>> DraftFreezer::freeze(Ino root) {
  auto draft = take(root);
  if (!draft.ok()) return draft;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kReleaseWaitMs);
  const auto& entries = (*draft)->entries();
  for (std::uint32_t index = 0; index < entries.size(); ++index) {
    if (entries[index].record.type != FileType::Regular) continue;
    const Status status = context_.opens.wait_for_release(entries[index].ino, (*draft)->path_of(index), deadline);
    if (!status.ok()) return status;
  }
  if (Status status = (*draft)->measure(hashes_); !status.ok()) return status;
  return draft;
}

Result<std::unique_ptr<FrozenDraft>> DraftFreezer::take(Ino root) {
  const NamesLock::Held held(context_.names);
  if (Status status = held.check_unfrozen({root}); !status.ok()) return status;
  auto found = context_.records.inode(root);
  if (!found.ok()) return found.status();
  if (found->type != FileType::Directory) return Status(Code::NotADirectory, "a release is a directory");
  std::vector<FrozenEntry> entries;
  entries.push_back({0, "", root, std::move(*found), 0, 0, {}, false});
  if (Status status = collect(entries); !status.ok()) return status;
  for (const FrozenEntry& entry : entries) {
    if (Status status = held.check_unfrozen({entry.ino}); !status.ok()) return status;
  }
  for (const FrozenEntry& entry : entries) held.freeze(entry.ino);
  return std::make_unique<FrozenDraft>(context_, std::move(entries));
}

Status DraftFreezer::collect(std::vector<FrozenEntry>& entries) const {
  std::unordered_map<std::uint64_t, std::uint32_t> names;  // of regular files, inside
  std::vector<TreePlace> places{{}};                       // of the entries
  const auto snapshot = context_.records.keys().snapshot();
  if (!snapshot.ok()) return snapshot.status();
  for (std::uint32_t at = 0; at < entries.size(); ++at) {
    if (entries[at].record.type != FileType::Directory) continue;
    const std::string prefix = keys::draft_entries(entries[at].ino);
    Status bad;
    const Status scanned = (*snapshot)->scan(prefix, "", [&](std::string_view key, std::string_view value) {
      const auto child = DraftEntry::decode(value);
      auto found = child.ok() ? context_.records.inode(child->ino) : child.status();
      if (!found.ok()) {
        bad = found.status();
        return false;
      }
      const std::string_view name = key.substr(prefix.size());
      const TreePlace& above = places[at];
      places.push_back({above.depth + 1, above.path_bytes + (above.depth > 0 ? 1 : 0) + name.size()});
      bad = check_tree_place(name, places.back().depth, places.back().path_bytes);
      if (!bad.ok()) return false;
      entries.push_back({at, std::string(name), child->ino, std::move(*found), 0, 0, {}, false});
      ++names[raw(child->ino)];
      return true;
    });
    if (!scanned.ok()) return scanned;
    if (!bad.ok()) return bad;
  }
  for (FrozenEntry& entry : entries) {
    if (entry.record.type != FileType::Directory) entry.named_outside = entry.record.link_count > names[raw(entry.ino)];
  }
  return {};
}

}  // namespace modelfs
