#include "archive/read/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>

#include "archive/read/tar_validator.h"
#include "base/names.h"

namespace modelfs {
namespace {

// Why: libarchive converts the names of pax headers to the character set of the thread's locale, and normalises them if
// that is UTF-8. In "C" it cannot convert what is not ASCII, says so, and leaves the bytes as they are.
class CLocale {
 public:
  CLocale()
      : own_(::newlocale(LC_ALL_MASK, "C", locale_t{})), before_(own_ != locale_t{} ? ::uselocale(own_) : locale_t{}) {}
  ~CLocale() {
    if (own_ == locale_t{}) return;
    ::uselocale(before_);
    ::freelocale(own_);
  }
  CLocale(const CLocale&) = delete;
  CLocale& operator=(const CLocale&) = delete;

 private:
  const locale_t own_;
  const locale_t before_;
};

struct FreeArchive {
  void operator()(struct archive* archive) const { ::archive_read_free(archive); }
};

MemberKind kind_of(struct archive_entry* entry) {
  if (::archive_entry_hardlink(entry) != nullptr) return MemberKind::HardLink;
  switch (::archive_entry_filetype(entry)) {
    case AE_IFREG: return MemberKind::Regular;
    case AE_IFDIR: return MemberKind::Directory;
    case AE_IFLNK: return MemberKind::Symlink;
    case AE_IFCHR:
    case AE_IFBLK: return MemberKind::Device;
    case AE_IFIFO: return MemberKind::Fifo;
    case AE_IFSOCK: return MemberKind::Socket;
    default: return MemberKind::Other;
  }
}

std::string_view text_or_empty(const char* text) {
  return text != nullptr ? std::string_view(text) : std::string_view();
}

class TarReader {
 public:
  TarReader(DecompressionThread& stream, const ArchiveLimits& limits, MemberValidator& judge)
      : stream_(stream), gate_(limits), judge_(judge), archive_(::archive_read_new()) {}

  Status run() {
    if (archive_ == nullptr || ::archive_read_support_format_tar(archive_.get()) != ARCHIVE_OK) return out_of_memory();
    if (::archive_read_open(archive_.get(), this, nullptr, &TarReader::feed, nullptr) != ARCHIVE_OK) return failure();
    while (true) {
      struct archive_entry* entry = nullptr;
      const int answer = ::archive_read_next_header(archive_.get(), &entry);
      if (answer == ARCHIVE_EOF) break;
      if (answer == ARCHIVE_WARN ? !is_about_a_character_set() : answer != ARCHIVE_OK) return failure();
      if (Status status = read_member(entry); !status.ok()) return status;
    }
    return read_tail();
  }

 private:
  static la_ssize_t feed(struct archive* archive, void* self, const void** buffer) {
    return static_cast<TarReader*>(self)->feed(archive, buffer);
  }

  la_ssize_t feed(struct archive* archive, const void** buffer) {
    const auto bytes = stream_.next();
    fed_ = bytes.status();
    if (fed_.ok()) fed_ = gate_.feed(*bytes);
    if (fed_.ok() && bytes->empty()) fed_ = gate_.finish();
    if (!fed_.ok()) {
      ::archive_set_error(archive, EIO, "%s", "the stream was refused");
      return -1;
    }
    *buffer = bytes->data();
    return static_cast<la_ssize_t>(bytes->size());
  }

  // Why the stream's error first: it is the cause of libarchive's.
  Status failure() const {
    if (!fed_.ok()) return fed_;
    if (::archive_errno(archive_.get()) == ENOMEM) return out_of_memory();
    return {Code::Malformed, "the tar is damaged: " + printable(text_or_empty(::archive_error_string(archive_.get())))};
  }
  static Status out_of_memory() { return {Code::Internal, "no memory to read the archive with"}; }

  // The one warning that refuses nothing, because the validator checks the original bytes.
  bool is_about_a_character_set() const {
    return text_or_empty(::archive_error_string(archive_.get())).find("can't be converted from") !=
           std::string_view::npos;
  }

  // Those that a draft can have.
  static std::vector<MemberAttribute> attributes_of(struct archive_entry* entry) {
    std::vector<MemberAttribute> found;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    ::archive_entry_xattr_reset(entry);
    while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      const std::string_view text = text_or_empty(name);
      if (!text.starts_with("user.") || text.starts_with("user.modelfs.")) continue;
      found.push_back({std::string(text), std::string(static_cast<const char*>(value), size)});
    }
    return found;
  }

