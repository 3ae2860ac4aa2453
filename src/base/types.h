// The types that every room uses: bytes, inode numbers, sequences, generations, times, credentials.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelfs {

using ByteView = std::span<const std::byte>;
using ByteSpan = std::span<std::byte>;

inline ByteView bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// A presented inode number, which is also the FUSE node id. Assigned once, never reused, kept by a draft when it
// becomes a release. 0 is none, 1 is the root of the mount; numbers below kFirstFreeIno belong to fixed places.
enum class Ino : std::uint64_t {};
inline constexpr Ino kNoIno{0};
inline constexpr Ino kRootIno{1};
inline constexpr std::uint64_t kFirstFreeIno = 64;

// The number of a commit in its domain: 1, 2, 3, …
enum class Sequence : std::uint64_t {};

// The number of a generation in its release: 1, 2, 3, … without gaps. 0 is none.
enum class Generation : std::uint64_t {};
inline constexpr Generation kNoGeneration{0};

// Nanoseconds since 1970 (UTC). Presented, never used to order anything.
enum class TimeNs : std::int64_t {};

template <class Number>
requires std::is_enum_v<Number>
constexpr auto raw(Number number) { return static_cast<std::underlying_type_t<Number>>(number); }

enum class FileType : std::uint8_t { Regular = 1, Directory = 2, Symlink = 3 };

// Credentials of a caller: the effective ids of a process. pid 0 is unknown (another pid namespace).
struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;
  std::vector<gid_t> groups;  // supplementary
};

// Owner, group and permission bits (07777) of something presented.
struct Ownership {
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint32_t mode = 0;
  bool operator==(const Ownership&) const = default;
};

TimeNs now();

}  // namespace modelfs
