// Lists of members for archives that are made on the fly, with bytes behind them, and a way to read all of an archive.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "archive/write/synthetic_archive.h"
#include "base/digest.h"

namespace modelfs {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr TimeNs kSomeTime{1'700'000'000 * kSecond + 123'456'789};

// The members and their bytes. Members take the next content number each.
class SyntheticSample {
 public:
  std::uint32_t file(const std::string& path, std::string bytes, std::uint32_t mode = 0644, TimeNs mtime = kSomeTime) {
    ArchiveEntry file{.path = path, .mode = mode, .mtime = mtime, .target = {}, .link_to = {}};
    file.size_bytes = bytes.size();
    file.crc32 = hash_of(bytes_of(bytes)).crc32;
    file.content = static_cast<std::uint32_t>(contents_.size());
    contents_.push_back(std::move(bytes));
    return add(std::move(file));
  }
  void directory(const std::string& path, std::uint32_t mode = 0755, TimeNs mtime = kSomeTime) {
    add({.path = path, .type = FileType::Directory, .mode = mode, .mtime = mtime, .target = {}, .link_to = {}});
  }
  void symlink(const std::string& path, const std::string& target, TimeNs mtime = kSomeTime) {
    add({.path = path, .type = FileType::Symlink, .mode = 0777, .mtime = mtime, .target = target, .link_to = {}});
  }
  void hard_link(const std::string& path, std::uint32_t to) {
    const ArchiveEntry& first = files_[to];
    add({.path = path, .mode = first.mode, .mtime = first.mtime, .target = {}, .link_to = to});
  }

  const std::vector<ArchiveEntry>& files() const { return files_; }
  std::string& content(std::uint32_t number) { return contents_[number]; }
  // What the file at `index` holds, through its link.
  const std::string& bytes(std::size_t index) const {
    const ArchiveEntry& file = files_[index];
    return contents_[file.link_to ? files_[*file.link_to].content : file.content];
  }

  ContentReadAt reader() const {
    return [this](std::uint32_t number, std::uint64_t offset_bytes, ByteSpan into) -> Result<std::size_t> {
      const std::string& bytes = contents_.at(number);
      const std::size_t at = std::min<std::size_t>(offset_bytes, bytes.size());
      const std::size_t count = std::min(into.size(), bytes.size() - at);
      std::copy_n(std::as_bytes(std::span(bytes)).begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
      return count;
    };
  }

 private:
  std::uint32_t add(ArchiveEntry file) {
    files_.push_back(std::move(file));
    return static_cast<std::uint32_t>(files_.size() - 1);
  }
  std::vector<ArchiveEntry> files_;
  std::vector<std::string> contents_;
};

// Bytes that differ everywhere and do not compress.
inline std::string noise(std::size_t size_bytes, std::uint64_t seed = 1) {
  std::string bytes(size_bytes, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

inline std::shared_ptr<const ArchiveLayout> laid_out(const std::vector<ArchiveEntry>& files, ArchiveFormat format) {
  const auto layout = ArchiveLayout::make(files, format);
  EXPECT_TRUE(layout.ok()) << layout.status().str();
  return layout.ok() ? *layout : nullptr;
}

inline std::string read_piece(const ArchiveLayout& layout, const ContentReadAt& content, std::uint64_t offset_bytes,
                              std::size_t size_bytes) {
  std::string piece(size_bytes, '\xee');
  const auto got = layout.read_at(offset_bytes, std::as_writable_bytes(std::span(piece)), content);
  EXPECT_TRUE(got.ok()) << got.status().str();
  piece.resize(got.ok() ? *got : 0);
  return piece;
}

inline std::string read_whole(const ArchiveLayout& layout, const ContentReadAt& content) {
  std::string whole;
  while (true) {
    const std::string piece = read_piece(layout, content, whole.size(), 1 << 20);
    if (piece.empty()) return whole;
    whole += piece;
  }
}

// A small tree with one of everything.
inline SyntheticSample small_sample() {
  SyntheticSample sample;
  sample.file("empty", "", 0600);
  sample.symlink("link", "sub/weights.bin");
  sample.file("run.sh", "#!/bin/sh\n", 0755, TimeNs{1'500'000'000 * kSecond});
  sample.directory("sub", 0750, TimeNs{1'600'000'000 * kSecond});
  sample.file("sub/block", noise(512, 2));
  sample.directory("sub/hollow");
  const std::uint32_t weights = sample.file("sub/weights.bin", noise(100'000));
  sample.hard_link("sub/xsame.bin", weights);
  return sample;
}

inline std::string name_of_format(const testing::TestParamInfo<ArchiveFormat>& info) {
  switch (info.param) {
    case ArchiveFormat::Tar: return "Tar";
    case ArchiveFormat::TarGz: return "TarGz";
    case ArchiveFormat::TarZst: return "TarZst";
    case ArchiveFormat::Zip: return "Zip";
  }
  return "";
}

}  // namespace modelfs
