// Parts of objects, as those who wait for them need them.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"
#include "store/remote.h"

namespace modelfs {

// How long somebody waits for bytes that do not come.
inline constexpr std::chrono::milliseconds kFetchDeadline{10'000};

// Safe for concurrent use.
class RemoteBytes {
 public:
  // What is asked for at once where a whole chunk did not come in time: so a link of 64 KiB/s is slow, and not dead.
  static constexpr std::size_t kSlowBytes = 256 << 10;

  struct Figures {
    std::uint64_t bytes = 0;     // that came, wrong ones included
    std::uint64_t requests = 0;  // parts that were asked for
    std::uint64_t failures = 0;  // that were not answered
    std::uint64_t wrong = 0;     // that were answered with wrong bytes
  };

  RemoteBytes(Remote& remote, std::chrono::milliseconds deadline) : remote_(remote), deadline_(deadline) {}

  // Fills `into`. Unavailable: for the length of the deadline nothing came. Corrupt: the object ends before. NotFound:
  // it is certain that there is none.
  Status read(const std::string& object, std::uint64_t offset_bytes, ByteSpan into);
  // What there is of `into`, from the start of the object.
  Result<std::size_t> read_some(const std::string& object, ByteSpan into);
  // As read(), of bytes whose hash is known. What is wrong is asked for once more. Corrupt: it was wrong again; names
  // the object. Nothing of `into` may be given to anybody then.
  Status read_checked(const std::string& object, std::uint64_t offset_bytes, ByteSpan into, const Digest& digest);
  // The same, where the hash need not be known before the bytes have come. A failure of `digest` is the answer.
  Status read_checked(const std::string& object, std::uint64_t offset_bytes, ByteSpan into,
                      const std::function<Result<Digest>()>& digest);

  // When bytes came last.
  std::chrono::steady_clock::time_point last_success() const { return last_success_.load(); }
  std::chrono::milliseconds deadline() const { return deadline_; }
  std::string name_of(const std::string& object) const { return remote_.address() + "/" + object; }
  Figures figures() const { return {bytes_.load(), requests_.load(), failures_.load(), wrong_.load()}; }

 private:
  Result<std::size_t> ask(const std::string& object, std::uint64_t offset_bytes, ByteSpan into,
                          std::chrono::milliseconds patience);
  Result<std::size_t> read_up_to(const std::string& object, std::uint64_t offset_bytes, ByteSpan into);

  Remote& remote_;
  const std::chrono::milliseconds deadline_;
  std::atomic<bool> is_slow_ = false;
  std::atomic<std::chrono::steady_clock::time_point> last_success_{};
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;
  std::atomic<std::uint64_t> wrong_ = 0;
};

}  // namespace modelfs
