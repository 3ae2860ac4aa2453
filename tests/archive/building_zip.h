// Makes zips byte by byte: what makes a valid one is filled in, and a test spoils one thing.
#pragma once
#include <optional>

#include "archive/building.h"

namespace modelfs {

struct ZipMember {
  std::string name{};
  std::string content{};
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  std::uint16_t made_by = 3 << 8 | 30;  // Unix
  std::uint32_t attributes = 0100644u << 16;
  std::uint16_t dos_time = 0;
  std::uint16_t dos_date = 45 << 9 | 1 << 5 | 1;  // 2025-01-01
  // What the local header, or the central directory, says instead.
  std::optional<std::string> local_name{};
  std::optional<std::uint16_t> local_flags{}, local_method{};
  std::optional<std::uint32_t> local_crc{}, local_packed{}, local_unpacked{};
  std::optional<std::uint32_t> crc{}, packed{}, unpacked{}, offset{};
  std::optional<std::string> packed_content{};  // instead of the content, stored or deflated
  std::string local_extra{}, extra{};
  std::uint16_t disk = 0;
  std::optional<std::string> behind{};  // what follows the content instead of the descriptor that the flags ask for
};

class ZipBuilder {
 public:
  // Adds a member, and returns where its local header begins.
  std::size_t add(const ZipMember& member) {
    const std::size_t offset = bytes_.size();
    const std::string packed =
        member.packed_content.value_or(member.method == 8 ? deflated(member.content, -15) : member.content);
    const auto crc = static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(member.content.data()), static_cast<uInt>(member.content.size())));
    const bool later = (member.flags & 8) != 0;
    const auto local = [&](const std::optional<std::uint32_t>& instead, std::size_t value) {
      return little(instead.value_or(later ? 0 : static_cast<std::uint32_t>(value)), 4);
    };
    const std::string name = member.local_name.value_or(member.name);
    bytes_ += "PK\3\4" + little(20, 2) + little(member.local_flags.value_or(member.flags), 2) +
              little(member.local_method.value_or(member.method), 2) + little(member.dos_time, 2) +
              little(member.dos_date, 2) + local(member.local_crc, crc) + local(member.local_packed, packed.size()) +
              local(member.local_unpacked, member.content.size()) + little(name.size(), 2) +
              little(member.local_extra.size(), 2) + name + member.local_extra + packed;
    const std::string descriptor =
        "PK\7\10" + little(crc, 4) + little(packed.size(), 4) + little(member.content.size(), 4);
    bytes_ += member.behind.value_or(later ? descriptor : "");
    central_ += "PK\1\2" + little(member.made_by, 2) + little(20, 2) + little(member.flags, 2) +
                little(member.method, 2) + little(member.dos_time, 2) + little(member.dos_date, 2) +
                little(member.crc.value_or(crc), 4) +
                little(member.packed.value_or(static_cast<std::uint32_t>(packed.size())), 4) +
                little(member.unpacked.value_or(static_cast<std::uint32_t>(member.content.size())), 4) +
                little(member.name.size(), 2) + little(member.extra.size(), 2) + little(0, 2) + little(member.disk, 2) +
                little(0, 2) + little(member.attributes, 4) +
                little(member.offset.value_or(static_cast<std::uint32_t>(offset)), 4) + member.name + member.extra;
    ++count_;
    return offset;
  }
  void put(std::string_view bytes) { bytes_ += bytes; }
  void put_in_directory(std::string_view bytes) { central_ += bytes; }

  const std::string& members() const { return bytes_; }
  const std::string& directory() const { return central_; }
  std::size_t count() const { return count_; }

  std::string end(std::string_view comment = {}) const {
    return end_of(count_, central_.size(), bytes_.size(), comment);
  }
  static std::string end_of(std::uint64_t count, std::uint64_t size, std::uint64_t begin,
                            std::string_view comment = {}) {
    return "PK\5\6" + little(0, 4) + little(count, 2) + little(count, 2) + little(size, 4) + little(begin, 4) +
           little(comment.size(), 2) + std::string(comment);
  }
  // The zip64 end record and its locator, for an archive where the record begins at `at`.
  static std::string end64_of(std::uint64_t count, std::uint64_t size, std::uint64_t begin, std::uint64_t at) {
    return "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) + little(count, 8) +
           little(count, 8) + little(size, 8) + little(begin, 8) + "PK\6\7" + little(0, 4) + little(at, 8) +
           little(1, 4);
  }
  std::string bytes(std::string_view comment = {}) const { return bytes_ + central_ + end(comment); }
  std::string bytes64() const {
    const std::size_t at = bytes_.size() + central_.size();
    return bytes_ + central_ + end64_of(count_, central_.size(), bytes_.size(), at) +
           end_of(0xffff, 0xffffffff, 0xffffffff);
  }

 private:
  std::string bytes_;
  std::string central_;
  std::size_t count_ = 0;
};

inline std::string zip_extra(std::uint16_t id, std::string_view content) {
  return little(id, 2) + little(content.size(), 2) + std::string(content);
}

inline std::string zip_of(const ZipMember& member) {
  ZipBuilder zip;
  zip.add(member);
  return zip.bytes();
}

}  // namespace modelfs
