#include "ingest/unpacking.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "ingest/draft_sink.h"

namespace modelfs {

Result<std::unique_ptr<UnpackingDirectory>> UnpackingDirectory::make(DraftStore& drafts, Ino place, std::string name,
                                                                     const Credentials& who) {
  std::unique_ptr<UnpackingDirectory> made(new UnpackingDirectory(drafts, place, std::move(name)));
  NewDraft fresh;
  fresh.type = FileType::Directory;
  fresh.owner = {who.uid, who.gid, kUnnamedDirectoryMode};
  const auto root = drafts.tree().make(place, made->name_, fresh);
  if (!root.ok()) return root.status();
  made->root_ = root->ino;
  return made;
}

UnpackingDirectory::~UnpackingDirectory() {
  if (root_ == kNoIno) return;
  if (Status status = drafts_.reclaimer().discard(place_, name_); !status.ok())
    log::warn("unpacking: {}", status.message());
}

Result<std::unique_ptr<UnpackingDirectory>> unpack(const UnpackingMeans& means, const UnpackingPlan& plan,
                                                   ArchiveSource& source) {
  auto directory = UnpackingDirectory::make(means.drafts, plan.place, plan.name, plan.who);
  if (!directory.ok()) return directory.status();
  DraftSink sink(means.drafts, (*directory)->root(), plan.who, means.closers);
  Status status = read_archive(source, plan.format, means.limits, sink);
  if (status.ok()) status = sink.finish();
  if (!status.ok()) return status;
  return directory;
}

// Shared by its owner, the file that is followed, and the thread that unpacks.
class UnpackingBehind::Work : public WriteListener, public ArchiveSource, public std::enable_shared_from_this<Work> {
 public:
  Work(const UnpackingMeans& means, ThreadPool& runners, Ino file, UnpackingPlan plan)
      : means_(means), runners_(runners), file_(file), plan_(std::move(plan)) {}

  void grown(std::uint64_t bytes) override {
    const MutexLock lock(mutex_);
    there_ = bytes;
    changed_.notify_all();
    if (state_ != State::Small || bytes < kBeginBytes) return;
    state_ = State::Queued;
    runners_.submit([self = shared_from_this()] { self->run(); });
  }
  void spoiled() override {
    const MutexLock lock(mutex_);
    given_up_ = true;
    changed_.notify_all();
  }
  Status verdict() override {
    const MutexLock lock(mutex_);
    if (there_ >= kAwaitedBytes && !std::exchange(was_awaited_, true)) {
      const auto end = std::chrono::steady_clock::now() + kPatience;
      while (is_under_way() && judged_bytes_ == 0 && !given_up_) {
        if (!changed_.wait_for(mutex_, end - std::chrono::steady_clock::now())) break;
      }
    }
    return verdict_so_far();
  }
  void judged(std::uint64_t bytes) override {
    const MutexLock lock(mutex_);
    const bool is_first = std::exchange(judged_bytes_, bytes) == 0;
    if (is_first) changed_.notify_all();
  }
  void judge_waits(bool waits) override {
    const MutexLock lock(mutex_);
    judge_waits_ = waits;
    if (waits) changed_.notify_all();
  }
  void stop_reading() override {
    const MutexLock lock(mutex_);
    is_judged_ = true;
    changed_.notify_all();
  }
  Status judge_so_far() {
    const MutexLock lock(mutex_);
    // Where no thread is free it is judged at the end.
    while (state_ == State::Queued && !given_up_ && changed_.wait_for(mutex_, kPatience)) {
    }
    while (state_ == State::Running && !given_up_ && !(judge_waits_ && wanted_ > there_)) changed_.wait(mutex_);
    return verdict_so_far();
  }
  void give_up() {
    std::unique_ptr<UnpackingDirectory> unused;  // goes without a lock held
    const MutexLock lock(mutex_);
    given_up_ = true;
    if (made_ && made_->ok()) unused = std::move(**made_);
    made_.reset();
    changed_.notify_all();
  }

  std::optional<Result<std::unique_ptr<UnpackingDirectory>>> finish(std::uint64_t size_bytes) {
    const MutexLock lock(mutex_);
    if (state_ == State::Small || state_ == State::Queued) given_up_ = true;
    final_bytes_ = size_bytes;
    changed_.notify_all();
    while (state_ == State::Running) changed_.wait(mutex_);
    if (given_up_ || !made_) return std::nullopt;
    return std::exchange(made_, std::nullopt);
  }

