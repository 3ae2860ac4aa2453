#include "engine/rocksdb/large_value_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/file.h"
#include "engine/rocksdb/masked_crc.h"

namespace modelfs {
namespace {

// Magic number, version 1; then zeroes for the column family, flags, compression and times of expiry, which are not
// used here.
constexpr std::string_view kFileHeader("\x37\x8f\x24\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 30);
constexpr std::size_t kRecordHeaderBytes = 32;  // key's and value's lengths, expiration (8 each); both checksums
constexpr std::size_t kFooterBytes = 32;        // the last 4 are its checksum
constexpr std::size_t kReadBytes = 1 << 20;

class LargeValueFile {
 public:
  LargeValueFile(const File& file, std::uint64_t size_bytes) : file_(file), size_bytes_(size_bytes) {}

  Status check() {
    if (size_bytes_ < kFileHeader.size() + kFooterBytes) return damaged();
    const auto header = read(at_, kFileHeader.size());
    if (!header.ok()) return header.status();
    if (*header != kFileHeader) return damaged();
    at_ += header->size();
    while (at_ < size_bytes_ - kFooterBytes) {
      if (Status status = check_record(); !status.ok()) return status;
    }
    const auto footer = read(at_, kFooterBytes);
    if (!footer.ok()) return footer.status();
    return masked_crc(footer->substr(0, kFooterBytes - 4)) == load32(footer->data() + kFooterBytes - 4) ? Status()
                                                                                                        : damaged();
  }

 private:
  Status damaged() const { return {Code::Corrupt, "byte " + std::to_string(at_) + " and what follows"}; }

  Result<std::string_view> read(std::uint64_t offset, std::size_t count) {
    const auto got = read_at(file_.fd(), offset, ByteSpan(buffer_).first(count));
    if (!got.ok()) return got.status();
    if (*got < count) return damaged();
    return std::string_view(reinterpret_cast<const char*>(buffer_.data()), count);
  }

  Status check_record() {
    const auto header = read(at_, kRecordHeaderBytes);
    if (!header.ok()) return header.status();
    if (masked_crc(header->substr(0, 24)) != load32(header->data() + 24)) return damaged();
    const std::uint64_t key_bytes = load64(header->data());
    const std::uint64_t value_bytes = load64(header->data() + 8);
    const std::uint32_t hash = load32(header->data() + 28);
    const std::uint64_t room = size_bytes_ - kFooterBytes - at_ -
                               std::min<std::uint64_t>(kRecordHeaderBytes, size_bytes_ - kFooterBytes - at_);
    if (key_bytes > room || value_bytes > room - key_bytes) return damaged();
    MaskedCrc crc;
    const std::uint64_t end = at_ + kRecordHeaderBytes + key_bytes + value_bytes;
    for (std::uint64_t offset = at_ + kRecordHeaderBytes; offset < end;) {
      const auto bytes = read(offset, std::min<std::uint64_t>(kReadBytes, end - offset));
      if (!bytes.ok()) return bytes.status();
      crc.add(*bytes);
      offset += bytes->size();
    }
    if (crc.finish() != hash) return damaged();
    at_ = end;
    return {};
  }

  const File& file_;
  const std::uint64_t size_bytes_;
  std::uint64_t at_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kReadBytes);
};

}  // namespace

Status check_large_value_file(const std::string& path) {
  const auto file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file.ok()) return file.status();
  struct stat info {};
  if (::fstat(file->fd(), &info) != 0) return Status::from_errno(errno, "stat " + path);
  return LargeValueFile(*file, static_cast<std::uint64_t>(info.st_size)).check();
}

}  // namespace modelfs