  Status read_member(struct archive_entry* entry) {
    const std::string_view path = text_or_empty(::archive_entry_pathname(entry));
    RawMember raw;
    raw.path = path;
    raw.kind = kind_of(entry);
    raw.mode = ::archive_entry_perm(entry) & 07777;
    raw.mtime_s = ::archive_entry_mtime(entry);
    raw.mtime_ns = ::archive_entry_mtime_nsec(entry);
    raw.attributes = attributes_of(entry);
    if (raw.kind == MemberKind::Symlink) raw.link = text_or_empty(::archive_entry_symlink(entry));
    if (raw.kind == MemberKind::HardLink) raw.link = text_or_empty(::archive_entry_hardlink(entry));
    const auto size = raw.kind == MemberKind::Regular ? ::archive_entry_size(entry) : 0;
    if (size < 0) return refuse_member(path, "its size is negative");
    raw.size_bytes = static_cast<std::uint64_t>(size);
    // What the validator read of the same member.
    const auto begin = static_cast<std::uint64_t>(::archive_read_header_position(archive_.get()));
    if (!gate_.has_member()) return two_readings(path);
    const TarMember seen = gate_.take_member();
    if (seen.mtime) {  // Why not libarchive's: it adds the fraction of a negative time instead of subtracting it
      raw.mtime_s = seen.mtime->seconds;
      raw.mtime_ns = seen.mtime->nanoseconds;
    }
    if (seen.begin_bytes != begin || (!seen.sparse && seen.stored_bytes != raw.size_bytes)) return two_readings(path);
    raw.stored_bytes = seen.stored_bytes;
    if (Status status = judge_.begin(raw); !status.ok()) return status;
    return raw.kind == MemberKind::Regular ? read_content(std::string(path), seen, raw.size_bytes) : Status();
  }

  static Status two_readings(std::string_view path) { return refuse_member(path, "the tar is ambiguous here"); }

  Status read_content(const std::string& path, const TarMember& seen, std::uint64_t size_bytes) {
    std::uint64_t next = 0;
    while (true) {
      const void* buffer = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int answer = ::archive_read_data_block(archive_.get(), &buffer, &size, &offset);
      if (answer == ARCHIVE_EOF) break;
      if (answer != ARCHIVE_OK) return failure();
      if (size == 0) continue;
      if (offset < 0 || (!seen.sparse && static_cast<std::uint64_t>(offset) != next)) return two_readings(path);
      const ByteView bytes(static_cast<const std::byte*>(buffer), size);
      if (Status status = judge_.write(static_cast<std::uint64_t>(offset), bytes); !status.ok()) return status;
      next = static_cast<std::uint64_t>(offset) + size;
    }
    if (!seen.sparse && next != size_bytes) return two_readings(path);
    return judge_.end(stream_.packed_bytes());
  }

  // libarchive sees an end; the validator must see the same one, and nothing behind it.
  // What the members are is known by then, whatever follows.
  Status read_tail() {
    if (Status status = judge_.finish(); !status.ok()) return status;
    const auto end = static_cast<std::uint64_t>(::archive_filter_bytes(archive_.get(), 0));
    while (true) {
      const auto bytes = stream_.next();
      if (!bytes.ok()) return bytes.status();
      if (bytes->empty()) break;
      if (Status status = gate_.feed(*bytes); !status.ok()) return status;
    }
    if (Status status = gate_.finish(); !status.ok()) return status;
    if (gate_.has_member() || gate_.end_bytes() != end) {
      return {Code::Malformed, "the tar is ambiguous at its end, byte " + std::to_string(end)};
    }
    return {};
  }

  DecompressionThread& stream_;
  TarValidator gate_;
  MemberValidator& judge_;
  Status fed_;  // why the stream gave no more
  const CLocale locale_;
  const std::unique_ptr<struct archive, FreeArchive> archive_;
};

}  // namespace

Status read_tar(DecompressionThread& stream, const ArchiveLimits& limits, MemberValidator& judge) {
  return TarReader(stream, limits, judge).run();
}

}  // namespace modelfs
