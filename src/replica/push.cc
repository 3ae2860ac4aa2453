#include "replica/push.h"

#include <unordered_set>

#include "catalog/keys.h"
#include "catalog/records.h"
#include "replica/blob_upload.h"
#include "replica/registry_format.h"
#include "replica/registry_snapshot.h"
#include "replica/shared_keys.h"

namespace modelfs {
namespace {

// Blobs are uploaded in groups: what is in one is found again after an interruption.
constexpr std::size_t kGroupMax = 512;

// The digests that are referred to and not uploaded yet, and how many there are in all.
Result<std::vector<Digest>> find_missing(KeyValueStore& keys, std::uint64_t& total) {
  std::vector<Digest> missing;
  std::unordered_set<Digest, DigestHash> seen;
  const auto snapshot = keys.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  Status failed;
  const auto look = [&](std::string_view key, std::string_view value) {
    Batch one;
    one.put(std::string(key), std::string(value));
    const auto blobs = blobs_of(one);
    if (!blobs.ok()) {
      failed = blobs.status();
      return false;
    }
    for (const ReferredBlob& blob : *blobs) {
      if (!seen.insert(blob.digest).second) continue;
      if ((*snapshot)->get(keys::location(blob.digest)).code() == Code::NotFound) missing.push_back(blob.digest);
    }
    return true;
  };
  for (const keys::Kind kind : {keys::Kind::Manifest, keys::Kind::Archive}) {
    const Status scanned = (*snapshot)->scan(keys::all(kind), "", look);
    if (!scanned.ok()) return scanned;
    if (!failed.ok()) return failed;
  }
  total = seen.size();
  if (Status status = (*snapshot)->failure(); !status.ok()) return status;
  return missing;
}

Status upload_all(KeyValueStore& keys, const BlobStore& blobs, Remote& remote, std::chrono::milliseconds patience,
                  const std::function<bool(const PushProgress&)>& goes_on) {
  PushProgress progress;
  const auto missing = find_missing(keys, progress.blobs_total);
  if (!missing.ok()) return missing.status();
  progress.blobs_done = progress.blobs_total - missing->size();
  BlobUpload upload(keys, blobs, remote);
  for (std::size_t from = 0; from < missing->size(); from += kGroupMax) {
    if (!goes_on(progress)) return {Code::Interrupted, "interrupted; the next `modelfs push` goes on from here"};
    const std::size_t count = std::min(kGroupMax, missing->size() - from);
    const auto first = missing->begin() + static_cast<std::ptrdiff_t>(from);
    const std::vector<Digest> group(first, first + static_cast<std::ptrdiff_t>(count));
    const auto up = upload.upload(group, std::chrono::steady_clock::now() + patience);
    if (!up.ok()) return up.status();
    Batch batch;
    for (const BlobLocation& each : *up) {
      batch.put(keys::location(each.digest), each.location.encode());
      progress.bytes_done += each.location.size_bytes;
    }
    if (Status status = keys.commit(batch, Durability::Durable, SpaceNeed::Grows); !status.ok()) return status;
    upload.committed(*up);
    progress.blobs_done += group.size();
  }
  return goes_on(progress) ? Status() : Status(Code::Interrupted, "interrupted; the next `modelfs push` goes on");
}

}  // namespace

Status push_store(KeyValueStore& keys, const BlobStore& blobs, Remote& remote, const std::string& store_id,
                  std::chrono::milliseconds patience, const std::function<bool(const PushProgress&)>& goes_on) {
  const auto deadline = [patience] { return std::chrono::steady_clock::now() + patience; };
  const auto there = read_registry_format(remote, deadline());
  if (there.ok() && there->id == store_id) return {};
  if (there.ok()) {
    return {Code::AlreadyExists, "another registry lies at " + remote.address() +
                                     "; choose another prefix, or `modelfs import` into a mount "
                                     "of it"};
  }
  if (there.code() != Code::NotFound) return there.status();
  if (Status status = upload_all(keys, blobs, remote, patience, goes_on); !status.ok()) return status;
  const auto snapshot = keys.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  PositionRecord first;
  first.registry_id = store_id;
  if (Status status = write_snapshot(**snapshot, first, remote, patience); !status.ok()) return status;
  // Last: from now on hosts can begin there.
  const auto made = init_registry(remote, deadline(), nullptr, store_id);
  if (!made.ok()) return made.status();
  if (made->id == store_id) return {};
  return {Code::AlreadyExists, "another registry has been made at " + remote.address() + " meanwhile"};
}

}  // namespace modelfs
