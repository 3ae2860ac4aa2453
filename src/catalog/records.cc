#include "catalog/records.h"

#include <type_traits>

#include "catalog/record_fields.h"
#include "catalog/record_version.h"

namespace modelfs {
namespace {

// The version that a record is written in: it rises when its fields change.
template <class Record>
constexpr std::uint64_t format_version() {
  return 1;
}
template <>
constexpr std::uint64_t format_version<PlacementRecord>() {
  return PlacementRecord::kFormatVersion;
}
template <>
constexpr std::uint64_t format_version<ArchiveRecord>() {
  return ArchiveRecord::kFormatVersion;
}
template <>
constexpr std::uint64_t format_version<HistoryRecord>() {
  return HistoryRecord::kFormatVersion;
}
// The oldest version that is read: it has the first fields of the newest.
template <class Record>
constexpr std::uint64_t oldest_version() {
  return format_version<Record>();
}
template <>
constexpr std::uint64_t oldest_version<ArchiveRecord>() {
  return 1;
}
template <>
constexpr std::uint64_t oldest_version<HistoryRecord>() {
  return 1;
}

// What holds of every record, beyond its fields.
template <class Record>
bool is_possible(const Record&) {
  return true;
}
bool is_possible(const HistoryRecord& record) {
  return record.operation >= Operation::CreateDomain && record.operation <= Operation::ClearState;
}
bool is_possible(const PlacementRecord& record) {
  return record.kind >= PlacementRecord::Kind::Archive && record.kind <= PlacementRecord::Kind::File;
}
bool is_possible(const ArchiveRecord& record) {
  return record.kept >= ArchiveRecord::Kept::Original && record.kept <= ArchiveRecord::Kept::Recipe;
}
bool is_possible(const BlobRecord& record) {
  if (!record.is_inline) return record.bytes.empty();
  return record.bytes.size() == record.size_bytes && record.size_bytes <= kInlineBlobBytesMax;
}

// `version`: of the bytes; fields that came later are not in older ones.
template <class ListFields, class Record, class Fields>
void list(ListFields list_fields, Record& record, Fields& fields, std::uint64_t version) {
  if constexpr (std::is_invocable_v<ListFields, Record&, Fields&, std::uint64_t>) {
    list_fields(record, fields, version);
  } else {
    list_fields(record, fields);
  }
}

template <class Record, class ListFields>
std::string encoded(const Record& record, ListFields list_fields) {
  FieldWriter writer;
  writer(format_version<Record>());
  list(list_fields, record, writer, format_version<Record>());
  return writer.take();
}

// `kind` names the record for people, e.g. "release record".
template <class Record, class ListFields>
Result<Record> decoded(std::string_view kind, std::string_view bytes, ListFields list_fields) {
  FieldReader reader(bytes);
  std::uint64_t version = 0;
  reader(version);
  // Why checked first: the fields of another version mean nothing to us.
  const bool is_older = version >= oldest_version<Record>() && version < format_version<Record>();
  if (Status status = check_record_version(kind, version, format_version<Record>());
      !bytes.empty() && !is_older && !status.ok()) {
    return status;
  }
  Record record;
  list(list_fields, record, reader, version);
  if (!reader.finished() || !is_possible(record)) {
    return Status(Code::Corrupt, std::string(kind) + ": its " + std::to_string(bytes.size()) + " bytes do not decode");
  }
  return record;
}

constexpr auto kDomainFields = [](auto& record, auto& fields) {
  fields(record.ino, record.stage, record.owner, record.created, record.changed, record.status_changed, record.last);
};

constexpr auto kReleaseFields = [](auto& record, auto& fields) {
  fields(record.version, record.model_id, record.sequence, record.ino, record.faces, record.digest, record.manifest,
         record.published, record.changed, record.last_generation, record.takes_generations, record.metadata_given,
         record.file_count, record.total_bytes, record.uid, record.published_by, record.program, record.archive_suffix);
};

constexpr auto kGenerationFields = [](auto& record, auto& fields) {
  fields(record.number, record.sequence, record.ino, record.faces, record.digest, record.manifest, record.published,
         record.metadata_given, record.file_count, record.total_bytes, record.uid, record.published_by,
         record.archive_suffix);
};

constexpr auto kLabelFields = [](auto& record, auto& fields) {
  fields(record.version, record.ino, record.sequence, record.changed, record.uid);
};

constexpr auto kTombstoneFields = [](auto& record, auto& fields) {
  fields(record.sequence, record.digest, record.removed, record.model_id, record.release, record.faces,
         record.metadata_given, record.is_forgotten);
};

constexpr auto kPlacementFields = [](auto& record, auto& fields) {
  fields(record.kind, record.domain, record.version, record.sequence, record.release);
};

constexpr auto kHistoryFields = [](auto& record, auto& fields, std::uint64_t version) {
  fields(record.sequence, record.operation, record.when, record.uid, record.who, record.version, record.generation,
         record.label, record.previous, record.digest);
  if (version >= 2) fields(record.host);
  if (version >= 3) fields(record.state, record.reason);
};

constexpr auto kBlobFields = [](auto& record, auto& fields) {
  fields(record.size_bytes, record.allocated_bytes, record.crc32, record.quarantined, record.is_inline, record.bytes);
};

constexpr auto kArchiveFields = [](auto& record, auto& fields, std::uint64_t version) {
  fields(record.suffix, record.size_bytes, record.allocated_bytes, record.hash.digest, record.hash.crc32, record.kept);
  if (version >= 2) fields(record.mtime);
};

constexpr auto kContainerFields = [](auto& record, auto& fields) {
  fields(record.domain, record.version, record.release, record.generation, record.manifest);
};

}  // namespace

std::string DomainRecord::encode() const { return encoded(*this, kDomainFields); }
Result<DomainRecord> DomainRecord::decode(std::string_view bytes) {
  return decoded<DomainRecord>("domain record", bytes, kDomainFields);
}

std::string ReleaseRecord::encode() const { return encoded(*this, kReleaseFields); }
Result<ReleaseRecord> ReleaseRecord::decode(std::string_view bytes) {
  return decoded<ReleaseRecord>("release record", bytes, kReleaseFields);
}

std::string GenerationRecord::encode() const { return encoded(*this, kGenerationFields); }
Result<GenerationRecord> GenerationRecord::decode(std::string_view bytes) {
  return decoded<GenerationRecord>("generation record", bytes, kGenerationFields);
}

std::string LabelRecord::encode() const { return encoded(*this, kLabelFields); }
Result<LabelRecord> LabelRecord::decode(std::string_view bytes) {
  return decoded<LabelRecord>("label record", bytes, kLabelFields);
}

std::string ArchiveRecord::encode() const { return encoded(*this, kArchiveFields); }
Result<ArchiveRecord> ArchiveRecord::decode(std::string_view bytes) {
  return decoded<ArchiveRecord>("archive record", bytes, kArchiveFields);
}

std::string PlacementRecord::encode() const { return encoded(*this, kPlacementFields); }
Result<PlacementRecord> PlacementRecord::decode(std::string_view bytes) {
  return decoded<PlacementRecord>("placement record", bytes, kPlacementFields);
}

std::string TombstoneRecord::encode() const { return encoded(*this, kTombstoneFields); }
Result<TombstoneRecord> TombstoneRecord::decode(std::string_view bytes) {
  return decoded<TombstoneRecord>("tombstone record", bytes, kTombstoneFields);
}

std::string_view operation_name(Operation operation) {
  switch (operation) {
    case Operation::CreateDomain: return "create_domain";
    case Operation::Publish: return "publish";
    case Operation::Generate: return "generate";
    case Operation::SetLabel: return "set_label";
    case Operation::RemoveLabel: return "remove_label";
    case Operation::Remove: return "remove";
    case Operation::Restore: return "restore";
    case Operation::Purge: return "purge";
    case Operation::RemoveDomain: return "remove_domain";
    case Operation::SetState: return "set_state";
    case Operation::ClearState: return "clear_state";
  }
  return "unknown";
}

std::string HistoryRecord::encode() const { return encoded(*this, kHistoryFields); }
Result<HistoryRecord> HistoryRecord::decode(std::string_view bytes) {
  return decoded<HistoryRecord>("history record", bytes, kHistoryFields);
}

std::string BlobRecord::encode() const { return encoded(*this, kBlobFields); }
Result<BlobRecord> BlobRecord::decode(std::string_view bytes) {
  return decoded<BlobRecord>("blob record", bytes, kBlobFields);
}

std::string ContainerRecord::encode() const { return encoded(*this, kContainerFields); }
Result<ContainerRecord> ContainerRecord::decode(std::string_view bytes) {
  return decoded<ContainerRecord>("container record", bytes, kContainerFields);
}

}  // namespace modelfs
