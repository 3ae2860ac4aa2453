// The contract of the objects that many hosts share: a bucket, or a directory that all of them mount. One suite
// (tests/store/remote_contract.h) is passed by every engine.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// When a call gives up. Each ends at most a second later.
using Deadline = std::chrono::steady_clock::time_point;

// Bytes that are put. Safe for concurrent use: parts are read at the same time.
class RemoteSource {
 public:
  virtual ~RemoteSource() = default;
  virtual std::uint64_t size_bytes() const = 0;
  // Short only at the end.
  virtual Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const = 0;
};

struct RemoteObject {
  std::string name;
  std::uint64_t size_bytes = 0;
  // How long ago it was put, by the clock of those who keep it.
  std::chrono::seconds age{0};
};

// What probe() found out.
struct RemoteFacts {
  std::string server;                  // as it calls itself; may be empty
  std::chrono::seconds clock_skew{0};  // its clock minus ours
};

// Objects by name, each of which is made once and never changed. Names are relative: parts of [A-Za-z0-9._-] that '/'
// separates, none of them "." or "..", at most kPartBytesMax bytes each and kNameBytesMax together. No object's name is
// what another's begins with before a '/'.
// Consistent: what a put has answered, every later call of every host sees, also that it is absent no more.
// Safe for concurrent use. A call that fails in a way that may pass is repeated inside, until its deadline.
// Everywhere: InvalidArgument: the name cannot be one. Unavailable: the deadline passed without an answer, or nobody
// could be reached. Denied: the credentials were refused, also after they were fetched again. IoError: it answered what
// it must not; the message has the answer.
class Remote {
 public:
  static constexpr std::size_t kNameBytesMax = 512;
  // What every file system takes.
  static constexpr std::size_t kPartBytesMax = 255;
  // What put_if_absent takes.
  static constexpr std::size_t kSmallBytesMax = 256ull << 10;

  enum class Created : std::uint8_t {
    Now,      // this call, or an earlier one of the same bytes whose answer was lost, has made it
    Already,  // another has; also where the bytes of it happen to be the same
  };

  virtual ~Remote() = default;
  // For messages: "s3://bucket/prefix".
  virtual std::string address() const = 0;

  // TooLarge: `bytes` are more than kSmallBytesMax.
  // Makes the object unless there is one: of all that try at the same time, on all hosts, one hears Now.
  // It does not repeat itself after a request whose answer was lost, but says Unsettled: the object may be there, or
  // may come to be there later. Who wants to know puts the same bytes again until the answer is another, and then
  // reads. Unavailable and every other failure: this call has made nothing, and will not.
  virtual Result<Created> put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) = 0;

  // Puts an object whose name nobody else ever puts; may be repeated after any failure. `sha256` is of all its bytes,
  // and is checked on the way where the engine can. Corrupt: the source does not have these bytes.
  virtual Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) = 0;

  // Short only at the end of the object. NotFound is certain.
  virtual Result<std::size_t> get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                                  Deadline deadline) = 0;

  // Calls `visit` with each object whose name begins with `prefix` and is greater than `after` (empty: all), in the
  // order of the names' bytes, until it returns false. `deadline` is for each request.
  virtual Status list(const std::string& prefix, const std::string& after,
                      const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) = 0;

  // An absent object is Ok.
  virtual Status remove(const std::string& name, Deadline deadline) = 0;

  // Tries below `probe/` whether all of the above holds, conditions by eight at once and by the bytes that they leave.
  // Unsupported: it does not hold; says what was answered, and what to do. Leaves nothing behind but where it may not
  // remove.
  virtual Result<RemoteFacts> probe(Deadline deadline) = 0;
};

// The whole object. TooLarge: it has more than `bytes_max`. Else as get().
Result<std::string> get_whole(Remote& remote, const std::string& name, std::size_t bytes_max, Deadline deadline);

// InvalidArgument unless `name` may name an object.
Status check_remote_name(std::string_view name);

// Bytes in memory as a source. They outlive it.
class BytesSource final : public RemoteSource {
 public:
  explicit BytesSource(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t size_bytes() const override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override;

 private:
  const ByteView bytes_;
};

}  // namespace modelfs
