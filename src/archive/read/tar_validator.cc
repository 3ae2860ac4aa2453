#include "archive/read/tar_validator.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "archive/write/tar_header.h"

namespace modelfs {
namespace {

// Longest pax header. Source: libarchive refuses longer ones, archive_read_support_format_tar.c, read_body_to_string.
constexpr std::uint64_t kPaxBytesMax = 1 << 20;

// Pieces of a sparse file. Why: libarchive keeps a hundred bytes for each.
constexpr std::uint64_t kSparsePiecesMax = 100'000;
constexpr std::uint64_t kPiecesPerBlock = 21;

// Fields of a header. Source: POSIX.1-2017, pax, "ustar Interchange Format"; tar(5) for GNU's.
struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kMode{100, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kTypeflag = 156;
// Whether blocks follow that list more pieces of a sparse file: in GNU's header, and in each such block.
constexpr std::size_t kIsExtended = 482;
constexpr std::size_t kIsExtendedAgain = 504;

bool is_zero(ByteView block) {
  return std::all_of(block.begin(), block.end(), [](std::byte each) { return each == std::byte{0}; });
}

Status malformed(std::uint64_t offset, std::string_view why) {
  return {Code::Malformed, "the tar's block at byte " + std::to_string(offset) + " " + std::string(why)};
}

// A number in GNU's binary form: big-endian two's complement behind a bit that is always set.
Result<std::uint64_t> binary_number(ByteView field, std::uint64_t offset) {
  if (field[0] != std::byte{0x80}) return malformed(offset, "has a negative or absurd number");
  std::uint64_t value = 0;
  for (const std::byte each : field.subspan(1)) {
    if (value >> 55 != 0) return malformed(offset, "has a negative or absurd number");
    value = value << 8 | static_cast<std::uint64_t>(each);
  }
  return value;
}

// Octal digits between spaces, ended by a space, a NUL or the field. An empty field is 0.
Result<std::uint64_t> number(ByteView block, Field where, std::uint64_t offset) {
  const ByteView field = block.subspan(where.offset, where.size);
  if ((field[0] & std::byte{0x80}) != std::byte{0}) return binary_number(field, offset);
  std::string_view text = text_of(field);
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t value = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '7') {
    value = value << 3 | static_cast<std::uint64_t>(text.front() - '0');  // 12 digits at most
    text.remove_prefix(1);
  }
  const std::size_t rest = text.find_first_not_of(std::string_view(" \0", 2));
  if (rest != std::string_view::npos) return malformed(offset, "has a field that is not a number");
  return value;
}

bool checksum_fits(ByteView block, std::uint64_t checksum) {
  std::uint64_t hash = 0;
  std::int64_t signed_sum = 0;  // what some old tars computed
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.size;
    const std::byte each = own ? std::byte{' '} : block[i];
    hash += static_cast<std::uint64_t>(each);
    signed_sum += static_cast<signed char>(each);
  }
  return checksum == hash || static_cast<std::int64_t>(checksum) == signed_sum;
}

// A tar without a header, as programs write it: two zero blocks (bsdtar, Go), or one record of 20 blocks (GNU, Python).
constexpr std::uint64_t kEmptyTarBytes = 2 * kTarBlockBytes;
constexpr std::uint64_t kEmptyRecordBytes = 20 * kTarBlockBytes;

// Why it counts as truncated: its content may still come.
Status nothing_but_zeros() {
  return {Code::Malformed, std::string(kTruncatedArchive) +
                               ": it holds nothing but zeros, as a file whose size was set before its content came"};
}

Status too_many_pieces(std::uint64_t offset) {
  return {Code::TooLarge, "the tar's block at byte " + std::to_string(offset) + " is of a sparse file with more than " +
                              std::to_string(kSparsePiecesMax) + " pieces"};
}

std::uint64_t padded(std::uint64_t size) { return size + tar_padding_bytes(size); }

}  // namespace

bool is_tar_block(ByteView block) {
  if (block.size() != kTarBlockBytes) return false;
  const auto checksum = number(block, kChecksum, 0);
  return is_zero(block) || (checksum.ok() && checksum_fits(block, *checksum));
}

