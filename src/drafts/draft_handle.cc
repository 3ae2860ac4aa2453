#include "drafts/draft_handle.h"

#include <string>
#include <utility>

#include "catalog/records.h"
#include "content/inline_blob.h"
#include "drafts/holes.h"

namespace modelfs {

DraftHandle::DraftHandle(const DraftHandleContext& context, std::shared_ptr<DraftFile> file, bool writes, pid_t pid)
    : context_(context), file_(std::move(file)), handle_(writes, pid) {
  context_.opens.add(handle_, file_);
}

DraftHandle::~DraftHandle() { context_.opens.release(handle_, file_); }

Status DraftHandle::write(std::uint64_t offset_bytes, ByteView bytes) {
  if (!writes()) return {Code::BadHandle, "the file is not open for writing"};
  handle_.set_written();
  if (offset_bytes == 0) {
    if (auto written = write_small(bytes)) return *written;
  }
  return file_->write(offset_bytes, bytes);
}

std::optional<Status> DraftHandle::write_small(ByteView bytes) {
  if (bytes.empty() || bytes.size() > kInlineBlobBytesMax || !file_->is_fresh()) return std::nullopt;
  if (Status status = context_.space.check(bytes.size()); !status.ok()) return status;
  auto small = context_.references.prepare_small(bytes);
  if (!small.ok()) return small.status();
  auto held_bytes =
      BlobExtent::holding(small->bytes.hash, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const NamesLock::Held held(context_.names);
  if (!held.check_unfrozen({file_->ino()}).ok()) return std::nullopt;
  const Status status = file_->borrow({std::move(held_bytes), bytes.size(), false}, 0, [&] {
    return context_.references.remember(held, file_->ino(), small->bytes, std::move(small->batch));
  });
  // Conflict: somebody else has just begun to write it.
  return status.code() == Code::Conflict ? std::nullopt : std::optional(status);
}

Status DraftHandle::allocate(int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes) {
  if (!writes()) return {Code::BadHandle, "the file is not open for writing"};
  handle_.set_written();
  return file_->allocate(mode, offset_bytes, length_bytes);
}

Status DraftHandle::flush(const DraftFile::GivenUp& given_up) {
  if (!writes()) return {};
  handle_.set_closing();
  if (context_.opens.has_writer(file_->ino())) return {};
  if (hole_bytes(file_->host(), kCloseHoleBytesMax) > kCloseHoleBytesMax) return {};  // who publishes it hashes it
  const Status status = file_->finalize(DraftFile::SettleFor::LaterCommit, given_up);
  const bool is_left = status.code() == Code::Busy || status.code() == Code::Conflict ||
                       status.code() == Code::Interrupted;  // to a later close, or to who publishes it
  return is_left ? Status() : status;
}

Status DraftHandle::borrow(const Digest& blob, std::uint64_t offset_bytes, std::uint64_t count_bytes) {
  if (!writes()) return {Code::BadHandle, "the file is not open for writing"};
  auto from = context_.references.open(blob);
  if (!from.ok()) return from.status();
  const std::uint64_t blob_bytes = (*from)->size_bytes();
  if (offset_bytes >= blob_bytes || count_bytes == 0 || count_bytes > blob_bytes - offset_bytes) {
    return {Code::InvalidArgument, "the blob has not so many bytes"};
  }
  const NamesLock::Held held(context_.names);
  if (Status status = held.check_unfrozen({file_->ino()}); !status.ok()) return status;
  // Who opened it before it was this file would not see what is borrowed.
  if (Status status = context_.opens.share(file_); !status.ok()) return status;
  handle_.set_written();
  const std::uint64_t size_bytes = offset_bytes + count_bytes;
  const bool is_whole = size_bytes == blob_bytes;
  const DraftRecord::BlobBytes bytes{(*from)->hash(), size_bytes,
                                     is_whole ? (*from)->allocated_bytes() : allocated_for(size_bytes), is_whole};
  return file_->borrow({std::move(*from), size_bytes}, offset_bytes,
                       [&] { return context_.references.remember(held, file_->ino(), bytes, {}); });
}

}  // namespace modelfs
