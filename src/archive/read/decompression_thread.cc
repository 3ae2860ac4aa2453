#include "archive/read/decompression_thread.h"

#include <exception>

#include "archive/read/member_validator.h"

namespace modelfs {

DecompressionThread::DecompressionThread(std::unique_ptr<Decompressor> from, ArchiveSource& source,
                                         const ArchiveLimits& limits)
    : from_(std::move(from)), source_(source), limits_(limits) {}

DecompressionThread::~DecompressionThread() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  source_.stop_reading();
  thread_.join();
}

void DecompressionThread::fill(Piece& piece, std::size_t size_bytes) {
  try {
    if (!piece.buffer) piece.buffer = std::make_unique_for_overwrite<std::byte[]>(kPieceBytes);
    const auto got = from_->read(ByteSpan(piece.buffer.get(), size_bytes));
    piece.status = got.status();
    piece.size_bytes = got.ok() ? *got : 0;
    unpacked_bytes_ += piece.size_bytes;
    piece.packed_bytes = from_->packed_bytes();
    if (piece.status.ok()) piece.status = check_expansion(limits_, unpacked_bytes_, piece.packed_bytes);
    if (piece.status.ok()) piece.status = filled_.add({piece.buffer.get(), piece.size_bytes}, piece.packed_bytes);
  } catch (const std::exception& failure) {
    piece.status = {Code::Internal, std::string("unpacking failed: ") + failure.what()};
  }
  piece.last = !piece.status.ok() || piece.size_bytes < size_bytes;
}

void DecompressionThread::run() {
  for (std::uint64_t number = 1;; ++number) {
    {
      const MutexLock lock(mutex_);
      // Why one less than there are: the piece that was taken last is still in use.
      while (!stopping_ && number - taken_ > ring_.size() - 1) changed_.wait(mutex_);
      if (stopping_) return;
    }
    Piece& piece = ring_[number % ring_.size()];
    fill(piece, kPieceBytes);
    const bool last = piece.last;
    {
      const MutexLock lock(mutex_);
      made_ = number;
      source_.judge_waits(false);
    }
    changed_.notify_all();
    if (last) return;
  }
}

DecompressionThread::Piece& DecompressionThread::await() {
  std::uint64_t number = 0;
  {
    const MutexLock lock(mutex_);
    if (made_ == taken_) source_.judge_waits(true);
    while (made_ == taken_) changed_.wait(mutex_);
    number = ++taken_;
  }
  changed_.notify_all();
  return ring_[number % ring_.size()];
}

Result<ByteView> DecompressionThread::next() {
  if (packed_bytes_ > 0) source_.judged(packed_bytes_);
  if (ended_) return ByteView();
  // The first piece is made here: a small archive needs no thread.
  const bool first = packed_bytes_ == 0 && !thread_.joinable();
  const bool here = first || is_alone_;
  Piece& piece = here ? ring_[0] : await();
  if (here) {
    source_.judge_waits(true);
    fill(piece, first ? kFirstPieceBytes : kPieceBytes);
    source_.judge_waits(false);
  }
  packed_bytes_ = piece.packed_bytes;
  ended_ = piece.last;
  if (!piece.status.ok()) return piece.status;
  if (!first || ended_) return ByteView(piece.buffer.get(), piece.size_bytes);
  try {
    thread_ = std::thread(&DecompressionThread::run, this);
  } catch (const std::system_error&) {
    is_alone_ = true;
  }
  return ByteView(piece.buffer.get(), piece.size_bytes);
}

}  // namespace modelfs
