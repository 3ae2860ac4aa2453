#include "drafts/draft_space.h"

#include <sys/statvfs.h>

#include <utility>

namespace modelfs {

DraftSpace::DraftSpace(AskFree ask_free, std::uint64_t reserve_bytes, std::function<Time()> now)
    : ask_free_(std::move(ask_free)), reserve_bytes_(reserve_bytes), now_(std::move(now)) {}

DraftSpace::AskFree DraftSpace::of_directory(int dir) {
  return [dir]() -> std::optional<std::uint64_t> {
    struct statvfs figures {};
    if (::fstatvfs(dir, &figures) != 0) return std::nullopt;
    return figures.f_bavail * figures.f_frsize;
  };
}

bool DraftSpace::is_fresh(std::uint64_t more_bytes) const {
  if (!free_bytes_ || more_bytes > kBytesBetweenLooks || allowed_bytes_ > kBytesBetweenLooks - more_bytes) return false;
  return now_() - looked_at_ < kTimeBetweenLooks;
}

bool DraftSpace::fits(std::uint64_t more_bytes) const {
  const std::uint64_t kept_bytes = reserve_bytes_ + allowed_bytes_;
  return *free_bytes_ >= kept_bytes && *free_bytes_ - kept_bytes >= more_bytes;
}

Status DraftSpace::check(std::uint64_t more_bytes) {
  if (reserve_bytes_ == 0) return {};
  const MutexLock lock(mutex_);
  // Why asked again before a refusal: somebody may have made room a moment ago.
  if (!is_fresh(more_bytes) || !fits(more_bytes)) {
    looked_at_ = now_();
    free_bytes_ = ask_free_();
    allowed_bytes_ = 0;
    if (!free_bytes_) return {};
  }
  if (!fits(more_bytes)) {
    return {Code::NoSpace, "the disk of the store is full but for its reserve; remove drafts or other files"};
  }
  allowed_bytes_ += more_bytes;
  return {};
}

}  // namespace modelfs
