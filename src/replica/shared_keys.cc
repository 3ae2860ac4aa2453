#include "replica/shared_keys.h"

#include <sys/random.h>

#include <unordered_set>

#include "catalog/commit_parts.h"
#include "catalog/keys.h"
#include "catalog/manifest.h"
#include "catalog/records.h"

namespace modelfs {
namespace {

// 16 random bytes.
std::string make_token() {
  std::string token(LogRecord::kTokenBytes, '\0');
  for (std::size_t done = 0; done < token.size();) {
    const ssize_t got = ::getrandom(token.data() + done, token.size() - done, 0);
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return token;
}

bool changes_anything(const Batch& batch) {
  return !batch.erases.empty() || !batch.erase_prefixes.empty() || !batch.puts.empty();
}

bool is_of(std::string_view key, keys::Kind kind) { return !key.empty() && keys::Kind{key.front()} == kind; }

}  // namespace

Result<std::vector<ReferredBlob>> blobs_of(const Batch& batch) {
  std::vector<ReferredBlob> blobs;
  std::unordered_set<Digest, DigestHash> seen;
  const auto add = [&](const Digest& digest, std::uint64_t size_bytes) {
    if (seen.insert(digest).second) blobs.push_back({digest, size_bytes});
  };
  for (const Batch::Put& put : batch.puts) {
    if (is_of(put.key, keys::Kind::Manifest)) {
      const auto container = ContainerRecord::decode(put.value);
      if (!container.ok()) return container.status();
      const auto manifest = Manifest::decode(container->manifest);
      if (!manifest.ok()) return manifest.status();
      for (std::uint32_t i = 0; i < (*manifest)->entries().size(); ++i) {
        if ((*manifest)->at(i).type == FileType::Regular)
          add((*manifest)->at(i).hash.digest, (*manifest)->at(i).size_bytes);
      }
    } else if (is_of(put.key, keys::Kind::Archive)) {
      const auto archive = ArchiveRecord::decode(put.value);
      if (!archive.ok()) return archive.status();
      if (archive->kept != ArchiveRecord::Kept::Recipe) add(archive->hash.digest, archive->size_bytes);
    }
  }
  return blobs;
}

Status SharedKeys::commit(const Batch& batch, Durability durability, SpaceNeed need) {
  auto parts = split(batch);
  if (!parts.ok()) return parts.status();
  if (!changes_anything(batch)) {
    // Such a batch asks what became of others.
    if (Status status = log_.check_settled(); !status.ok()) return status;
  }
  if (!changes_anything(parts->shared)) return local_.commit(batch, durability, need);
  if (only_reads_) return {Code::Immutable, "this store only follows " + remote_.address() + " and publishes nothing"};
  // Why here too: what does not hold on this host need not be asked of all.
  Batch asks;
  asks.expectations = batch.expectations;
  if (Status status = local_.commit(asks, Durability::Buffered); !status.ok()) return status;
  return commit_shared(parts->shared, without_expectations(std::move(parts->host)), need);
}

Status SharedKeys::commit_shared(const Batch& shared, Batch host, SpaceNeed need) {
  LoggedBatch logged;
  logged.token = make_token();
  for (const Batch::Expectation& expected : shared.expectations) {
    std::optional<Digest> value;
    if (expected.value) value = hash_of(bytes_of(*expected.value)).digest;
    logged.expectations.push_back({expected.key, value});
  }
  {
    const MutexLock lock(mutex_);
    if (fence_) logged.expectations.push_back(*fence_);
  }
  logged.changes = {shared.erases, shared.erase_prefixes, shared.puts};
  std::vector<BlobLocation> brought;
  if (Status status = add_locations(shared, logged, brought); !status.ok()) return status;
  Status status = put_body(logged);
  if (status.ok()) status = log_.commit(std::move(logged), std::move(host), need);
  if (status.ok()) {
    upload_.committed(brought);
  } else {
    upload_.abandoned(brought);
  }
  return status;
}

Status SharedKeys::wait_until_reached(std::chrono::steady_clock::time_point deadline) {
  while (!log_.state().is_reachable) {
    const auto left = deadline - std::chrono::steady_clock::now();
    const Status status = log_.catch_up(std::chrono::ceil<std::chrono::milliseconds>(left));
    if (status.ok() || status.code() != Code::Unavailable) return status;
    if (std::chrono::steady_clock::now() >= deadline) {
      return {Code::Unavailable, status.message() + "; nothing was published"};
    }
  }
  return {};
}

// What was brought for an earlier try may have been condemned since.
Result<std::vector<BlobLocation>> SharedKeys::bring(const std::vector<Digest>& missing, std::uint64_t size_bytes) {
  auto deadline = std::chrono::steady_clock::now() + deadline_;
  // A large upload is not begun where nobody answers.
  if (Status status = wait_until_reached(deadline); !status.ok()) return status;
  deadline += std::chrono::seconds(size_bytes / kUploadBytesPerSecondMin);
  while (true) {
    auto brought = upload_.upload(missing, deadline);
    if (!brought.ok() || !local_.get(keys::kCondemnations).ok()) return brought;
    std::vector<BlobLocation> condemned;
    for (const BlobLocation& each : *brought) {
      if (local_.get(keys::condemned(each.location.object)).ok()) condemned.push_back(each);
    }
    if (condemned.empty()) return brought;
    upload_.abandoned(*brought);
    upload_.forget(condemned);
  }
}

Status SharedKeys::add_locations(const Batch& shared, LoggedBatch& logged, std::vector<BlobLocation>& brought) {
  const auto referred = blobs_of(shared);
  if (!referred.ok()) return referred.status();
  if (referred->empty()) return {};
  // Read before the locations: whoever condemns objects changes it, and then this batch is void.
  const auto condemned = local_.get(keys::kCondemnations);
  if (!condemned.ok() && condemned.code() != Code::NotFound) return condemned.status();
  std::vector<Digest> missing;
  std::uint64_t missing_bytes = 0;
  for (const ReferredBlob& blob : *referred) {
    const auto is_there = has_usable_location(local_, blob.digest);
    if (!is_there.ok()) return is_there.status();
    if (*is_there) continue;
    missing.push_back(blob.digest);
    missing_bytes += blob.size_bytes;
  }
  if (!missing.empty()) {
    auto up = bring(missing, missing_bytes);
    if (!up.ok()) return up.status();
    brought = *std::move(up);
  }
  for (const BlobLocation& each : brought) {
    logged.changes.puts.push_back({keys::location(each.digest), each.location.encode()});
  }
  std::optional<Digest> value;
  if (condemned.ok()) value = hash_of(bytes_of(*condemned)).digest;
  logged.expectations.push_back({keys::kCondemnations, value});
  return {};
}

Status SharedKeys::put_body(LoggedBatch& logged) {
  const std::string bytes = logged.changes.encode();
  if (!LoggedChanges::decode(bytes).ok()) return {Code::InvalidArgument, "a key or a value of a commit is empty"};
  if (bytes.size() < kBodyBytesMin) return {};
  if (bytes.size() > LogRecord::kBodyBytesMax) return {Code::TooLarge, "a commit changes too much at once"};
  const Digest digest = hash_of(bytes_of(bytes)).digest;
  const std::string name = "body/" + digest.hex() + "." + random_nonce().substr(0, kShortNonceDigits);
  const BytesSource source(bytes_of(bytes));
  const Status status = remote_.put(name, source, digest, std::chrono::steady_clock::now() + deadline_);
  if (!status.ok()) return status;
  logged.body = LoggedBatch::Body{name, bytes.size(), digest};
  return {};
}

void SharedKeys::fence(std::string key, const std::string& value) {
  const MutexLock lock(mutex_);
  fence_ = {std::move(key), hash_of(bytes_of(value)).digest};
}

}  // namespace modelfs
