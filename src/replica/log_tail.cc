#include "replica/log_tail.h"

#include <algorithm>

#include "base/codec.h"
#include "base/log.h"
#include "catalog/keys.h"
#include "replica/judgement.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kUnsettledVersion = 1;

// A host that registers itself as a writer does so with the first record that it puts.
std::optional<std::uint64_t> writer_registered_by(const LogRecord& record) {
  const std::string prefix = keys::all(keys::Kind::Writer);
  for (const LoggedBatch& batch : record.batches) {
    for (const Batch::Put& put : batch.changes.puts) {
      if (!put.key.starts_with(prefix)) continue;
      if (const auto number = parse_be64(std::string_view(put.key).substr(prefix.size())); number.ok()) return *number;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> LogTail::get_record(std::uint64_t slot, Deadline deadline) const {
  return get_whole(remote_, log_object(slot), Remote::kSmallBytesMax, deadline);
}

void LogTail::ask_ahead(Deadline deadline) {
  for (std::uint64_t slot = position_.next_slot + 1; slot <= position_.next_slot + ahead_count_; ++slot) {
    if (ahead_.contains(slot)) continue;
    // A ThreadPool's work is copied, which a promise cannot be.
    const auto promise = std::make_shared<std::promise<Result<std::string>>>();
    ahead_.emplace(slot, promise->get_future());
    readers_.submit([this, promise, slot, deadline] { promise->set_value(get_record(slot, deadline)); });
  }
}

Result<std::optional<ReadRecord>> LogTail::read_next(Deadline deadline) {
  const std::uint64_t slot = position_.next_slot;
  ahead_.erase(ahead_.begin(), ahead_.lower_bound(slot));
  ask_ahead(deadline);
  Result<std::string> encoded = Status(Code::NotFound, "");
  if (const auto asked = ahead_.find(slot); asked != ahead_.end()) encoded = asked->second.get();
  ahead_.erase(slot);
  // An earlier answer that it was not there, or could not be had, says nothing of now.
  if (!encoded.ok()) encoded = get_record(slot, deadline);
  ahead_count_ = encoded.ok() ? std::min(std::max<std::size_t>(ahead_count_ * 2, 1), kAheadMax) : 0;
  if (!encoded.ok()) ahead_.clear();
  if (encoded.code() == Code::NotFound) return std::optional<ReadRecord>();
  if (!encoded.ok()) return encoded.status();
  auto checked = check_next(*std::move(encoded), deadline);
  if (!checked.ok()) return checked.status();
  return std::optional(*std::move(checked));
}

Result<ReadRecord> LogTail::check_next(std::string encoded, Deadline deadline) const {
  const std::string name = remote_.address() + "/" + log_object(position_.next_slot);
  // A server that was cut off from a writer may have made the object and not its bytes (SeaweedFS 4.48 does). Nobody
  // has committed there, all hosts see so alike, and the next record repeats the hash of nothing.
  if (encoded.empty()) {
    log::warn("{} is empty and void", name);
    ReadRecord empty;
    empty.record.slot = position_.next_slot;
    return empty;
  }
  auto record = LogRecord::decode(encoded);
  if (!record.ok()) return Status(record.code(), name + ": " + record.status().message());
  if (record->registry_id != position_.registry_id) {
    return Status(Code::Corrupt, name + " belongs to another registry (" + record->registry_id + ")");
  }
  if (record->slot != position_.next_slot) {
    return Status(Code::Corrupt, name + " was written for slot " + std::to_string(record->slot));
  }
  if (record->previous != position_.chain) {
    return Status(Code::Corrupt, name +
                                     " does not follow the record before it as this host has applied it: the log was "
                                     "changed, or this host's store was; mount it with a new store");
  }
  if (Status status = read_bodies(*record, deadline); !status.ok()) return status;
  return ReadRecord{*std::move(record), std::move(encoded)};
}

Status LogTail::read_bodies(LogRecord& record, Deadline deadline) const {
  for (LoggedBatch& batch : record.batches) {
    if (!batch.body) continue;
    const auto bytes =
        get_whole(remote_, batch.body->object, static_cast<std::size_t>(batch.body->size_bytes), deadline);
    if (bytes.code() == Code::NotFound) {
      return {Code::Corrupt, remote_.address() + "/" + batch.body->object + ", which the log refers to, is missing"};
    }
    if (!bytes.ok()) return bytes.status();
    if (hash_of(bytes_of(*bytes)).digest != batch.body->digest) {
      return {Code::Corrupt, remote_.address() + "/" + batch.body->object + " is damaged"};
    }
    auto changes = LoggedChanges::decode(*bytes);
    if (!changes.ok()) return changes.status();
    batch.changes = *std::move(changes);
  }
  return {};
}

Result<AppliedRecord> LogTail::apply(const ReadRecord& read, const HostParts* own) {
  AppliedRecord applied{read.record.host, read.record.writer, read.record.slot, {}};
  Batch batch;
  {
    const auto snapshot = local_.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    Judgement judgement(**snapshot);
    std::vector<const Batch*> host_parts;
    for (const LoggedBatch& logged : read.record.batches) {
      const auto holds = judgement.holds(logged);
      if (!holds.ok()) return holds.status();
      if (!*holds) continue;
      judgement.take(logged.changes);
      applied.changes.push_back(logged.changes);
      if (own == nullptr) continue;
      if (const auto part = own->find(logged.token); part != own->end()) host_parts.push_back(&part->second);
    }
    batch = judgement.merged();
    for (const Batch* part : host_parts) {
      batch.erases.insert(batch.erases.end(), part->erases.begin(), part->erases.end());
      batch.erase_prefixes.insert(batch.erase_prefixes.end(), part->erase_prefixes.begin(), part->erase_prefixes.end());
      batch.puts.insert(batch.puts.end(), part->puts.begin(), part->puts.end());
    }
  }
  PositionRecord next = position_;
  if (own != nullptr) next.writer = writer_registered_by(read.record).value_or(next.writer);
  next.next_slot += 1;
  next.chain = read.encoded.empty() ? hash_of({}).digest : LogRecord::hash_of_encoded(read.encoded);
  batch.put(keys::kPosition, next.encode());
  if (own != nullptr) batch.erase(keys::kUnsettled);
  // Why Buffered: what a power cut takes of it is in the log, and with it goes that `U` was erased.
  if (Status status = local_.commit(batch, Durability::Buffered, SpaceNeed::Reclaims); !status.ok()) return status;
  position_ = std::move(next);
  return applied;
}

std::string UnsettledRecord::encode() const {
  Encoder out;
  out.number(kUnsettledVersion).text(encoded).number(host_parts.size());
  for (const auto& [token, part] : host_parts) {
    out.text(token).text(LoggedChanges{part.erases, part.erase_prefixes, part.puts}.encode());
  }
  return out.take();
}

Result<UnsettledRecord> UnsettledRecord::decode(std::string_view bytes) {
  const Status damaged(Code::Corrupt, "what this host was about to put into the log is damaged");
  Decoder in(bytes);
  if (in.number() != kUnsettledVersion) return damaged;
  UnsettledRecord record;
  record.encoded = in.text();
  const std::uint64_t count = in.number();
  for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
    std::string token(in.text());
    auto changes = LoggedChanges::decode(in.text());
    if (!changes.ok()) return damaged;
    Batch part;
    part.erases = std::move(changes->erases);
    part.erase_prefixes = std::move(changes->erase_prefixes);
    part.puts = std::move(changes->puts);
    record.host_parts.emplace(std::move(token), std::move(part));
  }
  if (!in.finished()) return damaged;
  return record;
}

}  // namespace modelfs
