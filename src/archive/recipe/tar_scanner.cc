#include "archive/recipe/tar_scanner.h"

#include <algorithm>
#include <optional>

#include "archive/pax_records.h"
#include "archive/write/tar_header.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kExtensionBytesMax = 1024 * 1024;

constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeBytes = 12;
constexpr std::size_t kChecksumAt = 148;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kTypeAt = 156;

// Octal digits among blanks and NULs; or, when the first bit is set, big-endian (GNU).
std::uint64_t number_in(std::string_view field) {
  std::uint64_t number = 0;
  if ((static_cast<unsigned char>(field.front()) & 0x80) != 0) {
    for (const char byte : field.substr(field.size() - 8)) number = number << 8 | static_cast<unsigned char>(byte);
    return number;
  }
  for (const char digit : field) {
    if (digit >= '0' && digit <= '7') number = number * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

bool has_right_checksum(std::string_view block) {
  std::uint64_t sum = kChecksumBytes * ' ';
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (i < kChecksumAt || i >= kChecksumAt + kChecksumBytes) sum += static_cast<unsigned char>(block[i]);
  }
  return number_in(block.substr(kChecksumAt, kChecksumBytes)) == sum;
}

// The size that pax records give the next member.
std::optional<std::uint64_t> size_in(std::string_view records) {
  const auto facts = read_pax_records(bytes_of(records));
  return facts.ok() ? facts->size_bytes : std::nullopt;
}

bool is_extension(char type) { return type == 'x' || type == 'g' || type == 'L' || type == 'K'; }

// Links, devices, directories and pipes: whatever their size field says, nothing follows.
bool has_no_bytes(char type) { return type >= '1' && type <= '6'; }

}  // namespace

Status TarWalk::add(ByteView bytes) {
  while (!bytes.empty()) {
    if (builder_.packed_bytes() > kPackedBytesMax) return no_recipe("too many bytes belong to no member");
    Status status = state_ == State::Header ? take_header(bytes) : take_run(bytes);
    if (!status.ok()) return status;
  }
  return {};
}

Status TarWalk::take_header(ByteView& bytes) {
  const std::size_t count = std::min<std::size_t>(bytes.size(), kTarBlockBytes - block_.size());
  block_ += text_of(bytes.first(count));
  bytes = bytes.subspan(count);
  return block_.size() < kTarBlockBytes ? Status() : on_header();
}

Status TarWalk::on_header() {
  const std::string block = std::exchange(block_, {});
  keep(bytes_of(block));
  if (!has_right_checksum(block)) {  // the end, which is zeros, or something unknown
    state_ = State::Rest;
    return {};
  }
  const char type = block[kTypeAt];
  size_ = number_in(std::string_view(block).substr(kSizeAt, kSizeBytes));
  if (is_extension(type)) {
    if (size_ > kExtensionBytesMax) return no_recipe("a huge header");
    state_ = State::Extension;
    is_pax_ = type == 'x';
  } else {
    size_ = has_no_bytes(type) ? 0 : size_in(pax_).value_or(size_);
    pax_.clear();
    if (!members_.may_hold(size_)) return no_recipe("a file that is not among the members");
    state_ = State::Member;
  }
  left_ = size_;
  if (left_ == 0) state_ = State::Header;
  return {};
}

Status TarWalk::take_run(ByteView& bytes) {
  const ByteView run = state_ == State::Rest ? bytes : bytes.first(std::min<std::uint64_t>(bytes.size(), left_));
  bytes = bytes.subspan(run.size());
  if (state_ == State::Member) {
    hasher_.add(run);
    if (size_ <= kForeignBytesMax) small_ += text_of(run);
  } else {
    keep(run);
    if (state_ == State::Extension && is_pax_) pax_ += text_of(run);
  }
  if (state_ == State::Rest) return {};
  left_ -= run.size();
  if (left_ > 0) return {};
  Status status = state_ == State::Member ? on_member_end() : Status();
  end_run();
  return status;
}

Status TarWalk::on_member_end() {
  const auto content = members_.content_of(hasher_.finish().digest);
  if (content) {
    builder_.add_content(*content, size_);
  } else if (size_ <= kForeignBytesMax) {
    keep(bytes_of(small_));
  } else {
    return no_recipe("a file that is not among the members");
  }
  small_.clear();
  return {};
}

// A member's or an extension's bytes are followed by padding, the padding by a header.
void TarWalk::end_run() {
  const bool is_padding = state_ == State::Padding;
  left_ = is_padding ? 0 : tar_padding_bytes(size_);
  state_ = left_ == 0 ? State::Header : State::Padding;
}

Status TarWalk::finish() {
  keep(bytes_of(std::exchange(block_, {})));
  return state_ == State::Member ? no_recipe("the tar ends within a file") : Status();
}

}  // namespace modelfs
