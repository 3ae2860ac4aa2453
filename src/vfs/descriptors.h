// How many files of the host those who use the mount may keep open in the daemon, so that it has descriptors left to
// commit, to answer its socket and to read its own tables.
#pragma once
#include <atomic>
#include <cstddef>
#include <memory>

#include "base/status.h"

namespace modelfs {

// Safe for concurrent use.
class Descriptors {
 public:
  // What the daemon keeps for itself of the limit of its process; at most half of it. Its tables (256), conversations
  // (64), and files that are being unpacked (128) fit in.
  static constexpr std::size_t kReserved = 512;

  // One that an open file has or may need; given back with it.
  class Use {
   public:
    explicit Use(std::atomic<std::size_t>& taken) : taken_(taken) {}
    ~Use() { --taken_; }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    std::atomic<std::size_t>& taken_;
  };

  // Of this process: its limit (RLIMIT_NOFILE) as it is now, less the reserve.
  Descriptors();

  // IoError, ENFILE: all are taken.
  Result<std::unique_ptr<const Use>> take();
  // The same without taking one: before something is made that an open comes after.
  Status check() const;

 private:
  Status none_left() const;

  const std::size_t max_;
  std::atomic<std::size_t> taken_ = 0;
};

}  // namespace modelfs