Status TarValidator::feed(ByteView bytes) {
  while (!bytes.empty()) {
    if (state_ == State::Content) {
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), content_left_));
      content_left_ -= size;
      offset_ += size;
      bytes = bytes.subspan(size);
      if (content_left_ == 0) state_ = State::Header;
      continue;
    }
    const std::size_t size = std::min(bytes.size(), kTarBlockBytes - part_.size());
    const ByteView piece = bytes.first(size);
    bytes = bytes.subspan(size);
    if (state_ == State::Zeros) {
      if (!is_zero(piece)) return malformed(offset_, "follows the archive's end: a second archive, or garbage");
      offset_ += size;
      if (!has_header_ && offset_ > kEmptyRecordBytes) return nothing_but_zeros();
      continue;
    }
    if (size < kTarBlockBytes) part_.insert(part_.end(), piece.begin(), piece.end());
    if (size < kTarBlockBytes && part_.size() < kTarBlockBytes) continue;
    if (Status status = block(size < kTarBlockBytes ? ByteView(part_) : piece); !status.ok()) return status;
    part_.clear();
    offset_ += kTarBlockBytes;
  }
  return {};
}

Status TarValidator::finish() const {
  const std::uint64_t size = offset_ + part_.size();
  const bool is_empty = !has_header_ && (state_ == State::Zeros || state_ == State::SecondZero) && is_zero(part_);
  if (is_empty && size != kEmptyTarBytes && size != kEmptyRecordBytes) return nothing_but_zeros();
  // One block alone is what some writers end with, and every reader takes for the end.
  if (state_ == State::Zeros || (state_ == State::SecondZero && is_zero(part_))) return {};
  return {Code::Malformed, std::string(kTruncatedArchive) + ": the tar does not end in zero blocks"};
}

TarMember TarValidator::take_member() {
  const TarMember member = members_.front();
  members_.pop_front();
  return member;
}

Status TarValidator::block(ByteView block) {
  switch (state_) {
    case State::Header: return header(block);
    case State::SecondZero:
      if (!is_zero(block)) return malformed(offset_, "follows a zero block, which ends a tar");
      state_ = State::Zeros;
      end_bytes_ = offset_ + kTarBlockBytes;
      return {};
    case State::Special: {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(special_left_, kTarBlockBytes));
      special_body_.insert(special_body_.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size));
      special_left_ -= size;
      return special_left_ == 0 ? special_ends() : Status();
    }
    case State::SparseMap: return sparse_map(block);
    case State::SparseList: return sparse_list(block);
    case State::Content:
    case State::Zeros: break;  // pass() takes those
  }
  return {};
}

Status TarValidator::header(ByteView block) {
  if (is_zero(block)) {
    if (seen_.find_first_not_of('g') != std::string::npos)
      return malformed(offset_, "ends the tar where a member is due");
    state_ = State::SecondZero;
    end_bytes_ = offset_ + kTarBlockBytes;
    return {};
  }
  has_header_ = true;
  const auto checksum = number(block, kChecksum, offset_);
  if (!checksum.ok()) return checksum.status();
  if (!checksum_fits(block, *checksum)) return malformed(offset_, "is not a header, or a damaged one: wrong checksum");
  for (const Field field : {kMode, kMtime}) {
    const auto checked = number(block, field, offset_);
    // GNU writes times before 1970 in binary, below zero.
    const bool negative_time = field.offset == kMtime.offset && block[kMtime.offset] == std::byte{0xff};
    if (!checked.ok() && !negative_time) return checked.status();
  }
  const auto size = number(block, kSize, offset_);
  if (!size.ok()) return size.status();
  if (!chained_) chain_begin_ = offset_;
  const char kind = static_cast<char>(block[kTypeflag]);
  if (kind == 'x' || kind == 'g' || kind == 'L' || kind == 'K') return special(kind, *size);
  return member(block, kind, *size);
}

