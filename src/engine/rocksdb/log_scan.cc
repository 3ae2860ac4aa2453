#include "engine/rocksdb/log_scan.h"

#include <fcntl.h>

#include <string_view>
#include <vector>

#include "base/file.h"
#include "engine/rocksdb/masked_crc.h"

namespace modelfs {
namespace {

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;        // masked CRC-32C (4), length (2), type (1)
constexpr std::size_t kBatchHeaderBytes = 12;  // sequence of the first change (8), number of changes (4)

enum class Fragment : std::uint8_t { Full = 1, First = 2, Middle = 3, Last = 4 };

// The payload, with its type before it, of the fragment of a record that begins at `at` of a block; nothing where no
// whole one does.
std::optional<std::string_view> fragment_at(std::string_view block, std::size_t at) {
  if (block.size() - at < kHeaderBytes) return std::nullopt;
  const char* const header = block.data() + at;
  const std::size_t length = static_cast<unsigned char>(header[4]) | static_cast<unsigned char>(header[5]) << 8;
  const auto type = static_cast<std::uint8_t>(header[6]);
  const bool is_known =
      type >= static_cast<std::uint8_t>(Fragment::Full) && type <= static_cast<std::uint8_t>(Fragment::Last);
  if (!is_known || block.size() - at - kHeaderBytes < length) return std::nullopt;
  const std::string_view typed = block.substr(at + kHeaderBytes - 1, length + 1);
  if (masked_crc(typed) != load32(header)) return std::nullopt;
  return typed;
}

class Scanner {
 public:
  // Takes the next block of the log. False: no more need be looked at.
  bool take(std::string_view block) {
    std::size_t at = 0;
    if (!scan_.damaged_at) {
      while (block.size() - at >= kHeaderBytes) {
        const auto fragment = fragment_at(block, at);
        if (!fragment || !follow(*fragment, position_ + at)) break;
        at += kHeaderBytes - 1 + fragment->size();
      }
      // The rest of a block that has no room for a header is nothing. At the end of the log it is a header cut short.
      const bool is_trailer = block.size() == kBlockBytes && block.size() - at < kHeaderBytes;
      if (at < block.size() && !is_trailer) scan_.damaged_at = is_open_ ? record_at_ : position_ + at;
      ++at;
    }
    if (scan_.damaged_at) search(block, at);
    position_ += block.size();
    return !scan_.has_more_behind;
  }

  LogScan finish() {
    if (!scan_.damaged_at && is_open_) scan_.damaged_at = record_at_;
    return scan_;
  }

 private:
  // Why byte by byte: the length of what is damaged may be what is damaged.
  void search(std::string_view block, std::size_t from) {
    for (std::size_t at = from; at + kHeaderBytes <= block.size() && !scan_.has_more_behind; ++at) {
      scan_.has_more_behind = fragment_at(block, at).has_value();
    }
  }

  // False: the fragment does not follow the one before it.
  bool follow(std::string_view typed, std::uint64_t at) {
    const auto type = static_cast<Fragment>(typed.front());
    const bool begins = type == Fragment::Full || type == Fragment::First;
    if (begins == is_open_) return false;
    if (begins) {
      batch_header_.clear();
      record_at_ = at;
    }
    batch_header_.append(typed.substr(1, kBatchHeaderBytes - batch_header_.size()));
    is_open_ = type == Fragment::First || type == Fragment::Middle;
    if (is_open_ || batch_header_.size() < kBatchHeaderBytes) return true;
    const std::uint64_t first = load64(batch_header_.data());
    const std::uint32_t count = load32(batch_header_.data() + 8);
    if (count > 0) scan_.last_sequence = first + count - 1;
    return true;
  }

  LogScan scan_;
  std::uint64_t position_ = 0;
  bool is_open_ = false;  // a record has begun and not ended
  std::uint64_t record_at_ = 0;
  std::string batch_header_;
};

}  // namespace

Result<LogScan> scan_log(const std::string& path) {
  const auto file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file.ok()) return file.status();
  std::vector<std::byte> block(kBlockBytes);
  Scanner scanner;
  for (std::uint64_t position = 0;;) {
    const auto got = read_at(file->fd(), position, block);
    if (!got.ok()) return got.status();
    if (!scanner.take({reinterpret_cast<const char*>(block.data()), *got}) || *got < block.size()) break;
    position += *got;
  }
  return scanner.finish();
}

}  // namespace modelfs
