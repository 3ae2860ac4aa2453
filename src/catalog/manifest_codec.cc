// The bytes of a Manifest: FORMAT.md, "Manifest".
#include <algorithm>
#include <limits>

#include "base/codec.h"
#include "base/names.h"
#include "catalog/manifest.h"
#include "catalog/record_version.h"

namespace modelfs {
namespace {

// Version 1 has no attributes. Why it is written still, where there are none: they would take a byte of each entry.
constexpr std::uint64_t kWithoutAttributes = 1;
constexpr std::uint64_t kManifestVersion = 2;
// Source: XATTR_NAME_MAX, XATTR_SIZE_MAX of Linux.
constexpr std::size_t kAttributeNameBytesMax = 255;
constexpr std::size_t kAttributeValueBytesMax = 65536;
// Type with mode, ino, mtime, child count: what the root takes at least. Every other entry takes more.
constexpr std::size_t kEntryBytesMin = 4;
// Source: loff_t of Linux is signed.
constexpr std::uint64_t kSizeBytesMax = std::numeric_limits<std::int64_t>::max();
// Source: PATH_MAX of Linux, with its NUL.
constexpr std::size_t kTargetBytesMax = 4095;

Status corrupt(const std::string& why) { return {Code::Corrupt, "manifest: " + why}; }

Status corrupt_entry(std::size_t index, const std::string& why) {
  return corrupt("entry " + std::to_string(index) + " " + why);
}

// The difference to the entry before, modulo 2^64: neighbours were made one after the other, so it is small.
std::int64_t difference(std::uint64_t value, std::uint64_t before) { return static_cast<std::int64_t>(value - before); }
std::uint64_t hash(std::uint64_t before, std::int64_t difference) {
  return before + static_cast<std::uint64_t>(difference);
}

Status decode_attributes(Decoder& decoder, std::size_t index, ManifestEntry& entry) {
  for (std::uint64_t left = decoder.number(); left > 0; --left) {
    Attribute attribute;
    attribute.name = decoder.text();
    attribute.value = decoder.text();
    if (decoder.failed()) return corrupt_entry(index, "is cut off");
    const bool is_possible = attribute.name.starts_with("user.") && attribute.name.size() <= kAttributeNameBytesMax &&
                             attribute.value.size() <= kAttributeValueBytesMax;
    if (!is_possible || attribute.name.find('\0') != std::string::npos) {
      return corrupt_entry(index, "has an impossible attribute");
    }
    if (!entry.attributes.empty() && entry.attributes.back().name >= attribute.name) {
      return corrupt_entry(index, "has attributes out of order");
    }
    entry.attributes.push_back(std::move(attribute));
  }
  if (entry.type == FileType::Symlink && !entry.attributes.empty()) {
    return corrupt_entry(index, "is a symlink with attributes");
  }
  return decoder.failed() ? corrupt_entry(index, "is cut off") : Status();
}

// Reads entry `index` after `before`, but for its place in the tree.
Result<ManifestEntry> decode_entry(Decoder& decoder, std::uint64_t version, std::size_t index,
                                   const ManifestEntry& before) {
  ManifestEntry entry;
  const std::uint64_t head = decoder.number();
  entry.ino = Ino{hash(raw(before.ino), decoder.signed_number())};
  entry.mtime =
      TimeNs{static_cast<std::int64_t>(hash(static_cast<std::uint64_t>(raw(before.mtime)), decoder.signed_number()))};
  if (index > 0) entry.name = decoder.text();
  if (decoder.failed()) return corrupt_entry(index, "is cut off");

  if (head >> 2 > 07777) return corrupt_entry(index, "has an impossible mode");
  entry.mode = static_cast<std::uint32_t>(head >> 2);
  entry.type = static_cast<FileType>(head & 3);
  if (index == 0 && entry.type != FileType::Directory) return corrupt("the root is not a directory");
  if (index > 0 && !check_file_name(entry.name).ok()) return corrupt_entry(index, "has an impossible name");

  switch (entry.type) {
    case FileType::Regular:
      entry.size_bytes = decoder.number();
      entry.allocated_bytes = decoder.number();
      entry.hash.digest = decoder.digest();
      entry.hash.crc32 = decoder.fixed32();
      break;
    case FileType::Directory: {
      const std::uint64_t children = decoder.number();
      if (children > std::numeric_limits<std::uint32_t>::max()) return corrupt_entry(index, "has too many children");
      entry.child_count = static_cast<std::uint32_t>(children);
      break;
    }
    case FileType::Symlink:
      entry.target = decoder.text();
      entry.size_bytes = entry.target.size();
      break;
    default: return corrupt_entry(index, "is of an unknown type");
  }
  if (decoder.failed()) return corrupt_entry(index, "is cut off");
  if (entry.size_bytes > kSizeBytesMax || entry.allocated_bytes > kSizeBytesMax) {
    return corrupt_entry(index, "has an impossible size");
  }
  if (entry.target.size() > kTargetBytesMax || entry.target.find('\0') != std::string::npos) {
    return corrupt_entry(index, "has an impossible target");
  }
  if (version > kWithoutAttributes) {
    if (Status status = decode_attributes(decoder, index, entry); !status.ok()) return status;
  }
  return entry;
}

// Reads `count` entries and hangs each into its directory. Why no parents are written: entries stand in breadth-first
// order, so the counts of children alone say whose each entry is.
Result<std::vector<ManifestEntry>> decode_entries(Decoder& decoder, std::uint64_t version, std::uint64_t count) {
  std::vector<ManifestEntry> entries;
  entries.reserve(count);
  std::uint64_t claimed = 1;  // entries that have a parent so far; the root needs none
  std::uint64_t total_bytes = 0;
  std::uint32_t parent = Manifest::kRoot;
  for (std::uint32_t index = 0; index < count; ++index) {
    auto entry = decode_entry(decoder, version, index, index == 0 ? ManifestEntry{} : entries.back());
    if (!entry.ok()) return entry.status();
    if (index >= claimed) return corrupt_entry(index, "is in no directory");
    if (index > 0) {
      while (index >= entries[parent].first_child + entries[parent].child_count) ++parent;
      entry->parent = parent;
      const bool first = index == entries[parent].first_child;
      if (!first && entries.back().name >= entry->name) return corrupt_entry(index, "is out of order");
    }
    if (entry->child_count > count - claimed) return corrupt_entry(index, "has too many children");
    if (entry->child_count > 0) entry->first_child = static_cast<std::uint32_t>(claimed);
    claimed += entry->child_count;
    if (entry->type == FileType::Regular && entry->size_bytes > kSizeBytesMax - total_bytes) {
      return corrupt("its files are larger than any disk");
    }
    if (entry->type == FileType::Regular) total_bytes += entry->size_bytes;
    entries.push_back(std::move(*entry));
  }
  return entries;
}

bool have_attributes(const std::vector<ManifestEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [](const ManifestEntry& entry) { return !entry.attributes.empty(); });
}

}  // namespace

