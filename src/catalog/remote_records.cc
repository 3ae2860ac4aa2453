#include "catalog/remote_records.h"

#include "catalog/record_fields.h"
#include "catalog/record_version.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kRemoteFormatVersion = 1;

constexpr auto kLocationFields = [](auto& record, auto& fields) {
  fields(record.object, record.offset_bytes, record.size_bytes, record.crc32, record.chunk_bytes, record.chunks);
};

constexpr auto kWriterFields = [](auto& record, auto& fields) {
  fields(record.store_id, record.host, record.start_id, record.since);
};

constexpr auto kPositionFields = [](auto& record, auto& fields) {
  fields(record.registry_id, record.next_slot, record.chain, record.writer);
};

template <class Record, class ListFields>
std::string remote_encoded(const Record& record, ListFields list_fields) {
  FieldWriter writer;
  writer(kRemoteFormatVersion);
  list_fields(record, writer);
  return writer.take();
}

template <class Record, class ListFields>
Result<Record> remote_decoded(const char* what, std::string_view bytes, ListFields list_fields) {
  Decoder first(bytes);
  const std::uint64_t version = first.number();
  if (first.failed()) return Status(Code::Corrupt, std::string(what) + ": it is cut off");
  if (Status status = check_record_version(what, version, kRemoteFormatVersion); !status.ok()) return status;
  Record record;
  FieldReader reader(bytes);
  std::uint64_t skipped = 0;
  reader(skipped);
  list_fields(record, reader);
  if (!reader.finished()) return Status(Code::Corrupt, std::string(what) + ": its fields are damaged");
  return record;
}

}  // namespace

std::string LocationRecord::encode() const { return remote_encoded(*this, kLocationFields); }
Result<LocationRecord> LocationRecord::decode(std::string_view bytes) {
  return remote_decoded<LocationRecord>("location record", bytes, kLocationFields);
}

std::string WriterRecord::encode() const { return remote_encoded(*this, kWriterFields); }
Result<WriterRecord> WriterRecord::decode(std::string_view bytes) {
  return remote_decoded<WriterRecord>("writer record", bytes, kWriterFields);
}

std::string PositionRecord::encode() const { return remote_encoded(*this, kPositionFields); }
Result<PositionRecord> PositionRecord::decode(std::string_view bytes) {
  return remote_decoded<PositionRecord>("position record", bytes, kPositionFields);
}

}  // namespace modelfs
