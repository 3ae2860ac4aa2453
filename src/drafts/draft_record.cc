#include "drafts/draft_record.h"

#include "base/codec.h"
#include "catalog/record_version.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kFormat = 1;

// Where the bytes of a file are.
enum class Bytes : std::uint64_t { Own = 0, Blob = 1, StartOfBlob = 2 };

Status damaged(const char* what) { return {Code::Corrupt, std::string("a draft's ") + what + " record is damaged"}; }

Status check_format(std::uint64_t version, const char* what) {
  return check_record_version(std::string("a draft's ") + what + " record", version, kFormat);
}

std::optional<FileType> file_type(std::uint64_t number) {
  if (number < 1 || number > 3) return std::nullopt;
  return static_cast<FileType>(number);
}

}  // namespace

std::string DraftRecord::encode() const {
  Encoder out;
  out.number(kFormat).number(static_cast<std::uint64_t>(type));
  out.number(owner.uid).number(owner.gid).number(owner.mode).number(link_count).number(raw(parent));
  out.signed_number(raw(atime)).signed_number(raw(mtime)).signed_number(raw(ctime)).text(target);
  out.number(static_cast<std::uint64_t>(!blob ? Bytes::Own : borrows_whole() ? Bytes::Blob : Bytes::StartOfBlob));
  if (blob)
    out.number(blob->size_bytes).number(blob->allocated_bytes).digest(blob->hash.digest).fixed32(blob->hash.crc32);
  return out.take();
}

Result<DraftRecord> DraftRecord::decode(std::string_view bytes) {
  Decoder in(bytes);
  if (Status status = check_format(in.number(), "inode"); !status.ok()) return status;
  const auto type = file_type(in.number());
  if (!type) return damaged("inode");
  DraftRecord record;
  record.type = *type;
  record.owner.uid = static_cast<uid_t>(in.number());
  record.owner.gid = static_cast<gid_t>(in.number());
  record.owner.mode = static_cast<std::uint32_t>(in.number());
  record.link_count = static_cast<std::uint32_t>(in.number());
  record.parent = Ino{in.number()};
  record.atime = TimeNs{in.signed_number()};
  record.mtime = TimeNs{in.signed_number()};
  record.ctime = TimeNs{in.signed_number()};
  record.target = in.text();
  const auto whose = static_cast<Bytes>(in.number());
  if (whose != Bytes::Own) {
    BlobBytes& blob = record.blob.emplace();
    blob.size_bytes = in.number();
    blob.allocated_bytes = in.number();
    blob.hash.digest = in.digest();
    blob.hash.crc32 = in.fixed32();
    blob.is_whole = whose == Bytes::Blob;
  }
  if (!in.finished() || whose > Bytes::StartOfBlob) return damaged("inode");
  return record;
}

timespec to_timespec(TimeNs time) {
  std::int64_t seconds = raw(time) / 1'000'000'000;
  std::int64_t rest = raw(time) % 1'000'000'000;
  if (rest < 0) {  // before 1970
    rest += 1'000'000'000;
    --seconds;
  }
  return {seconds, rest};
}

std::string DraftHash::encode() const {
  Encoder out;
  out.number(kFormat).number(size_bytes).digest(hash.digest).fixed32(hash.crc32).number(damaged ? 1 : 0);
  return out.take();
}

Result<DraftHash> DraftHash::decode(std::string_view bytes) {
  Decoder in(bytes);
  DraftHash record;
  if (Status status = check_format(in.number(), "sum"); !status.ok()) return status;
  record.size_bytes = in.number();
  record.hash.digest = in.digest();
  record.hash.crc32 = in.fixed32();
  record.damaged = in.number() == 1;
  if (!in.finished()) return modelfs::damaged("sum");
  return record;
}

std::string DraftEntry::encode() const {
  Encoder out;
  out.number(kFormat).number(raw(ino)).number(static_cast<std::uint64_t>(type));
  return out.take();
}

Result<DraftEntry> DraftEntry::decode(std::string_view bytes) {
  Decoder in(bytes);
  if (Status status = check_format(in.number(), "name"); !status.ok()) return status;
  DraftEntry entry;
  entry.ino = Ino{in.number()};
  const auto type = file_type(in.number());
  if (!type || !in.finished()) return damaged("name");
  entry.type = *type;
  return entry;
}

}  // namespace modelfs
