#include "archive/read/buffered_input.h"

#include <algorithm>
#include <cstring>

namespace modelfs {

void BufferedInput::narrow(std::uint64_t begin_bytes, std::uint64_t end_bytes) {
  begin_ = end_ = 0;
  offset_ = std::min(begin_bytes, end_bytes);
  limit_ = end_bytes;
  at_end_ = offset_ == limit_;
}

Status BufferedInput::read_on() {
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const std::size_t room = offset_ == 0 ? kFirstBytes : kBytes - end_;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room, limit_ - offset_));
  const auto got = source_.read_at(offset_, ByteSpan(buffer_.get() + end_, wanted));
  if (!got.ok()) return got.status();
  at_end_ = *got < wanted || offset_ + *got == limit_;
  offset_ += *got;
  end_ += *got;
  return {};
}

Result<ByteView> BufferedInput::peek() { return peek(1); }

Result<ByteView> BufferedInput::peek(std::size_t count) {
  while (end_ - begin_ < count && !at_end_) {
    if (Status status = read_on(); !status.ok()) return status;
  }
  return ByteView(buffer_.get() + begin_, end_ - begin_);
}

void BufferedInput::use(std::size_t count) { begin_ += count; }

Status BufferedInput::expect_zeros() {
  while (true) {
    const auto bytes = peek();
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) return {};
    if (std::any_of(bytes->begin(), bytes->end(), [](std::byte each) { return each != std::byte{0}; })) {
      return {Code::Malformed, "something follows the end of the archive"};
    }
    use(bytes->size());
  }
}

}  // namespace modelfs
