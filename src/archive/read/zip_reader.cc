#include "archive/read/zip_reader.h"

#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <vector>

#include "archive/read/zip_directory.h"

namespace modelfs {
namespace {

constexpr std::uint16_t kExtraZip64 = 0x0001;
constexpr std::size_t kPieceBytes = 256 << 10;

using Take = std::function<Status(ByteView)>;

Status two_readings(const ZipEntry& entry, std::string_view what) {
  return refuse_member(entry.name, "its local header and the directory differ in its " + std::string(what));
}

// A time of day without a zone, to two seconds; taken as UTC, so that an archive gives the same tree everywhere.
std::int64_t seconds_of(const ZipEntry& entry) {
  if (entry.mtime_s) return *entry.mtime_s;
  namespace chrono = std::chrono;
  const chrono::month month(entry.dos_date >> 5 & 15);
  const auto day = chrono::year(1980 + (entry.dos_date >> 9)) / month / chrono::day(entry.dos_date & 31);
  // Some writers leave it zero, which is no date.
  const auto days = chrono::sys_days(day.ok() ? day : chrono::year(1980) / 1 / 1).time_since_epoch();
  const int hours = entry.dos_time >> 11, minutes = entry.dos_time >> 5 & 63, seconds = (entry.dos_time & 31) * 2;
  return chrono::seconds(days).count() + hours * 3600 + minutes * 60 + seconds;
}

MemberKind kind_of(std::uint32_t mode, bool named_as_directory) {
  switch (mode & S_IFMT) {
    case 0: return named_as_directory ? MemberKind::Directory : MemberKind::Regular;
    case S_IFREG:
    case S_IFIFO: return MemberKind::Regular;  // Info-ZIP notes of a member from its standard input that it is a pipe
    case S_IFDIR: return MemberKind::Directory;
    case S_IFLNK: return MemberKind::Symlink;
    case S_IFCHR:
    case S_IFBLK: return MemberKind::Device;
    case S_IFSOCK: return MemberKind::Socket;
    default: return MemberKind::Other;
  }
}

class Inflater {
 public:
  // Negative: neither header nor trailer. Source: zlib.h, inflateInit2.
  Inflater() : ready_(::inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}
  ~Inflater() {
    if (ready_) ::inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool reset() { return ready_ && ::inflateReset(&stream_) == Z_OK; }
  // Z_OK, Z_STREAM_END, or an error. Takes from `input` what it used; `made` is valid until the next call.
  int step(ByteView& input, ByteView& made) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room_.get());
    stream_.avail_out = kPieceBytes;
    const int answer = ::inflate(&stream_, Z_NO_FLUSH);
    input = input.last(stream_.avail_in);
    made = ByteView(room_.get(), kPieceBytes - stream_.avail_out);
    return answer;
  }

 private:
  z_stream stream_{};
  bool ready_;
  const std::unique_ptr<std::byte[]> room_ = std::make_unique_for_overwrite<std::byte[]>(kPieceBytes);
};

class ZipReader {
 public:
  ZipReader(ArchiveSource& source, const ArchiveLimits& limits, MemberValidator& judge)
      : source_(source), limits_(limits), filled_(limits), judge_(judge), input_(source) {}

  Status run() {
    const auto size = source_.size_bytes();
    if (!size.ok()) return size.status();
    archive_bytes_ = *size;
    const auto directory = find_zip_directory(source_, archive_bytes_);
    if (!directory.ok()) return directory.status();
    directory_ = *directory;
    if (Status status = survey(); !status.ok()) return status;
    ZipEntries entries(source_, directory_);
    while (true) {
      const auto entry = entries.next();
      if (!entry.ok()) return entry.status();
      if (!*entry) return judge_.finish();
      if (Status status = read_member(**entry); !status.ok()) return status;
    }
  }

 private:
  Status survey();
  Status read_member(const ZipEntry& entry);
  Status check_local(const ZipEntry& entry);
  Status check_local_sizes(const ZipEntry& entry, ByteView header, ByteView extra) const;
  Status check_descriptor(const ZipEntry& entry);
  Result<RawMember> translate(const ZipEntry& entry) const;
  Status unpack(const ZipEntry& entry, const Take& take);
  Status copy(const ZipEntry& entry, const Take& take);
  Status inflate(const ZipEntry& entry, const Take& take);

