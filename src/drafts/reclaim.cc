// Sweeping: giving back what commits left of their drafts.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/log.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "drafts/draft_store.h"

namespace modelfs {
namespace {

// Names swept in one batch: keeps the names' lock short.
constexpr std::size_t kSweepBatchNames = 512;

Status interrupted() { return {Code::Interrupted, "the store is being closed; the next start goes on"}; }

}  // namespace

void DraftStore::prepare_to_end(std::chrono::steady_clock::duration patience) {
  if (ending_) return;
  over_at_ = (std::chrono::steady_clock::now() + patience).time_since_epoch().count();
  ending_ = true;
}

Status DraftStore::check_not_over() const {
  if (!ending_ || std::chrono::steady_clock::now().time_since_epoch().count() < over_at_) return {};
  return {Code::Busy,
          "the store is being closed, and this takes longer than it can wait; do it again after the next start"};
}

Status DraftStore::sweep() {
  const MutexLock only(sweep_mutex_);
  for (;;) {
    Ino root = kNoIno;
    {
      const MutexLock lock(names_mutex_);
      if (to_sweep_.empty()) return {};
      root = to_sweep_.back();
      to_sweep_.pop_back();
    }
    if (Status status = sweep_root(root); !status.ok()) {
      const MutexLock lock(names_mutex_);
      to_sweep_.push_back(root);
      return status;
    }
  }
}

Status DraftStore::find_unswept() {
  const auto snapshot = keys_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  std::vector<Ino> found;
  const Status scanned = (*snapshot)->scan("s/", "", [&](std::string_view key, std::string_view) {
    if (const auto number = parse_be64(key.substr(2)); number.ok()) found.push_back(Ino{*number});
    return true;
  });
  const MutexLock lock(names_mutex_);
  // Why the roots only: the kernel knows of nothing beneath them any more.
  for (const Ino root : found) dead_.insert(raw(root));
  to_sweep_ = std::move(found);
  return scanned;
}

Status DraftStore::sweep_root(Ino root) {
  std::vector<Ino> directories{root};
  for (std::size_t at = 0; at < directories.size(); ++at) {
    const auto names = list(directories[at]);
    if (!names.ok()) return names.status();
    for (std::size_t first = 0; first < names->size(); first += kSweepBatchNames) {
      if (ending_) return interrupted();
      Batch batch;
      std::vector<Ino> gone;
      // Several names of one file in one batch: each must see what the one before it left.
      std::unordered_map<std::uint64_t, DraftRecord> seen;
      const MutexLock lock(names_mutex_);
      for (std::size_t i = first; i < std::min(names->size(), first + kSweepBatchNames); ++i) {
        const DraftName& name = (*names)[i];
        if (name.type == FileType::Directory) {
          directories.push_back(name.ino);  // its own record goes last, when nothing leads to it any more
          continue;
        }
        batch.erase(keys::draft_entry(directories[at], name.name));
        auto known = seen.find(raw(name.ino));
        if (known == seen.end()) {
          auto found = record(name.ino);
          if (!found.ok()) continue;
          known = seen.emplace(raw(name.ino), std::move(*found)).first;
        }
        // It goes on under another name, with the blob's bytes.
        if (known->second.blob && known->second.link_count > 1) gone.push_back(name.ino);
        drop_name(name.ino, known->second, batch, gone);
        known->second.link_count -= 1;
      }
      if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
      remove_host_files(gone);
      for (std::size_t i = first; i < std::min(names->size(), first + kSweepBatchNames); ++i) {
        if ((*names)[i].type != FileType::Directory) dead_.erase(raw((*names)[i].ino));
      }
    }
  }
  if (ending_) return interrupted();
  Batch batch;
  const MutexLock lock(names_mutex_);
  for (const Ino directory : directories) {
    batch.erase_prefix(keys::draft_entries(directory));
    batch.erase_prefix(keys::attributes(directory));
    batch.erase(keys::draft_inode(directory));
  }
  batch.erase(keys::sweep(root));
  if (Status status = commit(batch, SpaceNeed::Reclaims); !status.ok()) return status;
  for (const Ino directory : directories) dead_.erase(raw(directory));
  return {};
}

}  // namespace modelfs
