#include "replica/log_record.h"

#include <cstring>

#include "base/codec.h"

namespace modelfs {
namespace {

constexpr std::string_view kLogMagic = "modelfs log\n";
constexpr std::uint64_t kLogVersionsAheadMax = 16;

Status damaged_record(const char* what) {
  return {Code::Corrupt, std::string("a record of the log is damaged: ") + what};
}

template <class List, class Write>
void write_list(Encoder& out, const List& list, const Write& write) {
  out.number(list.size());
  for (const auto& each : list) write(each);
}

// Why a bound on the count as well: each element has at least a byte, so no list is longer than what it is read from.
template <class Read>
bool read_list(Decoder& in, std::size_t max, const Read& read) {
  const std::uint64_t count = in.number();
  if (in.failed() || count > max) return false;
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) read();
  return !in.failed();
}

void write_changes(Encoder& out, const LoggedChanges& changes) {
  write_list(out, changes.erase_prefixes, [&](const std::string& prefix) { out.text(prefix); });
  write_list(out, changes.erases, [&](const std::string& key) { out.text(key); });
  write_list(out, changes.puts, [&](const Batch::Put& put) { out.text(put.key).text(put.value); });
}

bool read_changes(Decoder& in, std::size_t max, LoggedChanges& changes) {
  return read_list(in, max, [&] { changes.erase_prefixes.emplace_back(in.text()); }) &&
         read_list(in, max, [&] { changes.erases.emplace_back(in.text()); }) && read_list(in, max, [&] {
           std::string key(in.text());
           changes.puts.push_back({std::move(key), std::string(in.text())});
         });
}

void write_batch(Encoder& out, const LoggedBatch& batch) {
  out.text(batch.token);
  write_list(out, batch.expectations, [&](const LoggedBatch::Expected& expected) {
    out.text(expected.key).number(expected.value ? 1 : 0);
    if (expected.value) out.digest(*expected.value);
  });
  out.number(batch.body ? 1 : 0);
  if (batch.body) {
    out.text(batch.body->object).number(batch.body->size_bytes).digest(batch.body->digest);
  } else {
    write_changes(out, batch.changes);
  }
}

bool read_batch(Decoder& in, std::size_t max, LoggedBatch& batch) {
  batch.token = in.text();
  const bool all_read = read_list(in, LogRecord::kExpectationsMax, [&] {
    LoggedBatch::Expected expected{std::string(in.text()), std::nullopt};
    const std::uint64_t has_value = in.number();
    if (has_value > 1) expected.key.clear();
    if (has_value == 1) expected.value = in.digest();
    batch.expectations.push_back(std::move(expected));
  });
  if (!all_read || batch.token.size() != LogRecord::kTokenBytes) return false;
  const std::uint64_t has_body = in.number();
  if (has_body == 1) {
    LoggedBatch::Body body;
    body.object = in.text();
    body.size_bytes = in.number();
    body.digest = in.digest();
    batch.body = std::move(body);
    return !in.failed() && batch.body->size_bytes <= LogRecord::kBodyBytesMax;
  }
  return has_body == 0 && read_changes(in, max, batch.changes);
}

bool is_possible(const LoggedChanges& changes) {
  for (const std::string& prefix : changes.erase_prefixes) {
    if (prefix.empty()) return false;
  }
  for (const Batch::Put& put : changes.puts) {
    if (put.key.empty() || put.value.empty()) return false;
  }
  return true;
}

bool is_possible(const LoggedBatch& batch) {
  for (const auto& expected : batch.expectations) {
    if (expected.key.empty()) return false;
  }
  return is_possible(batch.changes);
}

}  // namespace

std::string LoggedChanges::encode() const {
  Encoder out;
  write_changes(out, *this);
  return out.take();
}

Result<LoggedChanges> LoggedChanges::decode(std::string_view bytes) {
  Decoder in(bytes);
  LoggedChanges changes;
  if (!read_changes(in, bytes.size(), changes) || !in.finished() || !is_possible(changes)) {
    return damaged_record("the changes of a batch do not decode");
  }
  return changes;
}

std::string LogRecord::encode() const {
  Encoder out;
  out.number(kFormatVersion).text(registry_id).number(slot).digest(previous).text(host).number(writer);
  write_list(out, batches, [&](const LoggedBatch& batch) { write_batch(out, batch); });
  std::string bytes = std::string(kLogMagic) + out.take();
  return bytes.append(hash_of(bytes_of(bytes)).digest.raw_bytes());
}

Result<LogRecord> LogRecord::decode(std::string_view bytes) {
  if (bytes.size() < kLogMagic.size() + Digest::kSizeBytes || !bytes.starts_with(kLogMagic)) {
    return damaged_record("it does not begin as one");
  }
  const std::string_view hashed = bytes.substr(0, bytes.size() - Digest::kSizeBytes);
  if (hash_of(bytes_of(hashed)).digest != hash_of_encoded(bytes)) return damaged_record("its hash is another");
  Decoder in(hashed.substr(kLogMagic.size()));
  const std::uint64_t version = in.number();
  if (in.failed() || version == 0 || version > kFormatVersion + kLogVersionsAheadMax)
    return damaged_record("of no version");
  if (version != kFormatVersion) {
    return Status(Code::Unsupported, "the log has a record of format version " + std::to_string(version) +
                                         ", which a newer modelfs wrote: use that on this host too");
  }
  LogRecord record;
  record.registry_id = in.text();
  record.slot = in.number();
  record.previous = in.digest();
  record.host = in.text();
  record.writer = in.number();
  bool is_whole = true;
  is_whole = read_list(in, kBatchesMax,
                       [&] { is_whole = is_whole && read_batch(in, bytes.size(), record.batches.emplace_back()); }) &&
             is_whole;
  for (const LoggedBatch& batch : record.batches) is_whole = is_whole && is_possible(batch);
  if (!is_whole || !in.finished()) return damaged_record("its fields do not decode");
  return record;
}

Digest LogRecord::hash_of_encoded(std::string_view encoded) {
  Digest digest;
  std::memcpy(digest.bytes.data(), encoded.data() + encoded.size() - Digest::kSizeBytes, Digest::kSizeBytes);
  return digest;
}

std::string log_object(std::uint64_t slot) {
  const std::string digits = std::to_string(slot);
  return "log/" + std::string(20 - digits.size(), '0') + digits;
}

}  // namespace modelfs
