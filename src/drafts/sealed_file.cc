#include "drafts/sealed_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <span>

#include "drafts/holes.h"

namespace modelfs {

Result<std::unique_ptr<SealedFile>> SealedFile::seal(NamesLock& names, std::shared_ptr<DraftFile> file) {
  std::unique_ptr<SealedFile> sealed(new SealedFile(names, std::move(file)));
  if (Status status = sealed->take_hash(); !status.ok()) return status;
  return sealed;
}

SealedFile::~SealedFile() {
  struct stat info {};
  // Why not unsealed while it has two links: a commit that failed has left it as a blob, too. Whoever opens it anew
  // gets a copy of its own.
  if (!is_kept_ && ::fstat(file_->host(), &info) == 0 && info.st_nlink == 1) file_->unseal();
  NamesLock::Held(names_).unfreeze(ino());
}

Status SealedFile::take_hash() {
  // What publishes a single file looks at its host file.
  if (Status status = file_->own(); !status.ok()) return status;
  file_->seal();
  if (hole_bytes(host(), kCloseHoleBytesMax) > kCloseHoleBytesMax) {
    return {Code::TooLarge, "it has more than " + std::to_string(kCloseHoleBytesMax >> 20) +
                                " MiB of holes, so its close does not publish it; write it without holes"};
  }
  if (Status status = file_->finalize(DraftFile::SettleFor::Commit); !status.ok()) return status;
  const auto hash = file_->recorded();
  if (!hash) return {Code::Internal, "it has no sum"};
  if (hash->damaged) return {Code::IoError, "it may have lost bytes: its sync failed once. Write it anew"};
  hash_ = *hash;
  struct stat info {};
  if (::fstat(host(), &info) != 0) return Status::from_errno(errno, "stat a draft file");
  allocated_bytes_ = static_cast<std::uint64_t>(info.st_blocks) * 512;
  return {};
}

Result<std::string> SealedFile::text(std::size_t max_bytes) const {
  if (hash_.size_bytes > max_bytes) {
    return Status(Code::TooLarge, "it has more than " + std::to_string(max_bytes) + " bytes");
  }
  std::string text(hash_.size_bytes, '\0');
  const auto got = read_at(host(), 0, std::as_writable_bytes(std::span(text)));
  if (!got.ok()) return got.status();
  text.resize(*got);
  return text;
}

}  // namespace modelfs
