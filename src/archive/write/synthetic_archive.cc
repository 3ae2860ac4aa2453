#include "archive/write/synthetic_archive.h"

#include <zlib.h>

#include <array>

#include "archive/write/gzip_stored.h"
#include "archive/write/tar_header.h"
#include "archive/write/zip_records.h"

namespace modelfs {
namespace {

// Leaves room below 2^63, the largest size of a file, for what follows the members and for gzip's part.
constexpr std::uint64_t kMembersBytesMax = std::uint64_t{1} << 62;

std::uint32_t crc_of(std::string_view text, std::uint32_t crc = 0) {
  // Why: zlib takes a null pointer, which an empty view may have, as the request to start a new CRC.
  if (text.empty()) return crc;
  return static_cast<std::uint32_t>(::crc32_z(crc, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

std::uint32_t crc_of_zeros(std::uint64_t count, std::uint32_t crc) {
  static constexpr std::array<char, kTarRecordBytes> kZeros{};
  for (; count > kZeros.size(); count -= kZeros.size()) crc = crc_of({kZeros.data(), kZeros.size()}, crc);
  return crc_of({kZeros.data(), count}, crc);
}

// The path of member `index`, where part_of(index) gives the path beneath its directory and that directory. Why from
// its end: putting each part before the others would move all of them, at each of many levels.
template <class PartOf>
std::string joined_path(std::uint32_t index, const PartOf& part_of) {
  std::size_t size = 0;
  for (std::uint32_t at = index; at != ArchiveEntry::kRoot; at = part_of(at).second)
    size += part_of(at).first.size() + 1;
  std::string path(size - 1, '/');
  for (std::uint32_t at = index; at != ArchiveEntry::kRoot; at = part_of(at).second) {
    const std::string_view part = part_of(at).first;
    size -= part.size() + 1;
    part.copy(path.data() + size, part.size());
  }
  return path;
}

std::string whole_path(const std::vector<ArchiveEntry>& files, std::size_t index) {
  return joined_path(static_cast<std::uint32_t>(index), [&files](std::uint32_t each) {
    return std::pair<std::string_view, std::uint32_t>(files[each].path, files[each].in);
  });
}

// A zip has no hard links: they are further copies. A tar keeps a symlink's target in the header, a zip behind it.
// Views `files` and the two texts, which it fills.
SyntheticEntry entry_of(const std::vector<ArchiveEntry>& files, std::size_t index, ArchiveFormat format,
                        std::string& path, std::string& first) {
  const ArchiveEntry& file = files[index];
  path = whole_path(files, index);
  SyntheticEntry entry{path, file.type, false, file.mode, file.mtime, 0, 0, {}, {}};
  if (file.type == FileType::Symlink) {
    entry.target = file.target;
    if (format == ArchiveFormat::Zip) {
      entry.size_bytes = file.target.size();
      entry.crc32 = crc_of(file.target);
    }
  } else if (file.type == FileType::Regular) {
    const ArchiveEntry& source = file.link_to ? files[*file.link_to] : file;
    entry.is_hard_link = file.link_to && format != ArchiveFormat::Zip;
    if (entry.is_hard_link) {
      first = whole_path(files, *file.link_to);
      entry.target = first;
    } else {
      entry.size_bytes = source.size_bytes;
      entry.crc32 = source.crc32;
    }
  }
  // A hard link has those of its first member.
  if (format != ArchiveFormat::Zip && !entry.is_hard_link) entry.attributes = file.attributes;
  return entry;
}

std::uint32_t header_bytes(const SyntheticEntry& entry, ArchiveFormat format) {
  return format == ArchiveFormat::Zip ? zip_local_header_bytes(entry) : tar_header_bytes(entry);
}

std::uint64_t padding_bytes(const SyntheticEntry& entry, ArchiveFormat format) {
  return format == ArchiveFormat::Zip ? 0 : tar_padding_bytes(entry.size_bytes);
}

// With the two blocks of zeros, and filled up.
std::uint64_t whole_tar_bytes(std::uint64_t members_end) {
  const std::uint64_t end = members_end + 2 * kTarBlockBytes;
  return (end + kTarRecordBytes - 1) / kTarRecordBytes * kTarRecordBytes;
}

Status check_text(std::string_view text, std::string_view what) {
  if (text.empty() || text.find('\0') != std::string_view::npos) {
    return Status(Code::InvalidArgument, "no " + std::string(what) + " for an archive: '" + std::string(text) + "'");
  }
  if (text.size() > ArchiveLayout::kPathBytesMax) {
    return Status(Code::NameTooLong, "a " + std::string(what) + " of " + std::to_string(text.size()) + " bytes");
  }
  return {};
}

Status check_link(const std::vector<ArchiveEntry>& files, std::size_t index) {
  const std::uint32_t first = *files[index].link_to;
  const bool fits = files[index].type == FileType::Regular && first < index && files[first].type == FileType::Regular &&
                    !files[first].link_to;
  return fits ? Status() : Status(Code::InvalidArgument, "not a link to an earlier file: '" + files[index].path + "'");
}

Status check_file(const std::vector<ArchiveEntry>& files, std::size_t index) {
  const ArchiveEntry& file = files[index];
  if (file.in != ArchiveEntry::kRoot && (file.in >= index || files[file.in].type != FileType::Directory)) {
    return Status(Code::InvalidArgument, "not beneath an earlier directory: '" + file.path + "'");
  }
  Status status = check_text(file.path, "path");
  if (status.ok() && (file.path.front() == '/' || file.path.back() == '/')) {
    status = Status(Code::InvalidArgument, "a slash at an end of the path '" + file.path + "'");
  }
  if (status.ok() && file.in != ArchiveEntry::kRoot) status = check_text(whole_path(files, index), "path");
  if (status.ok() && file.type == FileType::Symlink) status = check_text(file.target, "target");
  if (status.ok() && file.link_to) status = check_link(files, index);
  return status;
}

}  // namespace

// Fills an empty layout, member by member.
class ArchiveLayout::Maker {
 public:
  Maker(ArchiveLayout& layout, const std::vector<ArchiveEntry>& files) : layout_(layout), files_(files) {}

  Status add(std::size_t index) {
    const SyntheticEntry entry = entry_of(files_, index, layout_.format_, texts_.path, texts_.target);
    Member member{.offset_bytes = layout_.members_end_, .size_bytes = entry.size_bytes, .mtime = entry.mtime};
    member.header_bytes = header_bytes(entry, layout_.format_);
    member.crc32 = entry.crc32;
    member.content = files_[files_[index].link_to.value_or(static_cast<std::uint32_t>(index))].content;
    member.mode = static_cast<std::uint16_t>(entry.mode & 07777);
    member.type = entry.type;
    member.is_hard_link = entry.is_hard_link;
    add_texts(member, entry, index);
    layout_.members_.push_back(member);

    if (entry.size_bytes > kMembersBytesMax) return too_large();
    layout_.members_end_ += member.header_bytes + entry.size_bytes + padding_bytes(entry, layout_.format_);
    return layout_.members_end_ > kMembersBytesMax ? too_large() : Status();
  }

  void finish() {
    layout_.members_.shrink_to_fit();
    layout_.texts_.shrink_to_fit();
    if (layout_.format_ == ArchiveFormat::Zip) return finish_zip();
    layout_.container_bytes_ = layout_.size_bytes_ = whole_tar_bytes(layout_.members_end_);
    if (layout_.format_ != ArchiveFormat::TarGz) return;
    layout_.size_bytes_ = StoredGzip::size_bytes(layout_.container_bytes_);
    layout_.crc32_ = sum_tar();
  }

 private:
  static Status too_large() { return Status(Code::TooLarge, "an archive of more than 2^62 bytes"); }

  void add_texts(Member& member, const SyntheticEntry& entry, std::size_t index) {
    const ArchiveEntry& file = files_[index];
    std::string& texts = layout_.texts_;
    if (!entry.attributes.empty()) layout_.attributes_.emplace(static_cast<std::uint32_t>(index), entry.attributes);
    member.in = file.in;
    member.path_at = texts.size();
    member.path_bytes = static_cast<std::uint16_t>(file.path.size());
    texts += file.path;
    if (entry.is_hard_link) {
      member.target_at = *file.link_to;
    } else {
      member.target_at = texts.size();
      member.target_bytes = static_cast<std::uint16_t>(entry.target.size());
      texts += entry.target;
    }
  }

  void finish_zip() {
    Texts texts;
    std::uint64_t at = layout_.members_end_;
    for (Member& member : layout_.members_) {
      member.central_offset_bytes = at;
      at += zip_central_header_bytes(layout_.entry(member, texts), member.offset_bytes);
    }
    layout_.central_end_ = at;
    layout_.container_bytes_ = layout_.size_bytes_ = at + zip_end_bytes(layout_.directory());
  }

  // The CRC of the whole tar, from its headers and the CRCs of the files: no file is read.
  std::uint32_t sum_tar() const {
    Texts texts;
    std::uint32_t crc = 0;
    for (const Member& member : layout_.members_) {
      crc = crc_of(tar_header(layout_.entry(member, texts)), crc);
      if (member.size_bytes == 0) continue;
      crc = static_cast<std::uint32_t>(::crc32_combine(crc, member.crc32, static_cast<z_off_t>(member.size_bytes)));
      crc = crc_of_zeros(tar_padding_bytes(member.size_bytes), crc);
    }
    return crc_of_zeros(layout_.container_bytes_ - layout_.members_end_, crc);
  }

  ArchiveLayout& layout_;
  const std::vector<ArchiveEntry>& files_;
  Texts texts_;  // of the member in hand
};

Result<std::shared_ptr<const ArchiveLayout>> ArchiveLayout::make(const std::vector<ArchiveEntry>& files,
                                                                 ArchiveFormat format) {
  if (format == ArchiveFormat::TarZst) {
    return Status(Code::Unsupported, "no " + std::string(describe_format(format)) + " is made on the fly");
  }
  static_assert(sizeof(Member) <= 72, "the header promises it");
  const std::shared_ptr<ArchiveLayout> layout(new ArchiveLayout);
  layout->format_ = format;
  layout->members_.reserve(files.size());
  Maker maker(*layout, files);
  for (std::size_t index = 0; index < files.size(); ++index) {
    Status status = check_file(files, index);
    if (status.ok()) status = maker.add(index);
    if (!status.ok()) return status;
  }
  maker.finish();
  return std::shared_ptr<const ArchiveLayout>(layout);
}

std::size_t ArchiveLayout::memory_bytes() const {
  std::size_t bytes = sizeof *this + members_.capacity() * sizeof(Member) + texts_.capacity();
  for (const auto& [member, records] : attributes_) bytes += records.capacity() + sizeof records;
  return bytes;
}

std::string ArchiveLayout::path_of(const Member& member) const {
  return joined_path(static_cast<std::uint32_t>(&member - members_.data()), [this](std::uint32_t each) {
    const Member& part = members_[each];
    return std::pair(std::string_view(texts_).substr(part.path_at, part.path_bytes), part.in);
  });
}

SyntheticEntry ArchiveLayout::entry(const Member& member, Texts& texts) const {
  texts.path = path_of(member);
  texts.target =
      member.is_hard_link ? path_of(members_[member.target_at]) : texts_.substr(member.target_at, member.target_bytes);
  const auto attributes = attributes_.find(static_cast<std::uint32_t>(&member - members_.data()));
  return {.path = texts.path,
          .type = member.type,
          .is_hard_link = member.is_hard_link,
          .mode = member.mode,
          .mtime = member.mtime,
          .size_bytes = member.size_bytes,
          .crc32 = member.crc32,
          .target = texts.target,
          .attributes = attributes != attributes_.end() ? std::string_view(attributes->second) : std::string_view()};
}

std::uint64_t archive_size_bytes(const std::vector<ArchiveEntry>& files, ArchiveFormat format) {
  std::uint64_t members_end = 0;
  std::uint64_t central_bytes = 0;
  std::string path;
  std::string first;
  for (std::size_t index = 0; index < files.size(); ++index) {
    const SyntheticEntry entry = entry_of(files, index, format, path, first);
    if (format == ArchiveFormat::Zip) central_bytes += zip_central_header_bytes(entry, members_end);
    members_end += header_bytes(entry, format) + entry.size_bytes + padding_bytes(entry, format);
  }
  if (format == ArchiveFormat::Zip) {
    return members_end + central_bytes + zip_end_bytes({files.size(), members_end, central_bytes});
  }
  const std::uint64_t tar_bytes = whole_tar_bytes(members_end);
  return format == ArchiveFormat::TarGz ? StoredGzip::size_bytes(tar_bytes) : tar_bytes;
}

}  // namespace modelfs
