// How an operation is carried out: on this thread or on the slow pool, and never with an exception into libfuse.
#pragma once
#include <exception>
#include <memory>
#include <utility>

#include "base/log.h"
#include "mount/request.h"

namespace modelfs {

// Calls work(Request), which replies. An exception in it is logged, and the request that it dropped is answered with
// EIO.
template <class Work>
void answer(Request request, Work&& work) noexcept {
  const fuse_opcode kind = request.kind();
  try {
    work(std::move(request));
  } catch (const std::exception& error) {
    log::error("{}: {}", RequestMetrics::name_of(kind), error.what());
  }
}

// The same on a thread of the slow pool. `work` owns what it needs: libfuse's arguments end with the operation.
template <class Work>
void answer_later(Request request, Work work) noexcept {
  // Why shared: std::function wants to be copyable, a request is not.
  answer(std::move(request), [&work](Request accepted) {
    ThreadPool& slow = accepted.slow();
    const uid_t user = accepted.caller().uid;
    auto kept = std::make_shared<Request>(std::move(accepted));
    slow.submit([kept, work = std::move(work)]() mutable { answer(std::move(*kept), work); }, user);
  });
}

// Work that creates a name in `directory`: on this thread, or on the slow pool while it would have to wait until what
// was published there before has been reclaimed.
template <class Work>
void answer_making(Request request, fuse_ino_t directory, Work work) noexcept {
  answer(std::move(request), [&](Request accepted) {
    if (accepted.files().may_block_create(Ino{directory})) return answer_later(std::move(accepted), std::move(work));
    work(std::move(accepted));
  });
}

// Work that removes a name from `directory`, or changes an attribute of it: on this thread, or on the slow pool where
// that is a commit that other hosts have to see.
template <class Work>
void answer_committing(Request request, fuse_ino_t directory, Work work) noexcept {
  answer(std::move(request), [&](Request accepted) {
    if (accepted.files().may_block_commit(Ino{directory})) return answer_later(std::move(accepted), std::move(work));
    work(std::move(accepted));
  });
}

}  // namespace modelfs
