// Validates a tar's blocks before libarchive reads them.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "archive/pax_records.h"
#include "archive/read/archive_contract.h"

namespace modelfs {

// True when a tar can begin with this block of 512 bytes: a header whose checksum fits, or zeros.
bool is_tar_block(ByteView block);

// What the validator found of one member.
struct TarMember {
  std::uint64_t begin_bytes = 0;   // where its first header, of whatever kind, begins in the tar
  std::uint64_t stored_bytes = 0;  // its content as stored
  bool sparse = false;
  std::optional<PaxTime> mtime = std::nullopt;  // of a pax header
};

// Why it exists: libarchive is built to extract from a tar whatever it can. It cuts names at a NUL, guesses whether a
// hard link has content, takes unknown kinds for files, lets numbers end in garbage, ignores global headers, and
// accepts an end that is none. This walks the blocks itself and refuses what is ambiguous; the reader then compares
// what each read of every member. Used by one thread.
class TarValidator {
 public:
  explicit TarValidator(const ArchiveLimits& limits) : limits_(limits) {}

  // The next bytes of the tar. Malformed, NameTooLong.
  Status feed(ByteView bytes);
  // The input ends. Malformed: the tar does not end here.
  Status finish() const;
  // Just behind the two zero blocks that end the tar, or the only one, once finish() is Ok.
  std::uint64_t end_bytes() const { return end_bytes_; }

  bool has_member() const { return !members_.empty(); }
  // The oldest member that has not been taken yet.
  TarMember take_member();

 private:
  enum class State : std::uint8_t { Header, SecondZero, Zeros, Content, Special, SparseMap, SparseList };

  Status block(ByteView block);
  Status header(ByteView block);
  Status special(char kind, std::uint64_t size);
  Status special_ends();
  Status long_name(char kind);
  Status member(ByteView block, char kind, std::uint64_t size);
  Status sparse_map(ByteView block);
  Status sparse_list(ByteView block);
  void skip(std::uint64_t size);

  const ArchiveLimits& limits_;
  State state_ = State::Header;
  std::uint64_t offset_ = 0;     // of the next byte
  std::vector<std::byte> part_;  // of a block that was fed in pieces
  std::uint64_t content_left_ = 0;
  std::uint64_t end_bytes_ = 0;
  bool has_header_ = false;  // any has passed

  bool chained_ = false;           // headers that belong to the next member have passed
  std::uint64_t chain_begin_ = 0;  // where the first of them began
  std::string seen_;               // their kinds
  char special_kind_ = 0;          // the one whose body is passing
  std::uint64_t special_left_ = 0;
  std::vector<std::byte> special_body_;
  PaxFacts pax_;
  std::uint64_t sparse_blocks_ = 0;  // of the current member
  std::deque<TarMember> members_;
};

}  // namespace modelfs
