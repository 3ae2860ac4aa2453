#include "replica/remote_bytes.h"

#include <algorithm>

#include "base/log.h"

namespace modelfs {

Result<std::size_t> RemoteBytes::ask(const std::string& object, std::uint64_t offset_bytes, ByteSpan into,
                                     std::chrono::milliseconds patience) {
  ++requests_;
  auto got = remote_.get(object, offset_bytes, into, std::chrono::steady_clock::now() + patience);
  if (!got.ok()) {
    ++failures_;
    return got;
  }
  bytes_ += *got;
  last_success_ = std::chrono::steady_clock::now();
  return got;
}

Result<std::size_t> RemoteBytes::read_up_to(const std::string& object, std::uint64_t offset_bytes, ByteSpan into) {
  const bool is_large = into.size() > kSlowBytes;
  // Why most of the time for the whole: requests cost as much as the bytes of many kibibytes.
  if (!is_large || !is_slow_) {
    const auto whole = ask(object, offset_bytes, into, is_large ? deadline_ * 6 / 10 : deadline_);
    if (whole.code() != Code::Unavailable || !is_large) return whole;
  }
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t count = std::min(kSlowBytes, into.size() - done);
    const auto part =
        ask(object, offset_bytes + done, into.subspan(done, count), is_slow_ ? deadline_ : deadline_ * 4 / 10);
    if (!part.ok()) {
      is_slow_ = false;  // dead, for now: the next one asks for the whole again
      return part;
    }
    is_slow_ = true;
    done += *part;
    if (*part < count) break;
  }
  is_slow_ = false;  // perhaps it was only busy
  return done;
}

Result<std::size_t> RemoteBytes::read_some(const std::string& object, ByteSpan into) {
  return read_up_to(object, 0, into);
}

Status RemoteBytes::read(const std::string& object, std::uint64_t offset_bytes, ByteSpan into) {
  const auto got = read_up_to(object, offset_bytes, into);
  if (!got.ok()) return got.status();
  if (*got == into.size()) return {};
  ++wrong_;
  return {Code::Corrupt, name_of(object) + " has lost its end"};
}

Status RemoteBytes::read_checked(const std::string& object, std::uint64_t offset_bytes, ByteSpan into,
                                 const Digest& digest) {
  return read_checked(object, offset_bytes, into, [&digest]() -> Result<Digest> { return digest; });
}

Status RemoteBytes::read_checked(const std::string& object, std::uint64_t offset_bytes, ByteSpan into,
                                 const std::function<Result<Digest>()>& digest) {
  for (int tries = 0;; ++tries) {
    Status status = read(object, offset_bytes, into);
    if (status.ok()) {
      const auto right = digest();
      if (!right.ok()) return right.status();
      if (sha256_of(into) == *right) return {};
      ++wrong_;
      status = Status(Code::Corrupt, name_of(object) +
                                         " does not hold the bytes that were published; `modelfs verify "
                                         "--remote` lists the affected files");
    }
    if (status.code() != Code::Corrupt || tries > 0) return status;
    log::warn("{}; asked for once more", status.message());
  }
}

}  // namespace modelfs
