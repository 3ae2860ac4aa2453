#include "engine/memory/memory_remote.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "store/remote_probe.h"

namespace modelfs {
namespace {

using Kind = RemoteRequest::Kind;

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::PutIfAbsent: return "put (if absent) ";
    case Kind::Put: return "put ";
    case Kind::Get: return "get ";
    case Kind::List: return "list ";
    case Kind::Remove: return "remove ";
  }
  return "";
}

Status lost(const RemoteRequest& request) {
  const Code code = request.kind == Kind::PutIfAbsent ? Code::Unsettled : Code::Unavailable;
  return {code, name_of(request.kind) + request.name + ": the answer was lost"};
}

// Whatever is there. Why not changed in place: it may be read at this time.
void store_in(MemoryBucket::State& state, const std::string& name, std::shared_ptr<const std::string> bytes) {
  state.objects.insert_or_assign(name, MemoryBucket::Object{std::move(bytes), state.clock});
}

struct DrawnFaults {
  Mutex mutex;  // leaf lock
  std::mt19937_64 random GUARDED_BY(mutex);
};

}  // namespace

RemoteFaults random_faults(std::uint64_t seed, double probability, std::vector<RemoteFault> faults) {
  auto drawn = std::make_shared<DrawnFaults>();
  {
    const MutexLock lock(drawn->mutex);
    drawn->random.seed(seed);
  }
  return [drawn, probability, faults = std::move(faults)](const RemoteRequest& request) {
    if (request.is_applied || faults.empty()) return RemoteFault::None;
    const MutexLock lock(drawn->mutex);
    if (!std::bernoulli_distribution(probability)(drawn->random)) return RemoteFault::None;
    return faults[std::uniform_int_distribution<std::size_t>(0, faults.size() - 1)(drawn->random)];
  };
}

void MemoryRemote::set_faults(RemoteFaults faults) {
  const MutexLock lock(mutex_);
  faults_ = std::move(faults);
}

RemoteFault MemoryRemote::fault_of(const RemoteRequest& request) {
  RemoteFaults faults;
  {
    const MutexLock lock(mutex_);
    faults = faults_;
  }
  return faults ? faults(request) : RemoteFault::None;
}

Status MemoryRemote::send(RemoteRequest request, MemoryBucket::Work work, Deadline deadline, RemoteFault* fault_out) {
  if (request.kind != Kind::List) {
    if (Status status = check_remote_name(request.name); !status.ok()) return status;
  }
  if (offline_) return {Code::Unavailable, address() + " cannot be reached"};
  if (std::chrono::steady_clock::now() >= deadline) {
    return {Code::Unavailable, name_of(request.kind) + request.name + ": the deadline had passed"};
  }
  const RemoteFault fault = fault_of(request);
  switch (fault) {
    case RemoteFault::Refuse: return {Code::Denied, name_of(request.kind) + request.name + ": refused"};
    case RemoteFault::LoseRequest: return lost(request);
    case RemoteFault::ApplyLater: bucket_->send_later(std::move(work)); return lost(request);
    case RemoteFault::Hold:
      if (!bucket_->send_and_wait(std::move(work), deadline)) return lost(request);
      break;
    default: bucket_->run(work);
  }
  request.is_applied = true;
  if (fault == RemoteFault::LoseAnswer || fault_of(request) == RemoteFault::LoseAnswer) return lost(request);
  if (fault_out != nullptr) *fault_out = fault;
  return {};
}

// What `work` fills in is shared with it, since it may run after the call has ended.

Result<Remote::Created> MemoryRemote::put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) {
  if (bytes.size() > kSmallBytesMax) {
    return Status(Code::TooLarge, name + ": " + std::to_string(bytes.size()) + " bytes are too many for this call");
  }
  const auto created = std::make_shared<Created>(Created::Already);
  const auto stored = std::make_shared<const std::string>(text_of(bytes));
  const Status status = send(
      {Kind::PutIfAbsent, name},
      [name, created, stored](MemoryBucket::State& state) {
        const bool is_absent = !state.objects.contains(name);
        if (is_absent || state.nature == BucketNature::IgnoresConditions) *created = Created::Now;
        if (is_absent || state.nature != BucketNature::Honest) store_in(state, name, stored);
      },
      deadline);
  if (!status.ok()) return status;
  return *created;
}

Status MemoryRemote::put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) {
  std::string bytes(static_cast<std::size_t>(source.size_bytes()), '\0');
  const auto got = source.read_at(0, std::as_writable_bytes(std::span(bytes)));
  if (!got.ok()) return got.status();
  if (*got != bytes.size() || hash_of(bytes_of(bytes)).digest != sha256) {
    return {Code::Corrupt, name + ": what is to be put does not have the digest " + sha256.hex()};
  }
  const auto stored = std::make_shared<const std::string>(std::move(bytes));
  return send(
      {Kind::Put, name}, [name, stored](MemoryBucket::State& state) { store_in(state, name, stored); }, deadline);
}

Result<std::size_t> MemoryRemote::get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                                      Deadline deadline) {
  const auto found = std::make_shared<std::shared_ptr<const std::string>>();
  RemoteFault fault = RemoteFault::None;
  const Status status = send(
      {Kind::Get, name},
      [name, found](MemoryBucket::State& state) {
        const auto object = state.objects.find(name);
        if (object != state.objects.end()) *found = object->second.bytes;
      },
      deadline, &fault);
  if (!status.ok()) return status;
  if (*found == nullptr) return Status(Code::NotFound, "no object " + address() + "/" + name);
  const auto got = BytesSource(bytes_of(**found)).read_at(offset_bytes, into);
  if (fault == RemoteFault::WrongBytes && *got > 0) into[*got / 2] ^= std::byte{1};
  return got;
}

Status MemoryRemote::list(const std::string& prefix, const std::string& after,
                          const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) {
  const auto found = std::make_shared<std::vector<RemoteObject>>();
  const Status status = send(
      {Kind::List, prefix},
      [prefix, after, found](MemoryBucket::State& state) {
        auto at = state.objects.lower_bound(std::max(prefix, after));
        for (; at != state.objects.end() && at->first.starts_with(prefix); ++at) {
          if (at->first == after) continue;
          found->push_back({at->first, at->second.bytes->size(), state.clock - at->second.put_at});
        }
      },
      std::chrono::steady_clock::now() + deadline);
  if (!status.ok()) return status;
  for (const RemoteObject& object : *found) {
    if (!visit(object)) break;
  }
  return {};
}

Status MemoryRemote::remove(const std::string& name, Deadline deadline) {
  return send(
      {Kind::Remove, name}, [name](MemoryBucket::State& state) { state.objects.erase(name); }, deadline);
}

Result<RemoteFacts> MemoryRemote::probe(Deadline deadline) {
  if (Status status = probe_conditions(*this, deadline); !status.ok()) return status;
  return RemoteFacts{"memory", std::chrono::seconds(0)};
}

}  // namespace modelfs