std::string Manifest::encode() const {
  Encoder encoder;
  const bool has_attributes = have_attributes(entries_);
  encoder.number(has_attributes ? kManifestVersion : kWithoutAttributes).number(entries_.size());
  const ManifestEntry nothing;
  const ManifestEntry* before = &nothing;
  for (const ManifestEntry& entry : entries_) {
    encoder.number(static_cast<std::uint64_t>(entry.mode) << 2 | static_cast<std::uint64_t>(entry.type));
    encoder.signed_number(difference(raw(entry.ino), raw(before->ino)));
    encoder.signed_number(
        difference(static_cast<std::uint64_t>(raw(entry.mtime)), static_cast<std::uint64_t>(raw(before->mtime))));
    if (&entry != &entries_.front()) encoder.text(entry.name);
    switch (entry.type) {
      case FileType::Regular:
        encoder.number(entry.size_bytes).number(entry.allocated_bytes);
        encoder.digest(entry.hash.digest).fixed32(entry.hash.crc32);
        break;
      case FileType::Directory: encoder.number(entry.child_count); break;
      case FileType::Symlink: encoder.text(entry.target); break;
    }
    if (has_attributes) {
      encoder.number(entry.attributes.size());
      for (const Attribute& each : entry.attributes) encoder.text(each.name).text(each.value);
    }
    before = &entry;
  }
  return encoder.take();
}

Result<std::shared_ptr<const Manifest>> Manifest::decode(std::string_view bytes) {
  Decoder decoder(bytes);
  const std::uint64_t version = decoder.number();
  const std::uint64_t count = decoder.number();
  if (decoder.failed()) return corrupt("it is cut off");
  if (Status status = check_record_version("manifest", version, kManifestVersion);
      version != kWithoutAttributes && !status.ok()) {
    return status;
  }
  if (count == 0) return corrupt("it has no root");
  // Before anything is allocated: a count that the bytes cannot hold is corrupt.
  if (count > bytes.size() / kEntryBytesMin) return corrupt("it is too short for its entries");
  if (count > std::numeric_limits<std::uint32_t>::max()) return corrupt("it has too many entries");

  auto entries = decode_entries(decoder, version, count);
  if (!entries.ok()) return entries.status();
  if (!decoder.finished()) return corrupt("something follows its last entry");
  if (version > kWithoutAttributes && !have_attributes(*entries))
    return corrupt("it has room for attributes, and none");
  const std::shared_ptr<Manifest> manifest(new Manifest());
  manifest->entries_ = std::move(*entries);
  manifest->derive();
  return std::shared_ptr<const Manifest>(manifest);
}

}  // namespace modelfs
