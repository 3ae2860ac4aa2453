#include "engine/shared_dir/shared_dir_remote.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"
#include "engine/shared_dir/directory_walk.h"
#include "engine/shared_dir/shared_directory.h"
#include "store/remote_probe.h"

namespace modelfs {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;

class SharedDirRemote final : public Remote {
 public:
  explicit SharedDirRemote(SharedDirectory directory) : directory_(std::move(directory)) {}

  std::string address() const override { return "file://" + directory_.path(); }

  Result<Created> put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) override {
    if (bytes.size() > kSmallBytesMax) {
      return Status(Code::TooLarge, name + ": " + std::to_string(bytes.size()) + " bytes are too many for this call");
    }
    if (Status status = check(name, deadline); !status.ok()) return status;
    const auto temporary = directory_.make_temporary();
    if (!temporary.ok()) return temporary.status();
    if (Status status = fill(*temporary, bytes); !status.ok()) return status;
    if (Status status = check(name, deadline); !status.ok()) return status;
    const auto linked = directory_.link(*temporary, name);
    if (!linked.ok()) return linked.status();
    return *linked == SharedDirectory::Linked::Now ? Created::Now : Created::Already;
  }

  Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) override {
    if (Status status = check(name, deadline); !status.ok()) return status;
    const auto temporary = directory_.make_temporary();
    if (!temporary.ok()) return temporary.status();
    if (Status status = copy(name, source, sha256, temporary->fd(), deadline); !status.ok()) return status;
    // That it is there already is what an earlier try has done: only whole files are linked.
    const auto linked = directory_.link(*temporary, name);
    if (linked.code() == Code::Unsettled) return {Code::Unavailable, linked.status().message()};
    return linked.status();
  }

  Result<std::size_t> get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                          Deadline deadline) override {
    if (Status status = check(name, deadline); !status.ok()) return status;
    const auto file = open_at(directory_.fd(), name, O_RDONLY | O_NONBLOCK);
    if (file.code() == Code::NotFound || file.code() == Code::NotADirectory) return absent(name);
    if (!file.ok()) return failed(file.status());
    struct stat info {};
    if (::fstat(file->fd(), &info) != 0) return shared_failure(errno, "stat " + name);
    if (!S_ISREG(info.st_mode)) return absent(name);
    // Why: who reads a record applies it, and it must not go with the machine of a writer that has not synced it yet.
    if (offset_bytes == 0 && info.st_size <= static_cast<off_t>(kSmallBytesMax)) {
      if (Status status = directory_.sync_parent(name); !status.ok()) return status;
    }
    if (offset_bytes >= static_cast<std::uint64_t>(info.st_size)) return std::size_t{0};
    const auto got = read_at(file->fd(), offset_bytes, into);
    if (!got.ok()) return failed(got.status());
    return *got;
  }

  Status list(const std::string& prefix, const std::string& after,
              const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) override {
    if (deadline.count() <= 0) return late(prefix);
    auto present = directory_.clock();
    // Who may only read has but its own clock.
    if (present.code() == Code::Denied || present.status().host_errno() == EROFS) present = now();
    if (!present.ok()) return present.status();
    Status failure;
    const Status walked = walk_files(directory_.fd(), prefix, after, [&](const std::string& name) {
      struct stat info {};
      if (::fstatat(directory_.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return true;
        failure = shared_failure(errno, "stat " + name);
        return false;
      }
      if (!S_ISREG(info.st_mode)) return true;
      const std::chrono::nanoseconds age(raw(*present) - raw(time_of(info.st_mtim)));
      return visit({name, static_cast<std::uint64_t>(info.st_size),
                    std::max(std::chrono::seconds(0), std::chrono::duration_cast<std::chrono::seconds>(age))});
    });
    return walked.ok() ? failure : walked;
  }

  Status remove(const std::string& name, Deadline deadline) override {
    if (Status status = check(name, deadline); !status.ok()) return status;
    return directory_.remove(name);
  }

  Result<RemoteFacts> probe(Deadline deadline) override {
    if (Status status = probe_conditions(*this, deadline); !status.ok()) return status;
    const auto theirs = directory_.clock();
    if (!theirs.ok()) return theirs.status();
    const std::chrono::nanoseconds skew(raw(*theirs) - raw(now()));
    return RemoteFacts{directory_.type(), std::chrono::duration_cast<std::chrono::seconds>(skew)};
  }

 private:
  static Status late(const std::string& name) { return {Code::Unavailable, name + ": the deadline has passed"}; }
  Status absent(const std::string& name) const { return {Code::NotFound, "no object " + address() + "/" + name}; }
  static Status failed(const Status& status) {
    return status.host_errno() == 0 ? status : shared_failure(status.host_errno(), status.message());
  }

  static Status check(const std::string& name, Deadline deadline) {
    if (Status status = check_remote_name(name); !status.ok()) return status;
    return std::chrono::steady_clock::now() < deadline ? Status() : late(name);
  }

  static Status fill(const SharedDirectory::Temporary& temporary, ByteView bytes) {
    if (Status status = write_at(temporary.fd(), 0, bytes); !status.ok()) return failed(status);
    const Status synced = sync_file(temporary.fd(), temporary.name());
    return synced.ok() ? synced : failed(synced);
  }

  // All of `source`, synced.
  static Status copy(const std::string& name, const RemoteSource& source, const Digest& sha256, int to,
                     Deadline deadline) {
    Hasher hasher;
    std::vector<std::byte> piece(std::min<std::uint64_t>(kPieceBytes, source.size_bytes()));
    for (std::uint64_t at = 0; at < source.size_bytes();) {
      if (Status status = check(name, deadline); !status.ok()) return status;
      const auto got = source.read_at(at, piece);
      if (!got.ok()) return got.status();
      if (*got == 0) break;
      const ByteView bytes = ByteView(piece).first(*got);
      hasher.add(bytes);
      if (Status status = write_at(to, at, bytes); !status.ok()) return failed(status);
      at += *got;
    }
    if (hasher.finish().digest != sha256) {
      return {Code::Corrupt, name + ": what is to be put does not have the digest " + sha256.hex()};
    }
    const Status synced = sync_file(to, name);
    return synced.ok() ? synced : failed(synced);
  }

  const SharedDirectory directory_;
};

}  // namespace

Result<std::unique_ptr<Remote>> open_shared_dir_remote(const std::string& path) {
  auto directory = SharedDirectory::open(path);
  if (!directory.ok()) return directory.status();
  return std::unique_ptr<Remote>(std::make_unique<SharedDirRemote>(*std::move(directory)));
}

}  // namespace modelfs
