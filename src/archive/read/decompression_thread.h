// Decompresses on a thread of its own, in parallel with the use of the content.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <thread>

#include "archive/read/decompressor.h"
#include "archive/read/member_validator.h"
#include "base/mutex.h"

namespace modelfs {

// next() is for one thread. The destructor stops the other one and waits for it.
class DecompressionThread {
 public:
  static constexpr std::size_t kPieceBytes = 512 << 10;
  // Why less: what is wrong with its first members is known at once.
  static constexpr std::size_t kFirstPieceBytes = 32 << 10;

  // `from` decompresses `source`. Both `source` and `limits` have to outlive it.
  DecompressionThread(std::unique_ptr<Decompressor> from, ArchiveSource& source, const ArchiveLimits& limits);
  ~DecompressionThread();
  DecompressionThread(const DecompressionThread&) = delete;
  DecompressionThread& operator=(const DecompressionThread&) = delete;

  // The next bytes, valid until the next call; empty at the end. Malformed and others as Decompressor::read. TooLarge:
  // more was decompressed than an archive of this size may expand to.
  Result<ByteView> next();
  // Bytes of the archive that the pieces so far are made of.
  std::uint64_t packed_bytes() const { return packed_bytes_; }

 private:
  struct Piece {
    std::unique_ptr<std::byte[]> buffer;
    std::size_t size_bytes = 0;
    std::uint64_t packed_bytes = 0;
    bool last = false;
    Status status;
  };

  void fill(Piece& piece, std::size_t size_bytes);
  void run();
  Piece& await();

  const std::unique_ptr<Decompressor> from_;  // the thread's own once that runs
  ArchiveSource& source_;
  const ArchiveLimits& limits_;
  std::uint64_t unpacked_bytes_ = 0;  // as from_
  FilledBytes filled_{limits_};       // as from_
  std::array<Piece, 4> ring_;         // each the thread's or the caller's, by made_ and taken_
  std::uint64_t packed_bytes_ = 0;
  bool ended_ = false;
  bool is_alone_ = false;  // no thread could be started: every piece is made on demand

  Mutex mutex_;  // leaf lock but for that of `source_`
  Condition changed_;
  std::uint64_t made_ GUARDED_BY(mutex_) = 0;
  std::uint64_t taken_ GUARDED_BY(mutex_) = 0;  // the piece before this one may still be in use
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace modelfs
