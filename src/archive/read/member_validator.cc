#include "archive/read/member_validator.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/names.h"

namespace modelfs {
namespace {

// What counts as zeros is all of a block of this size.
constexpr std::size_t kBlockBytes = 4096;
// Longest path that a message quotes whole, in bytes.
constexpr std::size_t kQuotedBytesMax = 200;

std::string quoted(std::string_view path) {
  if (path.size() <= kQuotedBytesMax) return "'" + printable(path) + "'";
  return "'" + printable(path.substr(0, kQuotedBytesMax)) + "…'";
}

Status too_large(std::string_view what, std::uint64_t limit) {
  return {Code::TooLarge, "the archive holds more than " + std::to_string(limit) + " " + std::string(what)};
}

// Whether a symlink in a directory `depth` below the root leaves that by its first components, whatever else is there.
bool leaves_at_once(std::string_view target, std::size_t depth) {
  while (!target.empty()) {
    const std::size_t slash = std::min(target.find('/'), target.size());
    const std::string_view part = target.substr(0, slash);
    target.remove_prefix(std::min(slash + 1, target.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") return false;
    if (depth == 0) return true;
    --depth;
  }
  return false;
}

}  // namespace

Status refuse_member(std::string_view path, std::string_view why) {
  return {Code::Malformed, "member " + quoted(path) + ": " + std::string(why)};
}

namespace {

Status refuse_leaving(std::string_view path, std::string_view target) {
  return refuse_member(path, "the symlink leaves the archive's root, or is part of a loop, by " + quoted(target));
}

}  // namespace

Status check_expansion(const ArchiveLimits& limits, std::uint64_t unpacked, std::uint64_t packed) {
  if (unpacked > limits.unpacked_bytes) return too_large("bytes when unpacked", limits.unpacked_bytes);
  if (unpacked <= limits.ratio_floor_bytes || unpacked / limits.ratio <= packed) return {};
  return {Code::TooLarge, "the archive unpacks to more than " + std::to_string(limits.ratio) + " times its size: " +
                              std::to_string(unpacked) + " bytes out of " + std::to_string(packed)};
}

Status FilledBytes::add(ByteView bytes, std::uint64_t packed) {
  for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes) {
    const ByteView block = bytes.subspan(at, std::min(kBlockBytes, bytes.size() - at));
    // Each byte equals the one before it, and the first is zero.
    const bool is_zeros =
        block.front() == std::byte{0} && std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0;
    if (!is_zeros) count_ += block.size();
  }
  if (count_ <= limits_.ratio_floor_bytes || count_ / limits_.filled_ratio <= packed) return {};
  return {Code::TooLarge, "the archive unpacks to more than " + std::to_string(limits_.filled_ratio) +
                              " times its size even without its zeros: " + std::to_string(count_) + " bytes out of " +
                              std::to_string(packed)};
}

Status MemberValidator::begin(const RawMember& raw) {
  parts_.clear();
  const bool is_root_directory = raw.path.empty() && raw.kind == MemberKind::Directory;
  if (Status status = is_root_directory ? Status() : split(raw.path, parts_); !status.ok()) return status;
  if (Status status = check_kind(raw); !status.ok()) return status;
  const auto mtime = time_of(raw);
  if (!mtime.ok()) return mtime.status();
  if (parts_.empty()) {
    if (raw.kind != MemberKind::Directory) return refuse_member(raw.path, "it is the root, but not a directory");
    return describe(raw, MemberTree::kRoot, {}, *mtime);
  }
  const auto parent = directory_of(raw);
  if (!parent.ok()) return parent.status();
  const auto known = tree_.child(*parent, parts_.back());
  if (!known) return add(raw, *parent, *mtime);
  if (raw.kind != MemberKind::Directory && tree_.at(*known).implied) {
    return refuse_member(raw.path, "earlier members lie in it, so it must be a directory");
  }
  return describe(raw, *known, parts_.back(), *mtime);
}

// The components of a path, each of them a name that may be presented.
Status MemberValidator::split(std::string_view path, std::vector<std::string_view>& into) const {
  into.clear();
  if (path.empty()) return refuse_member(path, "the name is empty");
  const bool is_root = path.find_first_not_of('/') == std::string_view::npos;
  if (path.front() == '/' && !is_root) return refuse_member(path, "the name is absolute");
  if (path.size() > limits_.path_bytes) {
    return {Code::NameTooLong, "member " + quoted(path) + ": the path has " + std::to_string(path.size()) +
                                   " bytes, allowed are " + std::to_string(limits_.path_bytes)};
  }
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t slash = std::min(path.find('/', from), path.size());
    const std::string_view part = path.substr(from, slash - from);
    from = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse_member(path, "the name contains '..'");
    if (const Status status = check_file_name(part); !status.ok()) {
      const Code code = status.code() == Code::NameTooLong ? Code::NameTooLong : Code::Malformed;
      return {code, refuse_member(path, status.message()).message()};
    }
    into.push_back(part);
  }
  if (into.size() > limits_.depth) {
    return {Code::TooLarge, "member " + quoted(path) + " is nested deeper than " + std::to_string(limits_.depth)};
  }
  return {};
}

Status MemberValidator::check_kind(const RawMember& raw) const {
  switch (raw.kind) {
    case MemberKind::Device: return refuse_member(raw.path, "it is a device");
    case MemberKind::Fifo: return refuse_member(raw.path, "it is a fifo");
    case MemberKind::Socket: return refuse_member(raw.path, "it is a socket");
    case MemberKind::Other: return refuse_member(raw.path, "it is of a kind that cannot be published");
    case MemberKind::Regular:
    case MemberKind::HardLink:
      if ((raw.mode & S_ISUID) != 0) return refuse_member(raw.path, "it has the setuid bit");
      if ((raw.mode & S_ISGID) != 0) return refuse_member(raw.path, "it has the setgid bit");
      return {};
    case MemberKind::Directory: return {};
    case MemberKind::Symlink: return check_symlink(raw);
  }
  return refuse_member(raw.path, "it is of a kind that cannot be published");
}

Status MemberValidator::check_symlink(const RawMember& raw) const {
  if (raw.link.empty()) return refuse_member(raw.path, "the symlink has no target");
  if (raw.link.front() == '/') return refuse_member(raw.path, "the symlink is absolute, to " + quoted(raw.link));
  // Why one less: Linux counts a NUL at the end.
  if (raw.link.size() >= std::min(limits_.path_bytes, MemberTree::kTextBytesMax)) {
    return {Code::NameTooLong, refuse_member(raw.path, "the symlink's target is too long").message()};
  }
  if (raw.link.find('\0') != std::string_view::npos) return refuse_member(raw.path, "the symlink's target holds a NUL");
  if (!is_utf8(raw.link)) return refuse_member(raw.path, "the symlink's target is not valid UTF-8");
  return {};
}

Status MemberValidator::check_attributes(const RawMember& raw) const {
  for (const MemberAttribute& each : raw.attributes) {
    if (each.name.size() > MemberAttribute::kNameBytesMax || each.value.size() > MemberAttribute::kValueBytesMax) {
      return {Code::TooLarge, refuse_member(raw.path,
                                            "an extended attribute has a name of more than 255 bytes or a value "
                                            "of more than 65536")
                                  .message()};
    }
  }
  return {};
}

Result<TimeNs> MemberValidator::time_of(const RawMember& raw) const {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kSecondsMax = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  const bool fits = raw.mtime_s >= -kSecondsMax && raw.mtime_s <= kSecondsMax;
  if (!fits || raw.mtime_ns < 0 || raw.mtime_ns >= kSecond) {
    return refuse_member(raw.path, "its modification time is outside the years 1677 to 2262");
  }
  return TimeNs{raw.mtime_s * kSecond + raw.mtime_ns};
}

// The place of the current member; directories that it implies are created.
Result<std::uint32_t> MemberValidator::directory_of(const RawMember& raw) {
  std::uint32_t at = MemberTree::kRoot;
  for (std::size_t i = 0; i + 1 < parts_.size(); ++i) {
    if (const auto known = tree_.child(at, parts_[i])) {
      if (tree_.at(*known).type != FileType::Directory) {
        return refuse_member(raw.path, "it lies below " + quoted(tree_.path_of(*known)) + ", which is not a directory");
      }
      at = *known;
      continue;
    }
    if (Status status = room_for(parts_[i], {}); !status.ok()) return status;
    ArchiveMember member;
    member.parent = at;
    member.name = parts_[i];
    member.type = FileType::Directory;
    member.implied = true;
    member.number = at = tree_.add(at, parts_[i], FileType::Directory);
    tree_.at(at).implied = true;
    if (Status status = sink_.begin(member); !status.ok()) return status;
  }
  return at;
}

// A name appears again: allowed for a directory that was only implied, or that is described as before.
Status MemberValidator::describe(const RawMember& raw, std::uint32_t number, std::string_view name, TimeNs mtime) {
  MemberNode& node = tree_.at(number);
  const DirectoryFacts facts{mtime, raw.mode & 0777};
  if (!node.implied) {
    const bool both = raw.kind == MemberKind::Directory && node.type == FileType::Directory;
    if (both && tree_.described(number) == facts) return {};
    return refuse_member(raw.path, both ? "the archive holds this directory twice, with two modes or times"
                                        : "the archive holds it twice");
  }
  node.implied = false;
  tree_.describe(number, facts);
  ArchiveMember member;
  member.number = number;
  member.parent = node.parent;
  member.name = name;
  member.type = FileType::Directory;
  member.mode = raw.mode & 0777;
  member.mtime = mtime;
  member.attributes = raw.attributes;
  return sink_.describe(member);
}

Status MemberValidator::add(const RawMember& raw, std::uint32_t parent, TimeNs mtime) {
  ArchiveMember member;
  member.parent = parent;
  member.name = parts_.back();
  member.mode = raw.mode & 0777;
  member.mtime = mtime;
  if (raw.kind == MemberKind::Directory) member.type = FileType::Directory;
  if (Status status = check_attributes(raw); !status.ok()) return status;
  if (raw.kind == MemberKind::Regular || raw.kind == MemberKind::Directory) member.attributes = raw.attributes;
  if (raw.kind == MemberKind::Symlink) {
    member.type = FileType::Symlink;
    member.target = raw.link;
  }
  if (raw.kind == MemberKind::HardLink) {
    const auto file = linked_file(raw);
    if (!file.ok()) return file.status();
    member.type = tree_.at(*file).type;
    member.target = tree_.at(*file).target();
    if (member.type == FileType::Regular) member.link_to = *file;
  }
  // Why here, where finish() finds it as well: whoever writes the archive learns it while he does.
  if (leaves_at_once(member.target, parts_.size() - 1)) return refuse_leaving(raw.path, member.target);
  if (Status status = room_for(member.name, member.target); !status.ok()) return status;
  if (raw.kind == MemberKind::Regular) {
    member.size_bytes = raw.size_bytes;
    member.stored_bytes = std::min(raw.stored_bytes, raw.size_bytes);
    if (raw.size_bytes > limits_.unpacked_bytes - std::min(unpacked_bytes_, limits_.unpacked_bytes)) {
      return too_large("bytes when unpacked, with " + quoted(raw.path), limits_.unpacked_bytes);
    }
    path_ = raw.path;
    file_bytes_ = raw.size_bytes;
    file_next_ = 0;
  }
  member.number = tree_.add(parent, member.name, member.type, member.target);
  if (member.link_to) tree_.at(member.number).link = *member.link_to;
  if (raw.kind == MemberKind::Directory) tree_.describe(member.number, {mtime, member.mode});
  return sink_.begin(member);
}

Result<std::uint32_t> MemberValidator::linked_file(const RawMember& raw) {
  if (Status status = split(raw.link, link_parts_); !status.ok()) {
    return Status(status.code(), refuse_member(raw.path, "hard link to: " + status.message()).message());
  }
  std::uint32_t at = MemberTree::kRoot;
  for (const std::string_view part : link_parts_) {
    const auto next = tree_.child(at, part);
    if (!next)
      return refuse_member(raw.path, "it is a hard link to " + quoted(raw.link) + ", which is not an earlier member");
    at = *next;
  }
  if (tree_.at(at).type == FileType::Directory) {
    return refuse_member(raw.path, "it is a hard link to the directory " + quoted(raw.link));
  }
  return tree_.at(at).type == FileType::Regular ? tree_.at(at).link : at;
}

Status MemberValidator::room_for(std::string_view name, std::string_view target) const {
  if (tree_.count() > std::min(limits_.members, MemberTree::kMembersMax)) return too_large("members", limits_.members);
  if (tree_.text_bytes() + name.size() + target.size() > limits_.text_bytes) {
    return too_large("bytes of names and symlink targets", limits_.text_bytes);
  }
  return {};
}

Status MemberValidator::write(std::uint64_t offset_bytes, ByteView bytes) {
  if (bytes.empty()) return {};
  if (offset_bytes < file_next_) return refuse_member(path_, "its parts overlap or are out of order");
  if (offset_bytes > file_bytes_ || bytes.size() > file_bytes_ - offset_bytes) {
    return refuse_member(path_, "it has more bytes than its size says");
  }
  file_next_ = offset_bytes + bytes.size();
  return sink_.write(offset_bytes, bytes);
}

Status MemberValidator::end(std::uint64_t packed_bytes) {
  unpacked_bytes_ += file_bytes_;
  if (Status status = check_expansion(limits_, unpacked_bytes_, packed_bytes); !status.ok()) return status;
  return sink_.end(file_bytes_);
}

Status MemberValidator::finish() {
  if (const auto symlink = tree_.find_escaping_symlink()) {
    return refuse_leaving(tree_.path_of(*symlink), tree_.at(*symlink).target());
  }
  return {};
}

}  // namespace modelfs
