#include "engine/shared_dir/shared_dir_remote.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"
#include "engine/shared_dir/bounded_calls.h"
#include "engine/shared_dir/directory_walk.h"
#include "engine/shared_dir/shared_directory.h"
#include "store/remote_probe.h"

namespace modelfs {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;
// Of a list, in one step. Why so many: each step reads the names of a directory anew.
constexpr std::size_t kPageObjects = 100'000;
constexpr unsigned kCallThreads = 16;

using Bytes = std::vector<std::byte>;

Status failed(const Status& status) {
  return status.host_errno() == 0 ? status : shared_failure(status.host_errno(), status.message());
}

Status late(const std::string& name) { return {Code::Unavailable, name + ": the deadline has passed"}; }

Status write_synced(int fd, const std::string& name, ByteView bytes) {
  if (Status status = write_at(fd, 0, bytes); !status.ok()) return failed(status);
  return failed(sync_file(fd, name));
}

// All of it, or as much as the object has.
Result<Bytes> read_object(const SharedDirectory& directory, const std::string& name, std::uint64_t offset_bytes,
                          std::size_t size_bytes) {
  const Status absent(Code::NotFound, "no object " + directory.path() + "/" + name);
  const auto file = open_at(directory.fd(), name, O_RDONLY | O_NONBLOCK);
  if (file.code() == Code::NotFound || file.code() == Code::NotADirectory) return absent;
  if (!file.ok()) return failed(file.status());
  struct stat info {};
  if (::fstat(file->fd(), &info) != 0) return shared_failure(errno, "stat " + name);
  if (!S_ISREG(info.st_mode)) return absent;
  // Why: who reads a record applies it, and it must not go with the machine of a writer that has not synced it yet.
  if (offset_bytes == 0 && info.st_size <= static_cast<off_t>(Remote::kSmallBytesMax)) {
    if (Status status = directory.sync_parent(name); !status.ok()) return status;
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  Bytes bytes(offset_bytes >= size ? 0 : std::min<std::uint64_t>(size - offset_bytes, size_bytes));
  const auto got = read_at(file->fd(), offset_bytes, bytes);
  if (!got.ok()) return failed(got.status());
  bytes.resize(*got);
  return bytes;
}

Result<std::vector<RemoteObject>> list_page(const SharedDirectory& directory, const std::string& prefix,
                                            const std::string& after) {
  auto present = directory.clock();
  // Who may only read has but its own clock.
  if (present.code() == Code::Denied || present.status().host_errno() == EROFS) present = now();
  if (!present.ok()) return present.status();
  std::vector<RemoteObject> objects;
  Status failure;
  const Status walked = walk_files(directory.fd(), prefix, after, [&](const std::string& name) {
    struct stat info {};
    if (::fstatat(directory.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return true;
      failure = shared_failure(errno, "stat " + name);
      return false;
    }
    if (!S_ISREG(info.st_mode)) return true;
    const std::chrono::nanoseconds age(raw(*present) - raw(time_of(info.st_mtim)));
    objects.push_back({name, static_cast<std::uint64_t>(info.st_size),
                       std::max(std::chrono::seconds(0), std::chrono::duration_cast<std::chrono::seconds>(age))});
    return objects.size() < kPageObjects;
  });
  if (!walked.ok()) return walked;
  if (!failure.ok()) return failure;
  return objects;
}

// How far a put_if_absent has come: told apart where its caller gives up.
enum class Stage : std::uint8_t { Prepares, Links, IsGivenUp };

class SharedDirRemote final : public Remote {
 public:
  explicit SharedDirRemote(SharedDirectory directory)
      : directory_(std::make_shared<const SharedDirectory>(std::move(directory))) {}

  std::string address() const override { return "file://" + directory_->path(); }

  Result<Created> put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) override {
    if (bytes.size() > kSmallBytesMax) {
      return Status(Code::TooLarge, name + ": " + std::to_string(bytes.size()) + " bytes are too many for this call");
    }
    if (Status status = check_remote_name(name); !status.ok()) return status;
    const auto stage = std::make_shared<std::atomic<Stage>>(Stage::Prepares);
    const auto linked = within<SharedDirectory::Linked>(
        deadline, name, [name, stage, copy = Bytes(bytes.begin(), bytes.end())](const SharedDirectory& directory) {
          return make_object(directory, name, copy, *stage);
        });
    if (linked.ok()) return *linked == SharedDirectory::Linked::Now ? Created::Now : Created::Already;
    auto expected = Stage::Prepares;
    const bool may_be_made = linked.code() == Code::Unavailable && std::chrono::steady_clock::now() >= deadline &&
                             !stage->compare_exchange_strong(expected, Stage::IsGivenUp);
    return may_be_made ? Status(Code::Unsettled, linked.status().message()) : linked.status();
  }

  Status put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) override {
    if (Status status = check_remote_name(name); !status.ok()) return status;
    using Temporary = SharedDirectory::Temporary;
    auto made = within<std::shared_ptr<Temporary>>(
        deadline, name, [](const SharedDirectory& directory) -> Result<std::shared_ptr<Temporary>> {
          auto temporary = directory.make_temporary();
          if (!temporary.ok()) return temporary.status();
          return std::make_shared<Temporary>(*std::move(temporary));
        });
    if (!made.ok()) return made.status();
    const Status status = put_as(*made, name, source, sha256, deadline);
    // It loses its name, which may hang.
    calls_.begin([directory = directory_, temporary = std::move(*made)] {});
    return status;
  }

  Result<std::size_t> get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                          Deadline deadline) override {
    if (Status status = check_remote_name(name); !status.ok()) return status;
    const auto got = within<Bytes>(deadline, name, [name, offset_bytes, size = into.size()](const auto& directory) {
      return read_object(directory, name, offset_bytes, size);
    });
    if (!got.ok()) return got.status();
    std::copy(got->begin(), got->end(), into.begin());
    return got->size();
  }

