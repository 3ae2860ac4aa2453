// The log that all hosts of a registry share: commits go in, what others have put comes out.
#pragma once
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "replica/log_pace.h"
#include "replica/log_tail.h"

namespace modelfs {

struct CommitLogOptions {
  std::string host;  // named in each record
  // How long a commit waits for the bucket before it fails.
  std::chrono::milliseconds publish_deadline{30'000};
  // One request's time. A lost answer is asked for again after so long.
  std::chrono::milliseconds request_deadline{10'000};
  PollTimes poll = {};
  // Told of each record of another host, in order, once it is applied. On the log's thread, which must not wait for
  // anything that waits for a commit.
  std::function<void(const AppliedRecord&)> on_applied = {};
  // Told of each slot that this host has won, once it is applied. As on_applied.
  std::function<void(std::uint64_t slot)> on_won = {};
  // The bucket answers again, after it did not. On any thread, without a lock.
  std::function<void()> on_reachable = {};
};

// What the log says of itself.
struct LogState {
  std::uint64_t next_slot = 1;
  std::uint64_t writer = 0;
  bool is_reachable = true;    // the last request was answered
  bool has_unsettled = false;  // a record of this host may be in the log or not
  std::string failure;         // of the last request, or why it was halted; empty: none
  bool is_halted = false;      // nothing is applied or put any more; `failure` says why
  TimeNs last_answer{};        // when the bucket last answered; 0: never
  std::uint64_t commits = 0;   // of this host that held
  std::uint64_t slots_won = 0;
  std::uint64_t slots_lost = 0;
  std::uint64_t records_applied = 0;  // of other hosts
};

// Safe for concurrent use. One thread of its own talks to the log.
class CommitLog {
 public:
  // `local` has a position (of a registry that exists). Both outlive it. Nothing is asked of the bucket before start().
  CommitLog(Remote& remote, KeyValueStore& local, PositionRecord position, CommitLogOptions options);
  ~CommitLog();
  CommitLog(const CommitLog&) = delete;
  CommitLog& operator=(const CommitLog&) = delete;

  // Settles what an earlier process has left, and applies what is there. Unavailable: it could not in `patience`, and
  // goes on with it behind. Corrupt and others: it is halted.
  Status start(std::chrono::milliseconds patience) EXCLUDES(mutex_);
  // Ends the thread. What waits is answered Unavailable, or Unsettled where it is in the log perhaps.
  void end() EXCLUDES(mutex_);

  // Puts a batch into the log and applies it here, `host_part` with it. Ok: it holds, on every host.
  // Conflict: something that it expects does not hold. Unavailable: the bucket could not be reached before the
  // deadline; nothing was changed and will not be. Unsettled: it may hold or not; check_settled() says when that is
  // known. Stale: halted. Denied, IoError: as Remote::put_if_absent; nothing was changed.
  Status commit(LoggedBatch batch, Batch host_part, SpaceNeed need) EXCLUDES(mutex_);
  // Ok: whatever commit() has answered Unsettled is decided, and the local store shows how.
  Status check_settled() const EXCLUDES(mutex_);

  // Asks for the next record now, and waits until the log has been read to its end or `patience` has passed.
  Status catch_up(std::chrono::milliseconds patience) EXCLUDES(mutex_);
  // The same without waiting.
  void poll_soon() EXCLUDES(mutex_);
  LogState state() const EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;
  struct Request {
    LoggedBatch batch;
    Batch host_part;
    SpaceNeed need = SpaceNeed::Grows;
    std::size_t size_bytes = 0;
    Clock::time_point deadline;
    enum class State { Queued, InFlight, Done } state = State::Queued;
    bool is_abandoned = false;  // its caller has been told Unsettled
    Status answer;
  };
  using Requests = std::vector<std::shared_ptr<Request>>;

  void run();
  // Each answers false where the bucket or the store did not do what was asked: then it is left alone for a while.
  // One record of this host: from the queue into the log.
  bool append();
  Requests take_group() EXCLUDES(mutex_);
  // Whose batches can be put together into the next slot; answers Conflict to those that hold no more, and leaves what
  // waits for one of the group in the queue.
  Result<Requests> choose(Requests waiting) EXCLUDES(mutex_);
  // What the bucket made of a record for the next slot.
  enum class Outcome { Won, Lost, Nothing, Unknown };
  Outcome put(const UnsettledRecord& record, Deadline deadline, Status& why);
  // Puts it again; false: the slot is still not decided.
  bool settle(const UnsettledRecord& record);
  bool decide(const UnsettledRecord& record, Outcome outcome, Deadline deadline);
  bool apply_own(const UnsettledRecord& record, const ReadRecord& read);
  // Reads and applies to the end of the log.
  bool pull();
  bool apply_foreign(const ReadRecord& read);
  bool erase_unsettled();
  // From now on it is put again, until it is decided.
  void keep_unsettled(UnsettledRecord record) EXCLUDES(mutex_);

  void answer(const Requests& group, const Status& status) EXCLUDES(mutex_);
  void put_back(const Requests& group) EXCLUDES(mutex_);
  void note(const Status& status) EXCLUDES(mutex_);
  void halt(const Status& why) EXCLUDES(mutex_);
  bool wait_for_work() EXCLUDES(mutex_);
  // False: it is ending.
  bool rest(std::chrono::milliseconds time) EXCLUDES(mutex_);

  Remote& remote_;
  KeyValueStore& local_;
  const CommitLogOptions options_;
  // Of the thread alone.
  LogTail tail_;
  LogPace pace_;
  std::optional<UnsettledRecord> unsettled_;
  Requests in_flight_;
  Clock::time_point next_poll_{};
  Clock::time_point next_turn_{};  // no slot is tried before

  mutable Mutex mutex_;  // not held while anything is asked of the bucket or the store
  Condition wake_;       // the thread
  Condition changed_;    // those who wait for it
  std::deque<std::shared_ptr<Request>> queue_ GUARDED_BY(mutex_);
  LogState state_ GUARDED_BY(mutex_);
  Status halted_ GUARDED_BY(mutex_);
  bool is_ending_ GUARDED_BY(mutex_) = false;
  bool wants_poll_ GUARDED_BY(mutex_) = false;
  std::uint64_t reads_to_end_ GUARDED_BY(mutex_) = 0;  // how often the end of the log was met
  std::uint64_t failed_reads_ GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace modelfs