  ArchiveSource& source_;
  const ArchiveLimits& limits_;
  FilledBytes filled_;
  MemberValidator& judge_;
  std::uint64_t archive_bytes_ = 0;
  ZipDirectory directory_;
  std::vector<std::uint64_t> begins_;  // of all local headers, sorted: each member reaches to the next
  BufferedInput input_;                // over the member in hand
  Inflater inflater_;
};

// Checks before anything is unpacked that the members are contiguous, and how large they will be.
Status ZipReader::survey() {
  ZipEntries entries(source_, directory_);
  std::uint64_t unpacked = 0;
  while (true) {
    const auto entry = entries.next();
    if (!entry.ok()) return entry.status();
    if (!*entry) break;
    if (begins_.size() >= limits_.members) {
      return {Code::TooLarge, "the archive holds more than " + std::to_string(limits_.members) + " members"};
    }
    begins_.push_back((*entry)->header_bytes);
    unpacked += std::min((*entry)->unpacked_bytes, ~unpacked);
    if (Status status = check_expansion(limits_, unpacked, archive_bytes_); !status.ok()) return status;
  }
  std::sort(begins_.begin(), begins_.end());
  if (std::adjacent_find(begins_.begin(), begins_.end()) != begins_.end()) {
    return {Code::Malformed, "the zip has members that overlap"};
  }
  const std::uint64_t first = begins_.empty() ? directory_.begin_bytes : begins_.front();
  if (first != 0) return {Code::Malformed, "the zip has " + std::to_string(first) + " bytes before its first member"};
  return {};
}

Status ZipReader::read_member(const ZipEntry& entry) {
  const auto next = std::upper_bound(begins_.begin(), begins_.end(), entry.header_bytes);
  input_.narrow(entry.header_bytes, next == begins_.end() ? directory_.begin_bytes : *next);
  if (Status status = check_local(entry); !status.ok()) return status;
  auto raw = translate(entry);
  if (!raw.ok()) return raw.status();
  std::string target;
  if (raw->kind == MemberKind::Regular) {
    if (Status status = judge_.begin(*raw); !status.ok()) return status;
    std::uint64_t offset = 0;
    const Take write = [&](ByteView bytes) {
      const std::uint64_t at = offset;
      offset += bytes.size();
      return judge_.write(at, bytes);
    };
    if (Status status = unpack(entry, write); !status.ok()) return status;
    return judge_.end(archive_bytes_);
  }
  if (entry.unpacked_bytes > (raw->kind == MemberKind::Symlink ? limits_.path_bytes : 0)) {
    return refuse_member(entry.name, raw->kind == MemberKind::Symlink ? "the symlink's target is too long"
                                                                      : "it is not a file, but has content");
  }
  const Take append = [&](ByteView bytes) {
    target += text_of(bytes);
    return Status();
  };
  if (Status status = unpack(entry, append); !status.ok()) return status;
  raw->link = target;
  return judge_.begin(*raw);
}

Status ZipReader::check_local(const ZipEntry& entry) {
  auto bytes = input_.peek(kZipLocalBytes);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < kZipLocalBytes || zip_u32(*bytes, 0) != kZipLocalSignature) {
    return refuse_member(entry.name, "it has no local header where the directory says, or overlaps with another");
  }
  const std::size_t name_bytes = zip_u16(*bytes, 26), extra_bytes = zip_u16(*bytes, 28);
  const std::size_t size = kZipLocalBytes + name_bytes + extra_bytes;
  bytes = input_.peek(size);
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() < size) return refuse_member(entry.name, "its local header is cut off, or overlaps with another");
  if (text_of(bytes->subspan(kZipLocalBytes, name_bytes)) != entry.name) return two_readings(entry, "name");
  if (zip_u16(*bytes, 6) != entry.flags) return two_readings(entry, "flags");
  if (zip_u16(*bytes, 8) != entry.method) return two_readings(entry, "compression method");
  const ByteView extra = bytes->subspan(kZipLocalBytes + name_bytes, extra_bytes);
  if (Status status = check_local_sizes(entry, *bytes, extra); !status.ok()) return status;
  input_.use(size);
  return {};
}

// Where a descriptor follows the content, the local header may leave hash and sizes to it.
Status ZipReader::check_local_sizes(const ZipEntry& entry, ByteView header, ByteView extra) const {
  const bool later = (entry.flags & kZipDescriptor) != 0;
  const std::uint32_t crc = zip_u32(header, 14);
  if (crc != entry.crc && !(later && crc == 0)) return two_readings(entry, "checksum");
  const auto field = find_zip_extra(extra, kExtraZip64);
  if (!field.ok()) return refuse_member(entry.name, field.status().message());
  const ByteView wide = field->value_or(ByteView());
  Zip64Numbers numbers{{zip_u32(header, 22), zip_u32(header, 18), entry.header_bytes}, 0};
  // Whatever the header says, a zip64 field here holds both sizes.
  if (later && wide.size() >= 16 && numbers.values[0] == 0 && numbers.values[1] == 0) {
    numbers.values[0] = numbers.values[1] = kZip64;
  }
  if (!take_zip64_field(wide, numbers)) return two_readings(entry, "size");
  const auto fits = [&](std::uint64_t says, std::uint64_t expected) {
    return says == expected || (later && says == 0);
  };
  if (!fits(numbers.values[0], entry.unpacked_bytes) || !fits(numbers.values[1], entry.packed_bytes)) {
    return two_readings(entry, "size");
  }
  return {};
}