// A header whose body is about the next member, or all.
Status TarValidator::special(char kind, std::uint64_t size) {
  const bool pax = kind == 'x' || kind == 'g';
  if (size > (pax ? kPaxBytesMax : limits_.path_bytes + 1)) {
    return {pax ? Code::TooLarge : Code::NameTooLong, "the tar's block at byte " + std::to_string(offset_) +
                                                          " has a header or name of " + std::to_string(size) +
                                                          " bytes, which is too long"};
  }
  if (size == 0) return malformed(offset_, "announces a header or name and has none");
  if (seen_.find(kind) != std::string::npos) return malformed(offset_, "announces the next member a second time");
  chained_ = true;
  seen_ += kind;
  special_kind_ = kind;
  special_left_ = size;
  special_body_.clear();
  state_ = State::Special;
  return {};
}

Status TarValidator::special_ends() {
  state_ = State::Header;
  if (special_kind_ == 'g') return check_global_pax_records(special_body_);
  if (special_kind_ != 'x') return long_name(special_kind_);
  auto facts = read_pax_records(special_body_);
  if (!facts.ok()) return facts.status();
  pax_ = *facts;
  return {};
}

Status TarValidator::long_name(char kind) {
  std::string_view name = text_of(special_body_);
  if (name.ends_with('\0')) name.remove_suffix(1);
  const std::string_view what = kind == 'L' ? "long name" : "long link name";
  if (name.find('\0') != std::string_view::npos)
    return malformed(offset_, "is of a " + std::string(what) + " with a NUL");
  if (name.empty()) return malformed(offset_, "is of an empty " + std::string(what));
  return {};
}

Status TarValidator::member(ByteView block, char kind, std::uint64_t size) {
  const bool file = kind == '0' || kind == '\0' || kind == '7' || kind == 'S';
  if (!file && (kind < '1' || kind > '6')) {
    return malformed(offset_,
                     std::string("is a member of the unknown kind '") + (kind > ' ' && kind < 127 ? kind : '?') + "'");
  }
  if (pax_.has_path && seen_.find('L') != std::string::npos) return malformed(offset_, "is of a member with two names");
  const bool old_sparse = kind == 'S';
  if (old_sparse && pax_.sparse) return malformed(offset_, "is of a member with two lists of holes");
  size = pax_.size_bytes.value_or(size);
  if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() -
                                        2 * static_cast<std::int64_t>(kTarBlockBytes))) {
    return malformed(offset_, "is of a member with an absurd size");
  }
  // Why: of a hard link with a size some readers take the content that follows and some take that for headers.
  if (!file && size != 0) return malformed(offset_, "is of a link, directory or device with content");
  members_.push_back({chain_begin_, size, old_sparse || pax_.sparse, pax_.mtime});
  chained_ = false;
  seen_.clear();
  const bool listed = pax_.sparse_list;
  pax_ = {};
  sparse_blocks_ = 0;
  if (old_sparse && block[kIsExtended] != std::byte{0}) {
    state_ = State::SparseMap;
  } else if (listed) {
    state_ = State::SparseList;
  } else {
    skip(size);
  }
  return {};
}

// GNU's old way: blocks of pieces behind the header.
Status TarValidator::sparse_map(ByteView block) {
  if (++sparse_blocks_ > kSparsePiecesMax / kPiecesPerBlock) return too_many_pieces(offset_);
  if (block[kIsExtendedAgain] == std::byte{0}) skip(members_.back().stored_bytes);
  return {};
}

// GNU's last way: lines of decimal numbers in front of the content, first how many pieces there are.
Status TarValidator::sparse_list(ByteView block) {
  std::uint64_t pieces = 0;
  const std::string_view text = text_of(block);
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), pieces);
  const bool ends = stop != text.data() + text.size() && *stop == '\n';
  const std::uint64_t size = padded(members_.back().stored_bytes);
  if (error != std::errc{} || !ends || size == 0)
    return malformed(offset_, "has no list of the pieces of a sparse file");
  if (pieces > kSparsePiecesMax) return too_many_pieces(offset_);
  skip(size - kTarBlockBytes);
  return {};
}

void TarValidator::skip(std::uint64_t size) {
  content_left_ = padded(size);
  state_ = size == 0 ? State::Header : State::Content;
}

}  // namespace modelfs
