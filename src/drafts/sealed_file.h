// A draft file that is about to be published by itself.
#pragma once
#include <memory>
#include <string>

#include "base/status.h"
#include "drafts/draft_file.h"
#include "drafts/host_files.h"
#include "drafts/names_lock.h"

namespace modelfs {

// A regular draft file that nobody can change as long as this lives, and for ever once it was published.
class SealedFile {
 public:
  // `file` was frozen by the caller. Gets it bytes of its own and hashes them. TooLarge: it has more holes than a close
  // hashes. IoError: it may have lost bytes. Busy: the end came first.
  static Result<std::unique_ptr<SealedFile>> seal(NamesLock& names, std::shared_ptr<DraftFile> file);
  ~SealedFile();
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  Ino ino() const { return file_->ino(); }
  // A read-only view of its bytes.
  int host() const { return file_->host(); }
  const DraftHash& hash() const { return hash_; }
  // All of its bytes. TooLarge above `max_bytes`.
  Result<std::string> text(std::size_t max_bytes) const;
  std::uint64_t allocated_bytes() const { return allocated_bytes_; }
  // Where the bytes lie: a name in DraftStore::directory().
  std::string host_name() const { return HostFiles::name_of(ino()); }
  // It was published: whoever still holds it open for writing gets Immutable.
  void keep() { is_kept_ = true; }

 private:
  SealedFile(NamesLock& names, std::shared_ptr<DraftFile> file) : names_(names), file_(std::move(file)) {}
  Status take_hash();

  NamesLock& names_;
  const std::shared_ptr<DraftFile> file_;
  DraftHash hash_;
  std::uint64_t allocated_bytes_ = 0;
  bool is_kept_ = false;
};

}  // namespace modelfs
