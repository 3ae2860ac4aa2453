// ArchiveLayout: reading at random.
#include <algorithm>

#include "archive/write/gzip_stored.h"
#include "archive/write/synthetic_archive.h"
#include "archive/write/tar_header.h"

namespace modelfs {

Result<std::size_t> ArchiveLayout::read_at(std::uint64_t offset_bytes, ByteSpan into,
                                           const ContentReadAt& content) const {
  if (offset_bytes >= size_bytes_) return std::size_t{0};
  const ByteSpan wanted = into.first(std::min<std::uint64_t>(into.size(), size_bytes_ - offset_bytes));
  Status status;
  if (format_ == ArchiveFormat::TarGz) {
    const StoredGzip gzip(container_bytes_, crc32_);
    status = gzip.read_at(offset_bytes, wanted,
                          [&](std::uint64_t from, ByteSpan piece) { return read_container(from, piece, content); });
  } else {
    status = read_container(offset_bytes, wanted, content);
  }
  if (!status.ok()) return status;
  return wanted.size();
}

// The whole of `into`, which lies within the tar or zip.
Status ArchiveLayout::read_container(std::uint64_t offset_bytes, ByteSpan into, const ContentReadAt& content) const {
  const ReadWindow window(offset_bytes, into);
  auto member = std::partition_point(members_.begin(), members_.end(),
                                     [&](const Member& each) { return each.offset_bytes <= offset_bytes; });
  if (member != members_.begin()) --member;
  for (; member != members_.end() && member->offset_bytes < window.end(); ++member) {
    Status status = read_member(*member, window, content);
    if (!status.ok()) return status;
  }
  if (format_ == ArchiveFormat::Zip) {
    read_central_directory(window);
  } else {
    window.put_zeros(members_end_, container_bytes_ - members_end_);
  }
  return {};
}

Status ArchiveLayout::read_member(const Member& member, const ReadWindow& window, const ContentReadAt& content) const {
  if (window.meets(member.offset_bytes, member.header_bytes)) {
    Texts texts;
    const SyntheticEntry whole = entry(member, texts);
    window.put(member.offset_bytes, format_ == ArchiveFormat::Zip ? zip_local_header(whole) : tar_header(whole));
  }
  const std::uint64_t data_at = member.offset_bytes + member.header_bytes;
  const ReadWindow::Part data = window.part(data_at, member.size_bytes);
  if (!data.into.empty()) {
    Status status = read_data(member, data.from, data.into, content);
    if (!status.ok()) return status;
  }
  if (format_ != ArchiveFormat::Zip) {
    window.put_zeros(data_at + member.size_bytes, tar_padding_bytes(member.size_bytes));
  }
  return {};
}

Status ArchiveLayout::read_data(const Member& member, std::uint64_t from, ByteSpan into,
                                const ContentReadAt& content) const {
  if (member.type == FileType::Symlink) {
    ReadWindow(from, into).put(0, std::string_view(texts_).substr(member.target_at, member.target_bytes));
    return {};
  }
  const auto got = content(member.content, from, into);
  if (!got.ok()) return got.status();
  if (*got == into.size()) return {};
  return Status(Code::Corrupt, "'" + path_of(member) + "' ends after " + std::to_string(from + *got) + " of its " +
                                   std::to_string(member.size_bytes) + " bytes");
}

void ArchiveLayout::read_central_directory(const ReadWindow& window) const {
  if (window.end() <= members_end_) return;
  auto member = std::partition_point(members_.begin(), members_.end(),
                                     [&](const Member& each) { return each.central_offset_bytes <= window.begin(); });
  if (member != members_.begin()) --member;
  Texts texts;
  for (; member != members_.end() && member->central_offset_bytes < window.end(); ++member) {
    window.put(member->central_offset_bytes, zip_central_header(entry(*member, texts), member->offset_bytes));
  }
  window.put(central_end_, zip_end(directory()));
}

}  // namespace modelfs
