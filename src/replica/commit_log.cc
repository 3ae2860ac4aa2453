#include "replica/commit_log.h"

#include <pthread.h>

#include <algorithm>

#include "base/log.h"
#include "catalog/keys.h"
#include "replica/judgement.h"

namespace modelfs {
namespace {

// What a record has beside its batches.
constexpr std::size_t kHeaderBytesMax = 1024;
// Between two tries of a bucket that does not answer.
constexpr std::chrono::milliseconds kRestFirst{100};
constexpr std::chrono::milliseconds kRestMost{2'000};
// How long a caller waits beyond its deadline for an answer that is under way.
constexpr std::chrono::milliseconds kGrace{1'000};

bool halts(Code code) { return code == Code::Corrupt || code == Code::Unsupported || code == Code::Stale; }

// What the batch takes of a record. InvalidArgument: hosts would refuse to read it, and the log would end there.
Result<std::size_t> check_batch(const LoggedBatch& batch) {
  LogRecord record;
  record.batches.push_back(batch);
  const std::string encoded = record.encode();
  const auto decoded = LogRecord::decode(encoded);
  if (!decoded.ok()) return Status(Code::InvalidArgument, "a commit that no host could read: an empty key or value");
  return encoded.size();
}

}  // namespace

CommitLog::CommitLog(Remote& remote, KeyValueStore& local, PositionRecord position, CommitLogOptions options)
    : remote_(remote),
      local_(local),
      options_(std::move(options)),
      tail_(remote, local, std::move(position)),
      pace_(options_.poll, std::random_device{}()) {
  state_.next_slot = tail_.position().next_slot;
  state_.writer = tail_.position().writer;
}

CommitLog::~CommitLog() { end(); }

Status CommitLog::start(std::chrono::milliseconds patience) {
  const auto left = local_.get(keys::kUnsettled);
  if (!left.ok() && left.code() != Code::NotFound) return left.status();
  if (left.ok()) {
    auto record = UnsettledRecord::decode(*left);
    if (!record.ok()) return record.status();
    const auto logged = LogRecord::decode(record->encoded);
    if (!logged.ok()) return logged.status();
    // One that has lost its slot stays until the next record takes its place.
    if (logged->slot == tail_.position().next_slot) keep_unsettled(*std::move(record));
  }
  pace_.used(Clock::now());
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "log");
    run();
  });
  return catch_up(patience);
}