  Status list(const std::string& prefix, const std::string& after,
              const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) override {
    std::string last = after;
    while (true) {
      const auto page = within<std::vector<RemoteObject>>(
          std::chrono::steady_clock::now() + deadline, "list " + prefix,
          [prefix, last](const SharedDirectory& directory) { return list_page(directory, prefix, last); });
      if (!page.ok()) return page.status();
      for (const RemoteObject& object : *page) {
        if (!visit(object)) return {};
      }
      if (page->size() < kPageObjects) return {};
      last = page->back().name;
    }
  }

  Status remove(const std::string& name, Deadline deadline) override {
    if (Status status = check_remote_name(name); !status.ok()) return status;
    return step(deadline, name, [name](const SharedDirectory& directory) { return directory.remove(name); });
  }

  Result<RemoteFacts> probe(Deadline deadline) override {
    if (Status status = probe_conditions(*this, deadline); !status.ok()) return status;
    const auto theirs =
        within<TimeNs>(deadline, "its clock", [](const SharedDirectory& directory) { return directory.clock(); });
    if (!theirs.ok()) return theirs.status();
    const std::chrono::nanoseconds skew(raw(*theirs) - raw(now()));
    return RemoteFacts{directory_->type(), std::chrono::duration_cast<std::chrono::seconds>(skew)};
  }

 private:
  // What `work` answers. Unavailable: not before the deadline; then it may still go on.
  template <class T, class Work>
  Result<T> within(Deadline deadline, const std::string& name, Work work) {
    if (std::chrono::steady_clock::now() >= deadline) return late(name);
    const auto answer = std::make_shared<std::optional<Result<T>>>();
    const auto end = calls_.run(
        [directory = directory_, answer, work = std::move(work)] { answer->emplace(work(*directory)); }, deadline);
    if (end != BoundedCalls::End::Done) return late(name);
    return std::move(**answer);
  }
  template <class Work>
  Status step(Deadline deadline, const std::string& name, Work work) {
    const auto done = within<bool>(deadline, name, [work = std::move(work)](const auto& directory) -> Result<bool> {
      const Status status = work(directory);
      if (!status.ok()) return status;
      return true;
    });
    return done.status();
  }

  static Result<SharedDirectory::Linked> make_object(const SharedDirectory& directory, const std::string& name,
                                                     ByteView bytes, std::atomic<Stage>& stage) {
    const auto temporary = directory.make_temporary();
    if (!temporary.ok()) return temporary.status();
    if (Status status = write_synced(temporary->fd(), temporary->name(), bytes); !status.ok()) return status;
    auto expected = Stage::Prepares;
    if (!stage.compare_exchange_strong(expected, Stage::Links)) return late(name);
    return directory.link(*temporary, name);
  }

  // `source` is read on this thread, since it goes with the call; `kept` goes with each step.
  Status put_as(const std::shared_ptr<SharedDirectory::Temporary>& kept, const std::string& name,
                const RemoteSource& source, const Digest& sha256, Deadline deadline) {
    Hasher hasher;
    for (std::uint64_t at = 0; at < source.size_bytes();) {
      Bytes piece(std::min<std::uint64_t>(kPieceBytes, source.size_bytes() - at));
      const auto got = source.read_at(at, piece);
      if (!got.ok()) return got.status();
      if (*got == 0) break;
      piece.resize(*got);
      hasher.add(piece);
      const Status written = step(deadline, name, [kept, at, piece = std::move(piece)](const SharedDirectory&) {
        return failed(write_at(kept->fd(), at, piece));
      });
      if (!written.ok()) return written;
      at += *got;
    }
    if (hasher.finish().digest != sha256) {
      return {Code::Corrupt, name + ": what is to be put does not have the digest " + sha256.hex()};
    }
    // That it is there already is what an earlier try has done: only whole files are linked.
    const Status linked = step(deadline, name, [kept, name](const SharedDirectory& directory) {
      const Status synced = failed(sync_file(kept->fd(), kept->name()));
      return synced.ok() ? directory.link(*kept, name).status() : synced;
    });
    return linked.code() == Code::Unsettled ? Status(Code::Unavailable, linked.message()) : linked;
  }

  const std::shared_ptr<const SharedDirectory> directory_;
  BoundedCalls calls_{kCallThreads};
};

}  // namespace

Result<std::unique_ptr<Remote>> open_shared_dir_remote(const std::string& path) {
  auto directory = SharedDirectory::open(path);
  if (!directory.ok()) return directory.status();
  return std::unique_ptr<Remote>(std::make_unique<SharedDirRemote>(*std::move(directory)));
}

}  // namespace modelfs
