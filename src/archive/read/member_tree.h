// The names of an archive's members as a tree, kept while the archive is read.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace modelfs {

// One entry of the tree. 24 bytes, because an archive may hold a million.
struct MemberNode {
  const char* text = nullptr;  // the name, then a symlink's target
  std::uint32_t parent = 0;
  // Regular: the file that it is (itself, or an earlier one); Symlink, Directory: its place in symlinks_, directories_
  std::uint32_t link = 0;
  std::uint16_t name_bytes = 0;
  std::uint16_t target_bytes = 0;
  FileType type = FileType::Directory;
  bool implied = false;

  std::string_view name() const { return {text, name_bytes}; }
  std::string_view target() const { return {text + name_bytes, target_bytes}; }
};

// What an archive says of a directory.
struct DirectoryFacts {
  TimeNs mtime{};
  std::uint32_t mode = 0;
  bool operator==(const DirectoryFacts&) const = default;
};

// Not safe for concurrent use.
class MemberTree {
 public:
  static constexpr std::uint32_t kRoot = 0;
  // What the widths of MemberNode's numbers allow, whatever the limits say.
  static constexpr std::uint64_t kMembersMax = 0xffff'fffe;
  static constexpr std::size_t kTextBytesMax = 0xffff;

  MemberTree();

  std::uint32_t count() const { return static_cast<std::uint32_t>(nodes_.size()); }
  // Bytes of all names and targets.
  std::uint64_t text_bytes() const { return text_bytes_; }
  const MemberNode& at(std::uint32_t number) const { return nodes_[number]; }
  MemberNode& at(std::uint32_t number) { return nodes_[number]; }
  std::optional<std::uint32_t> child(std::uint32_t parent, std::string_view name) const;
  // "a/b/c", for messages.
  std::string path_of(std::uint32_t number) const;

  // The number of the new entry. `parent` is a directory without a child `name`; name and target have at most
  // kTextBytesMax.
  std::uint32_t add(std::uint32_t parent, std::string_view name, FileType type, std::string_view target = {});

  // Notes what a member says of a directory; once for each.
  void describe(std::uint32_t directory, const DirectoryFacts& facts);
  // Of a directory that was described.
  const DirectoryFacts& described(std::uint32_t directory) const { return directories_[nodes_[directory].link]; }

  // A symlink that leaves the root, by the rule that the registry applies to a release: walked from its directory,
  // through other symlinks, what does not exist counting as a directory. Takes time by the length of all targets.
  std::optional<std::uint32_t> find_escaping_symlink();

 private:
  struct Walked {
    std::uint32_t number = 0;  // where it leads, or kOutside
    int hops = 0;              // symlinks followed on the way
    enum class State : std::uint8_t { Unknown, Walking, Known } state = State::Unknown;
  };
  struct Symlink {
    std::uint32_t number = 0;
    Walked walked;
  };

  std::uint64_t hash(std::uint32_t parent, std::string_view name) const;
  void index(std::uint32_t number);
  const char* keep(std::string_view name, std::string_view target);
  Walked walk(std::uint32_t symlink, int depth);
  bool step(std::string_view name, int depth, std::uint64_t& missing, Walked& to);

  std::array<std::uint64_t, 2> key_{};  // random, so that no archive can be made of names that collide
  std::deque<MemberNode> nodes_;
  std::vector<std::uint32_t> slots_;  // open addressing; 0 is free, since the root is no entry's child
  std::vector<Symlink> symlinks_;
  std::vector<DirectoryFacts> directories_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t chunk_left_ = 0;
  char* chunk_next_ = nullptr;
  std::uint64_t text_bytes_ = 0;
};

}  // namespace modelfs
