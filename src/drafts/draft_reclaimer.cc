#include "drafts/draft_reclaimer.h"

#include <algorithm>

#include "base/time.h"
#include "catalog/keys.h"

namespace modelfs {
namespace {

// Names swept in one batch: keeps the names' lock short.
constexpr std::size_t kSweepBatchNames = 512;

Status interrupted() { return {Code::Interrupted, "the store is being closed; the next start goes on"}; }

}  // namespace

Status DraftReclaimer::remove_nameless() {
  std::vector<Ino> gone;
  Batch batch;
  const auto snapshot = context_.records.keys().snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const Status scanned = (*snapshot)->scan("u/", "", [&](std::string_view key, std::string_view) {
    if (const auto number = parse_be64(key.substr(2)); number.ok()) {
      const Ino ino{*number};
      gone.push_back(ino);
      batch.erase(std::string(key));
      DraftRecords::erase_inode(ino, batch);
    }
    return true;
  });
  if (!scanned.ok() || gone.empty()) return scanned;
  context_.hosts.remove(gone);
  return context_.records.commit(batch, SpaceNeed::Reclaims);
}

Status DraftReclaimer::find_unswept() {
  const auto snapshot = context_.records.keys().snapshot();
  if (!snapshot.ok()) return snapshot.status();
  std::vector<Ino> found;
  const Status scanned = (*snapshot)->scan("s/", "", [&](std::string_view key, std::string_view) {
    if (const auto number = parse_be64(key.substr(2)); number.ok()) found.push_back(Ino{*number});
    return true;
  });
  // Why the roots only: the kernel knows of nothing beneath them any more.
  const NamesLock::Held held(context_.names);
  for (const Ino root : found) held.mark_dead(root);
  const MutexLock lock(queue_mutex_);
  queue_ = std::move(found);
  return scanned;
}

Status DraftReclaimer::discard(Ino directory, std::string_view name) {
  const NamesLock::Held held(context_.names);
  const auto found = context_.records.entry(directory, name);
  if (!found.ok()) return found.status();
  Batch batch;
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::sweep(found->ino), "1");
  context_.records.touch_directory(directory, -1, batch);
  const Status status = context_.records.commit(batch, SpaceNeed::Reclaims);
  if (status.ok()) sweep_later(found->ino);
  return status;
}

Status DraftReclaimer::retire_file(Ino directory, std::string_view name, Ino ino, Batch& batch) {
  const NamesLock::Held held(context_.names);
  auto found = context_.records.inode(ino);
  if (!found.ok()) return found.status();
  found->link_count -= 1;
  batch.erase(keys::draft_entry(directory, name));
  batch.put(keys::draft_inode(ino), found->encode());
  if (found->link_count == 0) batch.put(keys::nameless(ino), "1");
  return {};
}

void DraftReclaimer::sweep_later(Ino root) {
  const MutexLock lock(queue_mutex_);
  queue_.push_back(root);
}

Status DraftReclaimer::sweep() {
  const MutexLock only(sweep_mutex_);
  for (;;) {
    Ino root = kNoIno;
    {
      const MutexLock lock(queue_mutex_);
      if (queue_.empty()) return {};
      root = queue_.back();
      queue_.pop_back();
    }
    if (Status status = sweep_root(root); !status.ok()) {
      sweep_later(root);
      return status;
    }
  }
}

Status DraftReclaimer::sweep_root(Ino root) {
  std::vector<Ino> directories{root};
  for (std::size_t at = 0; at < directories.size(); ++at) {
    const Ino directory = directories[at];
    const auto names = context_.records.list(directory);
    if (!names.ok()) return names.status();
    // Their own records go last, when nothing leads to them any more.
    for (const DraftName& name : *names) {
      if (name.type == FileType::Directory) directories.push_back(name.ino);
    }
    for (std::size_t first = 0; first < names->size(); first += kSweepBatchNames) {
      if (context_.shutdown.has_begun()) return interrupted();
      if (Status status = sweep_names(directory, *names, first); !status.ok()) return status;
    }
  }
  if (context_.shutdown.has_begun()) return interrupted();
  return sweep_directories(root, directories);
}

Status DraftReclaimer::sweep_names(Ino directory, const std::vector<DraftName>& names, std::size_t first) {
  const std::size_t end = std::min(names.size(), first + kSweepBatchNames);
  Batch batch;
  std::vector<Ino> gone;
  // Several names of one file in one batch: each must see what the one before it left.
  std::unordered_map<std::uint64_t, DraftRecord> seen;
  const NamesLock::Held held(context_.names);
  for (std::size_t i = first; i < end; ++i) {
    const DraftName& name = names[i];
    if (name.type == FileType::Directory) continue;
    batch.erase(keys::draft_entry(directory, name.name));
    auto known = seen.find(raw(name.ino));
    if (known == seen.end()) {
      auto found = context_.records.inode(name.ino);
      if (!found.ok()) continue;
      known = seen.emplace(raw(name.ino), std::move(*found)).first;
    }
    // It goes on under another name, with the blob's bytes.
    if (known->second.blob && known->second.link_count > 1) gone.push_back(name.ino);
    context_.opens.drop_name(held, name.ino, known->second, batch, gone);
    known->second.link_count -= 1;
  }
  if (Status status = context_.records.commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  context_.hosts.remove(gone);
  for (std::size_t i = first; i < end; ++i) {
    if (names[i].type != FileType::Directory) held.forget_dead(names[i].ino);
  }
  return {};
}

Status DraftReclaimer::sweep_directories(Ino root, const std::vector<Ino>& directories) {
  Batch batch;
  const NamesLock::Held held(context_.names);
  for (const Ino directory : directories) {
    batch.erase_prefix(keys::draft_entries(directory));
    batch.erase_prefix(keys::attributes(directory));
    batch.erase(keys::draft_inode(directory));
  }
  batch.erase(keys::sweep(root));
  if (Status status = context_.records.commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  for (const Ino directory : directories) held.forget_dead(directory);
  return {};
}

Status DraftReclaimer::for_each_blob(const std::function<void(const Digest&)>& visit) const {
  return context_.records.for_each_blob(visit);
}

Result<std::uint64_t> DraftReclaimer::remove_orphans() {
  std::uint64_t count = 0;
  const Status looked = context_.hosts.for_each([&](const HostFiles::Found& found) {
    // Why locked: whoever makes a host file holds it until its record is there, and whoever unshares one until that
    // has ended.
    const NamesLock::Held held(context_.names);
    if (!found.ino) {
      count += context_.hosts.remove_left(found) ? 1 : 0;
    } else if (context_.records.inode(*found.ino).code() == Code::NotFound) {
      context_.hosts.remove({*found.ino});
      ++count;
    }
  });
  if (!looked.ok()) return looked;
  return count;
}

}  // namespace modelfs