  // What may still change is waited for.
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) override {
    {
      const MutexLock lock(mutex_);
      while (!is_over() && !final_bytes_ && there_ < offset_bytes + into.size()) {
        if (std::exchange(wanted_, offset_bytes + into.size()) == 0) changed_.notify_all();
        changed_.wait(mutex_);
      }
      wanted_ = 0;
      if (is_over()) return Status(Code::Interrupted, "the archive is not unpacked behind its writer any more");
    }
    return handle_->file().read(offset_bytes, into);
  }
  Result<std::uint64_t> size_bytes() override {
    const MutexLock lock(mutex_);
    while (!given_up_ && !final_bytes_) changed_.wait(mutex_);
    if (given_up_) return Status(Code::Interrupted, "the archive is not unpacked behind its writer any more");
    return *final_bytes_;
  }

 private:
  enum class State { Small, Queued, Running, Done };
  static constexpr std::chrono::seconds kPatience{1};

  bool is_under_way() const REQUIRES(mutex_) { return state_ == State::Queued || state_ == State::Running; }
  bool is_over() const REQUIRES(mutex_) { return given_up_ || is_judged_; }
  Status verdict_so_far() const REQUIRES(mutex_) {
    const bool is_known = !given_up_ && !final_bytes_ && made_ && !made_->ok();
    return is_known ? made_->status() : Status();
  }

  void run() {
    {
      const MutexLock lock(mutex_);
      if (given_up_) return;
      state_ = State::Running;
      changed_.notify_all();
    }
    auto made = unpack_followed();
    const MutexLock lock(mutex_);
    state_ = State::Done;
    // What failed for reasons of the moment (no space, say) is tried again when the archive is complete.
    const bool is_verdict = made.ok() || made.code() == Code::Malformed || made.code() == Code::TooLarge ||
                            made.code() == Code::NameTooLong;
    if (is_verdict && !given_up_) made_ = std::move(made);
    changed_.notify_all();
  }

  Result<std::unique_ptr<UnpackingDirectory>> unpack_followed() {
    auto handle = means_.drafts.files().open(file_, false, 0);
    if (!handle.ok()) return handle.status();
    handle_ = std::move(*handle);
    auto made = unpack(means_, plan_, *this);
    handle_.reset();
    return made;
  }

  const UnpackingMeans means_;
  ThreadPool& runners_;
  const Ino file_;
  const UnpackingPlan plan_;
  std::unique_ptr<DraftHandle> handle_;  // of run()

  Mutex mutex_;  // leaf lock but for that of `runners_`
  Condition changed_;
  State state_ GUARDED_BY(mutex_) = State::Small;
  std::uint64_t there_ GUARDED_BY(mutex_) = 0;
  std::optional<std::uint64_t> final_bytes_ GUARDED_BY(mutex_);
  bool given_up_ GUARDED_BY(mutex_) = false;
  std::uint64_t judged_bytes_ GUARDED_BY(mutex_) = 0;
  bool was_awaited_ GUARDED_BY(mutex_) = false;  // by its writer
  bool is_judged_ GUARDED_BY(mutex_) = false;    // nothing more is read
  std::uint64_t wanted_ GUARDED_BY(mutex_) = 0;  // a read waits until so many are there; 0: none does
  bool judge_waits_ GUARDED_BY(mutex_) = true;   // for what is read next
  std::optional<Result<std::unique_ptr<UnpackingDirectory>>> made_ GUARDED_BY(mutex_);
};

std::unique_ptr<UnpackingBehind> UnpackingBehind::follow(const UnpackingMeans& means, ThreadPool& runners, Ino file,
                                                         UnpackingPlan plan) {
  auto work = std::make_shared<Work>(means, runners, file, std::move(plan));
  if (!means.drafts.files().follow(file, work)) return nullptr;
  return std::unique_ptr<UnpackingBehind>(new UnpackingBehind(std::move(work)));
}

Status UnpackingBehind::judge_so_far() { return work_->judge_so_far(); }

UnpackingBehind::~UnpackingBehind() { work_->give_up(); }

std::optional<Result<std::unique_ptr<UnpackingDirectory>>> UnpackingBehind::finish(std::uint64_t size_bytes) {
  return work_->finish(size_bytes);
}

}  // namespace modelfs
