#include "ingest/pending_uploads.h"

#include <vector>

#include "formats/modelstore_document.h"
#include "os/proc.h"

namespace modelfs {

std::string MountUpload::str() const {
  if (target) return target->str();
  return (domain ? domain->str() + "/" : "") + name;
}

std::string MountUpload::kept_in() const {
  const auto& about = target ? target->domain : domain;
  return "/.modelfs/drafts/" + (about ? about->str() : std::string(kModelstoreName));
}

void PendingUploads::add(MountUpload upload) {
  forget_abandoned();
  const MutexLock lock(mutex_);
  const std::uint64_t file = raw(upload.file);
  items_.insert_or_assign(file, Item{.upload = std::move(upload)});
}

void PendingUploads::follow(Ino file, std::unique_ptr<UnpackingBehind> behind) {
  const MutexLock lock(mutex_);
  if (const auto found = items_.find(raw(file)); found != items_.end()) found->second.behind = std::move(behind);
}

std::unique_ptr<UnpackingBehind> PendingUploads::take_follower(Ino file) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  return found == items_.end() ? nullptr : std::move(found->second.behind);
}

UnpackingBehind* PendingUploads::follower(Ino file) const {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  return found == items_.end() ? nullptr : found->second.behind.get();
}

void PendingUploads::opened(Ino file) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  if (found == items_.end()) return;
  // Changes are counted from the first handle on.
  if (found->second.handles++ == 0) found->second.refused_changes = 0;
}

bool PendingUploads::released(Ino file) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  return found != items_.end() && --found->second.handles == 0;
}

PendingUploads::Decision::~Decision() {
  const MutexLock lock(uploads_.mutex_);
  if (const auto found = uploads_.items_.find(raw(file_)); found != uploads_.items_.end()) {
    found->second.is_being_decided = false;
  }
  uploads_.decided_.notify_all();
}

std::unique_ptr<PendingUploads::Decision> PendingUploads::decide(Ino file) {
  const MutexLock lock(mutex_);
  for (;;) {
    const auto found = items_.find(raw(file));
    if (found == items_.end()) return nullptr;
    if (!found->second.is_being_decided) {
      found->second.is_being_decided = true;
      return std::make_unique<Decision>(*this, file);
    }
    decided_.wait(mutex_);
  }
}

std::optional<MountUpload> PendingUploads::find(Ino file) const {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  return found == items_.end() ? std::nullopt : std::optional(found->second.upload);
}

std::optional<MountUpload> PendingUploads::named(Ino parent, std::string_view name, pid_t thread) const {
  std::vector<MountUpload> candidates;
  {
    const MutexLock lock(mutex_);
    for (const auto& [file, item] : items_) {
      const MountUpload& upload = item.upload;
      if (upload.parent != parent || upload.name != name || upload.creator == 0 || (item.refusal && !item.goes_on))
        continue;
      candidates.push_back(upload);
    }
  }
  if (candidates.empty()) return std::nullopt;
  const pid_t process = process_of(thread);  // reads /proc: without the lock
  for (MountUpload& upload : candidates) {
    if (upload.creator == process) return std::move(upload);
  }
  return std::nullopt;
}

std::optional<Status> PendingUploads::refusal(Ino file, std::uint64_t changes) const {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  if (found == items_.end() || found->second.refused_changes != changes) return std::nullopt;
  return found->second.refusal;
}

void PendingUploads::refuse(Ino file, std::uint64_t changes, Status why, bool goes_on) {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  if (found == items_.end()) return;
  found->second.refused_changes = changes;
  found->second.refusal = std::move(why);
  found->second.goes_on = goes_on;
}

std::optional<pid_t> PendingUploads::resting_writer(Ino file) const {
  const MutexLock lock(mutex_);
  const auto found = items_.find(raw(file));
  if (found == items_.end() || !found->second.refusal || !found->second.goes_on) return std::nullopt;
  return found->second.upload.creator;
}

void PendingUploads::forget_abandoned() {
  std::vector<std::pair<Ino, pid_t>> resting;
  {
    const MutexLock lock(mutex_);
    for (const auto& [file, item] : items_) {
      if (item.goes_on && item.handles == 0) resting.emplace_back(Ino{file}, item.upload.creator);
    }
  }
  std::erase_if(resting, [](const auto& each) { return is_alive(each.second); });  // reads /proc: without the lock
  for (const auto& [file, creator] : resting) unlinked(file);
}

void PendingUploads::remove(Ino file) {
  const auto unused = take_follower(file);  // ends without the lock
  const MutexLock lock(mutex_);
  items_.erase(raw(file));
}

void PendingUploads::unlinked(Ino file) {
  {
    const MutexLock lock(mutex_);
    const auto found = items_.find(raw(file));
    if (found == items_.end() || found->second.handles > 0) return;
  }
  remove(file);
}

}  // namespace modelfs
