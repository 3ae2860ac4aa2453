// Reads archives in memory and records what comes out, for the tests of the reader and for its fuzzer.
#pragma once
#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "archive/read/read_archive.h"

namespace modelfs {

// An archive in memory. With `streaming`, what a file that is still being written allows: forward reads, no size.
class MemorySource final : public ArchiveSource {
 public:
  explicit MemorySource(std::string_view bytes, bool streaming = false) : bytes_(bytes), streaming_(streaming) {}

  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) override {
    // The first bytes may be read twice: to recognise the format, and to read it.
    if (streaming_ && offset_bytes < next_ && offset_bytes != 0) return Status(Code::Internal, "read backwards");
    if (offset_bytes >= bytes_.size()) return std::size_t{0};
    const std::string_view part = bytes_.substr(static_cast<std::size_t>(offset_bytes), into.size());
    std::memcpy(into.data(), part.data(), part.size());
    next_ = offset_bytes + part.size();
    return part.size();
  }
  Result<std::uint64_t> size_bytes() override {
    if (streaming_) return Status(Code::Internal, "asked for the size");
    return std::uint64_t{bytes_.size()};
  }

 private:
  const std::string_view bytes_;
  const bool streaming_;
  std::uint64_t next_ = 0;
};

struct SeenMember {
  FileType type = FileType::Regular;
  std::string content;  // of a file, holes as zeros, at most the first 64 KiB
  std::string target;   // of a symlink; of a hard link the path of the file
  std::uint32_t mode = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t hole_bytes = 0;
  bool implied = false;
  bool hard_link = false;
  bool operator==(const SeenMember&) const = default;
};

// Records the tree, and notes every breach of what ArchiveSink promises.
class RecordingSink final : public ArchiveSink {
 public:
  static constexpr std::uint64_t kKeptBytes = 64 << 10;

  RecordingSink() { paths_.emplace_back(); }

  Status begin(const ArchiveMember& member) override {
    if (in_file_) return breach("a member inside of a file");
    if (member.number != paths_.size()) return breach("a number that is not the next");
    if (member.parent >= paths_.size()) return breach("a parent that is not known");
    const std::string above = paths_[member.parent];
    if (!above.empty() && tree[above].type != FileType::Directory) return breach("a parent that is no directory");
    const std::string path = above.empty() ? member.name : above + "/" + member.name;
    if (member.name.empty() || member.name.find('/') != std::string::npos || tree.contains(path))
      return breach("a bad name");
    paths_.push_back(path);
    SeenMember& seen = tree[path];
    seen.type = member.type;
    seen.target = member.target;
    seen.mode = member.mode;
    seen.mtime_ns = raw(member.mtime);
    seen.size_bytes = member.size_bytes;
    seen.implied = member.implied;
    seen.hard_link = member.link_to.has_value();
    if (member.link_to) {
      if (*member.link_to >= member.number) return breach("a hard link forward");
      const SeenMember& file = tree[paths_[*member.link_to]];
      if (file.type != FileType::Regular || file.hard_link) return breach("a hard link to no file");
      seen.target = paths_[*member.link_to];
    }
    in_file_ = member.type == FileType::Regular && !member.link_to;
    next_ = 0;
    return {};
  }
  Status write(std::uint64_t offset_bytes, ByteView bytes) override {
    if (!in_file_ || bytes.empty() || offset_bytes < next_) return breach("a write out of place");
    SeenMember& file = tree[paths_.back()];
    file.hole_bytes += offset_bytes - next_;
    next_ = offset_bytes + bytes.size();
    if (next_ > file.size_bytes) return breach("a write behind the end");
    if (offset_bytes < kKeptBytes) {
      file.content.resize(static_cast<std::size_t>(offset_bytes), '\0');
      file.content += text_of(
          bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), kKeptBytes - offset_bytes))));
    }
    return {};
  }
  Status end(std::uint64_t size_bytes) override {
    SeenMember& file = tree[paths_.back()];
    if (!in_file_ || size_bytes != file.size_bytes) return breach("an end out of place");
    file.hole_bytes += size_bytes - next_;
    file.content.resize(static_cast<std::size_t>(std::min(size_bytes, kKeptBytes)), '\0');
    in_file_ = false;
    ++ended;
    return {};
  }
  Status describe(const ArchiveMember& directory) override {
    if (in_file_ || directory.number >= paths_.size()) return breach("a description out of place");
    if (directory.number == 0) root_described = true;
    SeenMember& seen = directory.number == 0 ? root : tree[paths_[directory.number]];
    if (directory.number != 0 && !seen.implied) return breach("a description of what was not implied");
    seen.implied = false;
    seen.mode = directory.mode;
    seen.mtime_ns = raw(directory.mtime);
    return {};
  }

  std::map<std::string, SeenMember> tree;
  SeenMember root;
  bool root_described = false;
  std::uint64_t ended = 0;
  std::string breaches;

 private:
  Status breach(std::string_view what) {
    breaches += std::string(what) + "; ";
    return {Code::Internal, "the sink was told of " + std::string(what)};
  }

  std::vector<std::string> paths_;
  bool in_file_ = false;
  std::uint64_t next_ = 0;
};

struct Reading {
  Status status;
  std::map<std::string, SeenMember> tree;
  SeenMember root;
  bool root_described = false;
};

inline Reading read_bytes(std::string_view bytes, ArchiveFormat format, const ArchiveLimits& limits = {}) {
  MemorySource source(bytes, format != ArchiveFormat::Zip);
  RecordingSink sink;
  Reading reading;
  reading.status = read_archive(source, format, limits, sink);
  if (!sink.breaches.empty())
    reading.status = {Code::Internal, "what ArchiveSink promises was broken: " + sink.breaches};
  reading.tree = std::move(sink.tree);
  reading.root = sink.root;
  reading.root_described = sink.root_described;
  return reading;
}

}  // namespace modelfs