// What is left of the member has to be its descriptor, or nothing.
Status ZipReader::check_descriptor(const ZipEntry& entry) {
  auto bytes = input_.peek(25);
  if (!bytes.ok()) return bytes.status();
  if ((entry.flags & kZipDescriptor) == 0) {
    if (bytes->empty()) return {};
    return refuse_member(entry.name, "something follows it that belongs to no member");
  }
  ByteView rest = *bytes;
  const bool wide = rest.size() == 20 || rest.size() == 24;
  const bool known = wide || rest.size() == 12 || rest.size() == 16;
  const bool is_signed = rest.size() == 16 || rest.size() == 24;
  if (!known || (is_signed && zip_u32(rest, 0) != kZipDescriptorSignature)) {
    return refuse_member(entry.name, "its data descriptor is missing or damaged");
  }
  if (is_signed) rest = rest.subspan(4);
  const std::uint64_t packed = wide ? zip_u64(rest, 4) : zip_u32(rest, 4);
  const std::uint64_t unpacked = wide ? zip_u64(rest, 12) : zip_u32(rest, 8);
  if (zip_u32(rest, 0) != entry.crc || packed != entry.packed_bytes || unpacked != entry.unpacked_bytes) {
    return refuse_member(entry.name, "its data descriptor and the directory differ");
  }
  return {};
}

Result<RawMember> ZipReader::translate(const ZipEntry& entry) const {
  constexpr std::uint32_t kDosDirectory = 0x10;
  const unsigned system = entry.made_by >> 8;
  const bool unix_made = system == 3 || system == 19;  // Unix, macOS
  const bool named_as_directory = entry.name.ends_with('/');
  const std::uint32_t mode = unix_made ? entry.attributes >> 16 : 0;
  RawMember raw;
  raw.path = entry.name;
  raw.kind = kind_of(mode, named_as_directory);
  raw.mode = mode & 07777;
  if (mode == 0) raw.mode = raw.kind == MemberKind::Directory ? 0755 : 0644;
  raw.mtime_s = seconds_of(entry);
  raw.size_bytes = raw.stored_bytes = entry.unpacked_bytes;
  // Of a Unix writer it is a character, and no reader takes it for more.
  if (!unix_made && entry.name.find('\\') != std::string::npos) {
    return refuse_member(entry.name,
                         "the name has a backslash, which some readers take for '/'; pack it again on Unix");
  }
  const bool attribute = (entry.attributes & kDosDirectory) != 0;
  if ((raw.kind == MemberKind::Directory) != named_as_directory || (attribute && !named_as_directory)) {
    return refuse_member(entry.name, "its name and its attributes differ in whether it is a directory");
  }
  return raw;
}

Status ZipReader::unpack(const ZipEntry& entry, const Take& take) {
  std::uint64_t size = 0;
  uLong crc = ::crc32(0, nullptr, 0);
  const Take checked = [&](ByteView bytes) -> Status {
    size += bytes.size();
    if (size > entry.unpacked_bytes) return refuse_member(entry.name, "it has more bytes than its size says");
    if (Status status = filled_.add(bytes, archive_bytes_); !status.ok()) return status;
    crc = ::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    return take(bytes);
  };
  if (Status status = entry.method == 0 ? copy(entry, checked) : inflate(entry, checked); !status.ok()) return status;
  if (size != entry.unpacked_bytes) return refuse_member(entry.name, "it has fewer bytes than its size says");
  if (crc != entry.crc) return refuse_member(entry.name, "it is damaged: wrong checksum");
  return check_descriptor(entry);
}

Status ZipReader::copy(const ZipEntry& entry, const Take& take) {
  for (std::uint64_t left = entry.packed_bytes; left > 0;) {
    const auto bytes = input_.peek();
    if (!bytes.ok()) return bytes.status();
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes->size()));
    if (size == 0) return refuse_member(entry.name, "it is cut off, or overlaps with another");
    if (Status status = take(bytes->first(size)); !status.ok()) return status;
    input_.use(size);
    left -= size;
  }
  return {};
}

Status ZipReader::inflate(const ZipEntry& entry, const Take& take) {
  if (!inflater_.reset()) return {Code::Internal, "zlib cannot be set up"};
  std::uint64_t left = entry.packed_bytes;
  for (int answer = Z_OK; answer != Z_STREAM_END;) {
    const auto bytes = input_.peek();
    if (!bytes.ok()) return bytes.status();
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes->size()));
    ByteView input = bytes->first(size), made;
    answer = inflater_.step(input, made);
    if (answer != Z_OK && answer != Z_STREAM_END)
      return refuse_member(entry.name, "its deflated content is damaged or cut off");
    if (!made.empty()) {
      if (Status status = take(made); !status.ok()) return status;
    }
    input_.use(size - input.size());
    left -= size - input.size();
  }
  if (left != 0) return refuse_member(entry.name, "its deflated content ends before it should");
  return {};
}

}  // namespace

Status read_zip(ArchiveSource& source, const ArchiveLimits& limits, MemberValidator& judge) {
  return ZipReader(source, limits, judge).run();
}

}  // namespace modelfs
