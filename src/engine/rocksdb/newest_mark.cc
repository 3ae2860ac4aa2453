#include "engine/rocksdb/newest_mark.h"

#include <fcntl.h>

#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>

#include "base/digest.h"
#include "base/log.h"

namespace modelfs {
namespace {

// "commit 00000000000000000042 boot <UUID> crc32 0123abcd\n": always as long, so that it is written over itself.
constexpr std::string_view kCommitWord = "commit ";
constexpr std::string_view kBootWord = " boot ";
constexpr std::string_view kSumWord = " crc32 ";
constexpr std::size_t kSequenceDigits = 20;
constexpr std::size_t kBootIdBytes = 36;
constexpr std::size_t kSumDigits = 8;
constexpr std::size_t kFactsBytes = kCommitWord.size() + kSequenceDigits + kBootWord.size() + kBootIdBytes;
constexpr std::size_t kMarkBytes = kFactsBytes + kSumWord.size() + kSumDigits + 1;

std::string this_boot() {
  const auto file = open_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY);
  if (!file.ok()) return "";
  const auto text = read_all(file->fd(), 128);
  return text.ok() && text->size() >= kBootIdBytes ? text->substr(0, kBootIdBytes) : "";
}

std::string encode(const NewestMark::Mark& mark) {
  std::array<char, kSequenceDigits + 1> number{};
  std::snprintf(number.data(), number.size(), "%020" PRIu64, mark.sequence);
  std::string text = std::string(kCommitWord) + number.data() + std::string(kBootWord) + mark.boot_id;
  std::array<char, kSumDigits + 1> hash{};
  std::snprintf(hash.data(), hash.size(), "%08" PRIx32, hash_of(bytes_of(text)).crc32);
  return text + std::string(kSumWord) + hash.data() + "\n";
}

std::optional<NewestMark::Mark> decode(const std::string& text) {
  if (text.size() != kMarkBytes) return std::nullopt;
  NewestMark::Mark mark;
  const char* const digits = text.data() + kCommitWord.size();
  if (std::from_chars(digits, digits + kSequenceDigits, mark.sequence).ptr != digits + kSequenceDigits) {
    return std::nullopt;
  }
  mark.boot_id = text.substr(kCommitWord.size() + kSequenceDigits + kBootWord.size(), kBootIdBytes);
  if (encode(mark) != text) return std::nullopt;
  return mark;
}

}  // namespace

NewestMark::NewestMark(int store_directory, Access access) : boot_id_(this_boot()) {
  const MutexLock lock(mutex_);
  auto file = access == Access::ReadWrite ? open_at(store_directory, kNewestName, O_RDWR | O_CREAT, 0600)
                                          : Result<File>(Status(Code::Immutable, "read-only"));
  if (file.ok()) {
    file_ = *std::move(file);
  } else {
    // A store that can only be read.
    file = open_at(store_directory, kNewestName, O_RDONLY);
    if (!file.ok()) return;
  }
  const auto text = read_all(file_.valid() ? file_.fd() : file->fd(), kMarkBytes);
  if (!text.ok() || text->empty()) return;
  last_ = decode(*text);
  if (!last_)
    log::warn("{} of the store is damaged: this time it cannot be checked whether the catalog has lost commits",
              kNewestName);
}

NewestMark::~NewestMark() {
  const MutexLock lock(mutex_);
  // If it fails, the mark may be behind after power loss.
  if (is_written_) (void)sync_file(file_.fd(), kNewestName);
}

std::optional<NewestMark::Mark> NewestMark::last() const {
  const MutexLock lock(mutex_);
  return last_;
}

bool NewestMark::is_of_this_boot() const {
  const MutexLock lock(mutex_);
  return last_ && !boot_id_.empty() && last_->boot_id == boot_id_;
}

void NewestMark::advance(std::uint64_t sequence) {
  const MutexLock lock(mutex_);
  if (!file_.valid() || boot_id_.empty() || (is_written_ && sequence <= last_->sequence)) return;
  Mark mark{sequence, boot_id_};
  // If it fails, the mark is behind.
  if (!write_at(file_.fd(), 0, bytes_of(encode(mark))).ok()) return;
  last_ = std::move(mark);
  is_written_ = true;
}

}  // namespace modelfs
