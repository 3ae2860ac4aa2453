#include "cli/sparse_writer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"

namespace modelfs {
namespace {

// Holes are found in blocks of this size: what most file systems can leave out.
constexpr std::size_t kBlockBytes = 4096;

bool is_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

Status SparseWriter::append(ByteView bytes) {
  hasher_.add(bytes);
  const std::uint64_t start = size_bytes_;
  size_bytes_ += bytes.size();
  if (zeros_ == Zeros::Write) return write_at(fd_, start, bytes);

  // Runs of blocks that are not zero are written at once.
  std::size_t done = 0;
  while (done < bytes.size()) {
    std::size_t end = done;
    while (end < bytes.size() && !is_zero(bytes.subspan(end, std::min(kBlockBytes, bytes.size() - end)))) {
      end = std::min(end + kBlockBytes, bytes.size());
    }
    if (end > done) {
      if (Status status = write_at(fd_, start + done, bytes.subspan(done, end - done)); !status.ok()) return status;
    }
    done = end == done ? std::min(done + kBlockBytes, bytes.size()) : end;
  }
  return {};
}

Result<Digest> SparseWriter::finish() {
  if (zeros_ == Zeros::LeaveOut && ::ftruncate(fd_, static_cast<off_t>(size_bytes_)) != 0) {
    return Status::from_errno(errno, "set the length");
  }
  return hasher_.finish().digest;
}

}  // namespace modelfs
