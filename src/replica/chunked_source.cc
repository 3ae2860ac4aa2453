#include "replica/chunked_source.h"

#include <algorithm>
#include <cstring>

namespace modelfs {

Result<ChunkHashes> hash_chunks(const BlobReader& blob, std::uint64_t chunk_bytes, Deadline deadline) {
  ChunkHashes hashes;
  Hasher hasher;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(chunk_bytes, blob.size_bytes()));
  for (std::uint64_t offset = 0; offset < blob.size_bytes();) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return Status(Code::Unavailable, "there was no time left to upload it; try again");
    }
    const auto got = blob.read_at(offset, buffer);
    if (!got.ok()) return got.status();
    if (*got == 0) return Status(Code::Corrupt, "a blob's file has lost its end");
    const ByteView chunk = ByteView(buffer).first(*got);
    hasher.add(chunk);
    hashes.chunks.push_back(sha256_of(chunk));
    offset += *got;
  }
  hashes.whole = hasher.finish();
  return hashes;
}

std::size_t ChunkedSource::size_of(std::uint64_t number) const {
  return std::min<std::uint64_t>(chunk_bytes_, size_bytes() - number * chunk_bytes_);
}

Status ChunkedSource::read_chunk(std::uint64_t number, ByteSpan into) const {
  const auto got = blob_.read_at(number * chunk_bytes_, into);
  if (!got.ok()) return got.status();
  if (*got != into.size() || sha256_of(into) != chunks_[number]) {
    return {Code::Corrupt,
            "the bytes of a blob have changed while it was uploaded; `modelfs verify` lists what is damaged"};
  }
  return {};
}

Result<ChunkedSource::Chunk> ChunkedSource::chunk(std::uint64_t number) const {
  {
    const MutexLock lock(mutex_);
    if (const auto* const found = kept_.find(number)) return *found;
  }
  std::vector<std::byte> bytes(size_of(number));
  if (Status status = read_chunk(number, bytes); !status.ok()) return status;
  auto read = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  const MutexLock lock(mutex_);
  kept_.put(number, read);
  return read;
}

Result<std::size_t> ChunkedSource::read_at(std::uint64_t offset_bytes, ByteSpan into) const {
  if (offset_bytes >= size_bytes()) return std::size_t{0};
  into = into.first(std::min<std::uint64_t>(into.size(), size_bytes() - offset_bytes));
  for (std::size_t done = 0; done < into.size();) {
    const std::uint64_t number = (offset_bytes + done) / chunk_bytes_;
    const std::size_t skipped = (offset_bytes + done) % chunk_bytes_;
    const std::size_t count = std::min(size_of(number) - skipped, into.size() - done);
    const ByteSpan part = into.subspan(done, count);
    if (count == size_of(number)) {
      if (Status status = read_chunk(number, part); !status.ok()) return status;
    } else {
      const auto whole = chunk(number);
      if (!whole.ok()) return whole.status();
      std::memcpy(part.data(), (*whole)->data() + skipped, count);
    }
    done += count;
  }
  return into.size();
}

}  // namespace modelfs