void CommitLog::end() {
  {
    const MutexLock lock(mutex_);
    is_ending_ = true;
    wake_.notify_all();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Status CommitLog::commit(LoggedBatch batch, Batch host_part, SpaceNeed need) {
  const auto request = std::make_shared<Request>();
  const auto size_bytes = check_batch(batch);
  if (!size_bytes.ok()) return size_bytes.status();
  request->size_bytes = *size_bytes;
  if (request->size_bytes + kHeaderBytesMax > Remote::kSmallBytesMax) {
    return {Code::TooLarge,
            "a commit expects too much at once (" + std::to_string(batch.expectations.size()) + " keys)"};
  }
  request->batch = std::move(batch);
  request->host_part = std::move(host_part);
  request->need = need;
  request->deadline = Clock::now() + options_.publish_deadline;

  const MutexLock lock(mutex_);
  queue_.push_back(request);
  wake_.notify_all();
  while (request->state != Request::State::Done) {
    const bool is_waiting = request->state == Request::State::Queued;
    if (is_waiting && !halted_.ok()) {
      std::erase(queue_, request);
      return halted_;
    }
    const auto limit = request->deadline + (is_waiting ? std::chrono::milliseconds(0) : kGrace);
    const auto now = Clock::now();
    if (now >= limit || is_ending_) {
      const std::string why = state_.failure.empty() ? "it was not this host's turn" : state_.failure;
      if (is_waiting) {
        std::erase(queue_, request);
        return {Code::Unavailable, remote_.address() + " could not be reached, so nothing was published: " + why};
      }
      if (!is_ending_) {
        request->is_abandoned = true;
        return {Code::Unsettled, remote_.address() +
                                     " does not answer, so it is not known yet whether this was published; "
                                     "`modelfs events` will say: " +
                                     why};
      }
    }
    if (is_ending_) {
      changed_.wait(mutex_);
    } else {
      changed_.wait_for(mutex_, limit - now);
    }
  }
  return request->answer;
}

Status CommitLog::check_settled() const {
  const MutexLock lock(mutex_);
  if (!state_.has_unsettled) return {};
  return {Code::Unsettled, remote_.address() + " was not asked yet what became of the last record of this host"};
}

Status CommitLog::catch_up(std::chrono::milliseconds patience) {
  const auto limit = Clock::now() + patience;
  const MutexLock lock(mutex_);
  const std::uint64_t ends = reads_to_end_;
  const std::uint64_t failures = failed_reads_;
  wants_poll_ = true;
  wake_.notify_all();
  while (reads_to_end_ == ends && failed_reads_ == failures && halted_.ok() && !is_ending_) {
    const auto now = Clock::now();
    if (now >= limit) break;
    changed_.wait_for(mutex_, limit - now);
  }
  if (!halted_.ok()) return halted_;
  if (reads_to_end_ != ends) return {};
  return {Code::Unavailable, remote_.address() + " could not be read to its end: " + state_.failure};
}

void CommitLog::poll_soon() {
  const MutexLock lock(mutex_);
  wants_poll_ = true;
  wake_.notify_all();
}

LogState CommitLog::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

void CommitLog::run() {
  auto pause = kRestFirst;
  while (wait_for_work()) {
    bool answered = true;
    if (unsettled_) {
      answered = settle(*unsettled_);
    } else {
      bool has_turn = false;
      {
        const MutexLock lock(mutex_);
        has_turn = !queue_.empty() && Clock::now() >= next_turn_;
      }
      answered = has_turn ? append() : pull();
    }
    pause = answered ? kRestFirst : std::min(pause * 2, kRestMost);
    if (!answered && !rest(pause)) break;
  }
  answer(in_flight_, {Code::Unsettled, "the mount ended before it was known whether this was published"});
}

bool CommitLog::wait_for_work() {
  const MutexLock lock(mutex_);
  while (!is_ending_) {
    const auto now = Clock::now();
    if (!halted_.ok()) {
      wake_.wait(mutex_);
      continue;
    }
    if (unsettled_ || wants_poll_ || now >= next_poll_) return true;
    auto until = next_poll_;
    if (!queue_.empty()) {
      if (now >= next_turn_) return true;
      until = std::min(until, next_turn_);
    }
    wake_.wait_for(mutex_, until - now);
  }
  return false;
}

bool CommitLog::rest(std::chrono::milliseconds time) {
  const auto until = Clock::now() + time;
  const MutexLock lock(mutex_);
  while (!is_ending_ && Clock::now() < until) wake_.wait_for(mutex_, until - Clock::now());
  return !is_ending_;
}

CommitLog::Requests CommitLog::take_group() {
  const MutexLock lock(mutex_);
  Requests group;
  std::size_t size_bytes = kHeaderBytesMax;
  while (!queue_.empty() && size_bytes + queue_.front()->size_bytes <= Remote::kSmallBytesMax &&
         group.size() < LogRecord::kBatchesMax) {
    size_bytes += queue_.front()->size_bytes;
    queue_.front()->state = Request::State::InFlight;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

Result<CommitLog::Requests> CommitLog::choose(Requests waiting) {
  Requests chosen;
  Requests later;
  Requests void_now;
  {
    const auto snapshot = local_.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    Judgement judgement(**snapshot);
    for (const auto& request : waiting) {
      const auto holds = judgement.holds(request->batch);
      const auto holds_below = holds.ok() && !*holds ? judgement.holds_below(request->batch) : holds;
      if (!holds_below.ok()) return holds_below.status();
      if (*holds) {
        judgement.take(request->batch.changes);
        chosen.push_back(request);
      } else {
        // What another of the group changes is not in the store yet: who expects that reads it anew in vain.
        (*holds_below ? later : void_now).push_back(request);
      }
    }
  }
  answer(void_now, {Code::Conflict, "another commit came first"});
  put_back(later);
  return chosen;
}

bool CommitLog::append() {
  const auto began = Clock::now();
  auto waiting = take_group();
  auto group = choose(waiting);
  if (!group.ok()) {
    put_back(waiting);
    note(group.status());
    return false;
  }
  if (group->empty()) return true;
  UnsettledRecord record;
  LogRecord logged;
  logged.registry_id = tail_.position().registry_id;
  logged.slot = tail_.position().next_slot;
  logged.previous = tail_.position().chain;
  logged.host = options_.host;
  logged.writer = tail_.position().writer;
  auto deadline = began + options_.request_deadline;
  auto need = SpaceNeed::Reclaims;
  for (const auto& request : *group) {
    if (request->need == SpaceNeed::Grows) need = SpaceNeed::Grows;
    logged.batches.push_back(request->batch);
    record.host_parts[request->batch.token] = request->host_part;
    deadline = std::min(deadline, request->deadline);
  }
  record.encoded = logged.encode();
  Batch intent;
  intent.put(keys::kUnsettled, record.encode());
  if (Status status = local_.commit(intent, Durability::Durable, need); !status.ok()) {
    if (status.code() == Code::Uncertain) halt(status);  // it would be put at the next start
    answer(*group, status);
    return true;
  }
  in_flight_ = *group;
  Status why;
  switch (put(record, deadline, why)) {
    case Outcome::Won: {
      const auto slot_time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
      next_turn_ = Clock::now() + pace_.after_win(slot_time, logged.writer, Clock::now());
      ReadRecord read{std::move(logged), record.encoded};
      const bool is_applied = apply_own(record, read);
      if (!is_applied) keep_unsettled(std::move(record));
      return is_applied;
    }
    case Outcome::Nothing:
      if (!erase_unsettled()) {
        keep_unsettled(std::move(record));
        return false;
      }
      in_flight_.clear();
      if (why.code() == Code::Unavailable) {
        put_back(*group);
      } else {
        answer(*group, why);
      }
      return false;
    case Outcome::Lost:
    case Outcome::Unknown: break;
  }
  keep_unsettled(std::move(record));
  // What is not known is asked for at once.
  return !why.ok() || decide(*unsettled_, Outcome::Lost, Clock::now() + options_.request_deadline);
}

// Both at once: who asks whether all is settled is on another thread.
void CommitLog::keep_unsettled(UnsettledRecord record) {
  unsettled_ = std::move(record);
  const MutexLock lock(mutex_);
  state_.has_unsettled = true;
}

CommitLog::Outcome CommitLog::put(const UnsettledRecord& record, Deadline deadline, Status& why) {
  const auto created =
      remote_.put_if_absent(log_object(tail_.position().next_slot), bytes_of(record.encoded), deadline);
  why = created.status();
  note(why);
  if (created.ok()) return *created == Remote::Created::Now ? Outcome::Won : Outcome::Lost;
  return created.code() == Code::Unsettled ? Outcome::Unknown : Outcome::Nothing;
}

// Why the same bytes are put again, and nothing is read first: that the slot is empty now does not tell whether an
// earlier request will still fill it.
bool CommitLog::settle(const UnsettledRecord& record) {
  const auto deadline = Clock::now() + options_.request_deadline;
  Status why;
  return decide(record, put(record, deadline, why), deadline);
}

bool CommitLog::decide(const UnsettledRecord& record, Outcome outcome, Deadline deadline) {
  if (outcome == Outcome::Nothing || outcome == Outcome::Unknown) return false;
  auto encoded = outcome == Outcome::Won
                     ? Result<std::string>(record.encoded)
                     : get_whole(remote_, log_object(tail_.position().next_slot), Remote::kSmallBytesMax, deadline);
  if (!encoded.ok()) {
    note(encoded.status());
    return false;
  }
  const bool is_own = *encoded == record.encoded;
  const auto read = tail_.check_next(*std::move(encoded), deadline);
  if (!read.ok()) {
    note(read.status());
    if (halts(read.code())) halt(read.status());
    return false;
  }
  if (is_own) return apply_own(record, *read);
  const Requests group = std::exchange(in_flight_, {});
  unsettled_.reset();
  const bool is_applied = apply_foreign(*read);
  {
    const MutexLock lock(mutex_);
    state_.slots_lost += 1;
    state_.has_unsettled = false;
  }
  put_back(group);
  return is_applied;
}

bool CommitLog::apply_own(const UnsettledRecord& record, const ReadRecord& read) {
  const auto applied = tail_.apply(read, &record.host_parts);
  if (!applied.ok()) {
    note(applied.status());
    return false;
  }
  pace_.applied(read.record.writer, Clock::now());
  {
    const MutexLock lock(mutex_);
    state_.next_slot = tail_.position().next_slot;
    state_.writer = tail_.position().writer;
    state_.slots_won += 1;
    state_.commits += applied->changes.size();
    state_.has_unsettled = false;
  }
  unsettled_.reset();
  answer(std::exchange(in_flight_, {}), {});
  if (options_.on_won) options_.on_won(applied->slot);
  return true;
}

bool CommitLog::apply_foreign(const ReadRecord& read) {
  const auto applied = tail_.apply(read, nullptr);
  if (!applied.ok()) {
    note(applied.status());
    return false;
  }
  pace_.applied(read.record.writer, Clock::now());
  {
    const MutexLock lock(mutex_);
    state_.next_slot = tail_.position().next_slot;
    state_.records_applied += 1;
  }
  if (options_.on_applied) options_.on_applied(*applied);
  const std::string mine = keys::writer(tail_.position().writer);
  for (const LoggedChanges& changes : applied->changes) {
    for (const Batch::Put& put : changes.puts) {
      if (put.key != mine) continue;
      halt({Code::Stale, "another process has been started with a copy of this store (on host " + applied->host +
                             "): nothing is published from here any more; mount with a new --store"});
    }
  }
  return true;
}

bool CommitLog::pull() {
  while (true) {
    {
      const MutexLock lock(mutex_);
      if (is_ending_ || !halted_.ok()) return true;
    }
    const auto next = tail_.read_next(Clock::now() + options_.request_deadline);
    note(next.status());
    if (!next.ok()) {
      if (halts(next.code())) halt(next.status());
    } else if (*next && apply_foreign(**next)) {
      continue;
    }
    const bool is_end = next.ok() && !*next;
    next_poll_ = Clock::now() + pace_.until_poll(Clock::now());
    const MutexLock lock(mutex_);
    wants_poll_ = false;
    (is_end ? reads_to_end_ : failed_reads_) += 1;
    changed_.notify_all();
    return is_end;
  }
}

bool CommitLog::erase_unsettled() {
  Batch batch;
  batch.erase(keys::kUnsettled);
  const Status status = local_.commit(batch, Durability::Durable, SpaceNeed::Reclaims);
  if (!status.ok()) note(status);
  return status.ok();
}

void CommitLog::answer(const Requests& group, const Status& status) {
  const MutexLock lock(mutex_);
  for (const auto& request : group) {
    request->answer = status;
    request->state = Request::State::Done;
  }
  changed_.notify_all();
}

void CommitLog::put_back(const Requests& group) {
  const MutexLock lock(mutex_);
  for (auto request = group.rbegin(); request != group.rend(); ++request) {
    // Whoever heard that it is not known hears that it did not take place, when it asks.
    if ((*request)->is_abandoned || (*request)->state == Request::State::Done) continue;
    (*request)->state = Request::State::Queued;
    queue_.push_front(*request);
  }
  changed_.notify_all();
}

void CommitLog::note(const Status& status) {
  // What the bucket answered, and be it a refusal, it answered.
  const bool is_reached = status.code() != Code::Unavailable && status.code() != Code::Unsettled;
  bool was_reachable = false;
  {
    const MutexLock lock(mutex_);
    was_reachable = state_.is_reachable;
    if (is_reached) state_.last_answer = now();
    state_.is_reachable = is_reached;
    state_.failure = status.ok() ? "" : status.message();
  }
  if (!is_reached && was_reachable) log::warn("{} cannot be reached: {}", remote_.address(), status.message());
  if (!is_reached || was_reachable) return;
  log::info("{} can be reached again", remote_.address());
  if (options_.on_reachable) options_.on_reachable();
}

void CommitLog::halt(const Status& why) {
  log::error("{} is not followed any more, and nothing is published: {}", remote_.address(), why.message());
  const MutexLock lock(mutex_);
  halted_ = why;
  state_.is_halted = true;
  state_.failure = why.message();
  changed_.notify_all();
}

}  // namespace modelfs
