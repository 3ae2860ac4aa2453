// What copy_file_range does.
#include <algorithm>
#include <memory>

#include "vfs/state.h"

namespace modelfs {
namespace {

// What is copied for one request: nobody can interrupt it, and the kernel keeps the file locked meanwhile.
constexpr std::uint64_t kCopyBytesMax = 64ull << 20;
constexpr std::size_t kCopyPieceBytes = 1u << 20;
// The kernel before 6.18 takes 32 bits of the answer, and asks again for the rest.
constexpr std::uint64_t kAnswerBytesMax = 0xfffff000;

}  // namespace

bool FileSystem::may_block_write(Handle handle) const {
  const auto opened = state_->handles.find(handle);
  return opened.ok() && (*opened)->draft && (*opened)->draft->file().may_block_setattr();
}

bool FileSystem::may_block_flush(Handle handle) const {
  const auto opened = state_->handles.find(handle);
  if (!opened.ok() || !(*opened)->draft) return false;
  return (*opened)->draft->file().may_block_finalize() || state_->client_writes.uploads.is_pending((*opened)->ino);
}

Status FileSystem::State::borrow(const OpenHandle& from, std::uint64_t offset_bytes, const OpenHandle& to,
                                 std::uint64_t count_bytes) {
  const Status moves(Code::Conflict, "the bytes must be copied");
  // What is unpacked while it is written is read from its own file.
  if (!from.content || client_writes.uploads.is_pending(to.ino)) return moves;
  const auto source = node(from.ino);
  if (!source.ok() || source->place.kind != Node::Kind::Entry) return moves;
  const auto container = cache.find(source->place.container);
  if (!container.ok()) return container.status();
  const ManifestEntry& entry = (*container)->manifest->at(source->place.index);
  // A draft refers only to blobs that lie here; reading it brings it.
  if (registry.content().is_distant(entry)) return moves;
  return to.draft->borrow(entry.hash.digest, offset_bytes, count_bytes);
}

Result<std::size_t> FileSystem::copy(Handle from, std::uint64_t from_bytes, Handle to, std::uint64_t to_bytes,
                                     std::uint64_t count_bytes) {
  const auto source = state_->handles.find(from);
  const auto target = state_->handles.find(to);
  if (!source.ok()) return source.status();
  if (!target.ok()) return target.status();
  if (!(*target)->draft) return Status(Code::Immutable, "what is published never changes");
  if (!(*target)->draft->writes()) return Status(Code::BadHandle, "the file is not open for writing");

  if ((*source)->content && from_bytes == to_bytes && from_bytes < (*source)->content->size_bytes()) {
    const std::uint64_t left_bytes = (*source)->content->size_bytes() - from_bytes;
    const std::uint64_t count = std::min({count_bytes, left_bytes, kAnswerBytesMax});
    const Status borrowed = state_->borrow(**source, from_bytes, **target, count);
    if (borrowed.ok()) {
      state_->traffic.draft_borrowed_bytes.fetch_add(count, std::memory_order_relaxed);
      return count;
    }
    if (borrowed.code() != Code::Conflict) return borrowed;
  }
  const std::uint64_t wanted_bytes = std::min(count_bytes, kCopyBytesMax);
  const auto buffer =
      std::make_unique_for_overwrite<std::byte[]>(std::min<std::uint64_t>(wanted_bytes, kCopyPieceBytes));
  const Credentials kernel{};  // which takes set-user-ID bits away before it asks for a copy
  std::uint64_t done = 0;
  while (done < wanted_bytes) {
    const ByteSpan piece(buffer.get(), std::min<std::uint64_t>(wanted_bytes - done, kCopyPieceBytes));
    const auto got = read(from, from_bytes + done, piece);
    if (!got.ok()) return done > 0 ? Result<std::size_t>(done) : got;
    if (*got == 0) break;
    const auto put = write(kernel, to, to_bytes + done, piece.first(*got));
    if (!put.ok()) return done > 0 ? Result<std::size_t>(done) : put;
    done += *put;
  }
  return done;
}

}  // namespace modelfs
