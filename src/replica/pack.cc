#include "replica/pack.h"

#include "base/codec.h"
#include "catalog/records.h"

namespace modelfs {
namespace {

constexpr std::string_view kMagic = "modelfs pack 1\n";
// Of the list, for each blob; its size has at most 3 bytes as a number.
constexpr std::size_t kEntryBytesMax = Digest::kSizeBytes + 3;
// Of what stands before the first entry.
constexpr std::size_t kHeadBytesMax = kMagic.size() + 4;

}  // namespace

bool PackBuilder::fits(std::size_t blob_count, std::size_t blobs_bytes) {
  return kHeadBytesMax + blob_count * kEntryBytesMax + blobs_bytes <= kPackBytesMax;
}

void PackBuilder::add(const Digest& digest, std::string_view bytes) {
  entries_.push_back({digest, bytes_.size(), bytes.size()});
  bytes_.append(bytes);
}

PackBuilder::Pack PackBuilder::build() {
  Encoder list;
  list.number(entries_.size());
  for (const PackEntry& entry : entries_) list.digest(entry.digest).number(entry.size_bytes);
  Pack pack;
  pack.bytes.append(kMagic).append(list.take());
  for (PackEntry& entry : entries_) entry.offset_bytes += pack.bytes.size();
  pack.bytes.append(bytes_);
  pack.entries = std::move(entries_);
  entries_.clear();
  bytes_.clear();
  return pack;
}

Result<std::vector<PackEntry>> read_pack(std::string_view pack) {
  const Status damaged(Code::Corrupt, "it is no pack of small files, or damaged");
  if (!pack.starts_with(kMagic) || pack.size() > kPackBytesMax) return damaged;
  Decoder list(pack.substr(kMagic.size()));
  const std::uint64_t count = list.number();
  if (list.failed() || count > pack.size() / (Digest::kSizeBytes + 1)) return damaged;
  Encoder head;  // how long the list is: a value has one encoding
  head.number(count);
  std::vector<PackEntry> entries;
  entries.reserve(count);
  std::uint64_t all_bytes = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    PackEntry entry;
    entry.digest = list.digest();
    entry.size_bytes = list.number();
    if (list.failed() || entry.size_bytes > kInlineBlobBytesMax) return damaged;
    head.digest(entry.digest).number(entry.size_bytes);
    entry.offset_bytes = all_bytes;
    all_bytes += entry.size_bytes;
    entries.push_back(entry);
  }
  const std::size_t begin = kMagic.size() + head.size_bytes();
  if (begin + all_bytes != pack.size()) return damaged;
  for (PackEntry& entry : entries) entry.offset_bytes += begin;
  return entries;
}

}  // namespace modelfs
