#include "engine/rocksdb/file_blobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/time.h"

namespace modelfs {
namespace {

constexpr const char* kBlobsName = "blobs";
constexpr std::string_view kTemporaryPrefix = "adopting-";
constexpr mode_t kBlobMode = 0400;
constexpr std::size_t kCopyBytes = 1 << 20;

std::string folder_of(const Digest& digest) { return digest.hex().substr(0, 2); }
std::string path_of(const Digest& digest) { return folder_of(digest) + "/" + digest.hex(); }

std::string folder_name(unsigned int number) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[number / 16], kDigits[number % 16]};
}

Result<struct stat> stat_of(int dir, const std::string& name) {
  struct stat info {};
  if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Status::from_errno(errno, "stat " + name);
  return info;
}

bool link_is_impossible(int error) {
  return error == EXDEV || error == EMLINK || error == EPERM || error == EOPNOTSUPP;
}

// Calls `visit` with the name of each entry of a directory until it returns Ok(false) or a failure.
Status for_each_entry(int parent, const std::string& name,
                      const std::function<Result<bool>(const std::string&)>& visit) {
  auto directory = open_at(parent, name, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.status();
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(directory->fd()), ::closedir);
  if (entries == nullptr) return Status::from_errno(errno, "list " + name);
  directory->release();  // the stream closes it
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(entries.get());
    if (entry == nullptr) return errno == 0 ? Status() : Status::from_errno(errno, "list " + name);
    const auto more = visit(entry->d_name);
    if (!more.ok()) return more.status();
    if (!*more) return {};
  }
}

class FileBlobReader final : public BlobReader {
 public:
  FileBlobReader(File file, const struct stat& info)
      : file_(std::move(file)),
        size_bytes_(static_cast<std::uint64_t>(info.st_size)),
        allocated_bytes_(static_cast<std::uint64_t>(info.st_blocks) * 512) {}

  std::uint64_t size_bytes() const override { return size_bytes_; }
  std::uint64_t allocated_bytes() const override { return allocated_bytes_; }

  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    if (offset_bytes >= size_bytes_) return std::size_t{0};  // also where an offset is none to the kernel
    return modelfs::read_at(file_.fd(), offset_bytes, into);
  }

  std::optional<int> descriptor() const override { return file_.fd(); }

 private:
  const File file_;
  const std::uint64_t size_bytes_;
  const std::uint64_t allocated_bytes_;
};

// Writes what `right` has into `wrong` where that differs. Why: processes that have the file of a damaged blob open,
// and the kernel, go on reading it and would never see its replacement. A failure leaves it as it was.
Status mend(const File& wrong, const File& right, std::uint64_t size_bytes) {
  std::vector<std::byte> good(kCopyBytes);
  std::vector<std::byte> bad(kCopyBytes);
  for (std::uint64_t offset = 0; offset < size_bytes;) {
    const auto got = read_at(right.fd(), offset, good);
    if (!got.ok()) return got.status();
    if (*got == 0) break;
    const ByteView bytes = ByteView(good).first(*got);
    const auto there = read_at(wrong.fd(), offset, ByteSpan(bad).first(*got));
    const bool same = there.ok() && *there == *got && std::memcmp(bad.data(), good.data(), *got) == 0;
    if (!same) {
      if (Status status = write_at(wrong.fd(), offset, bytes); !status.ok()) return status;
    }
    offset += *got;
  }
  return ::ftruncate(wrong.fd(), static_cast<off_t>(size_bytes)) == 0 ? Status()
                                                                      : Status::from_errno(errno, "truncate a blob");
}

// The file at `path`, to be mended after another has taken its place. NotFound: none is there that may be mended.
Result<File> open_to_mend(int dir, const std::string& path) {
  const auto there = stat_of(dir, path);
  if (!there.ok()) return there.status();
  // Why not with another name: what a commit that was killed has linked is still its draft, and that is its writer's.
  if (!S_ISREG(there->st_mode) || there->st_nlink != 1) return Status(Code::NotFound, path + " is not only a blob");
  if (::fchmodat(dir, path.c_str(), 0600, 0) != 0) return Status::from_errno(errno, "chmod " + path);
  return open_at(dir, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW);
}

Result<File> open_without_access_time(int dir, const std::string& path) {
  // O_NONBLOCK: something other than a regular file must not make us wait.
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
  auto file = open_at(dir, path, kFlags | O_NOATIME);
  if (file.status().host_errno() != EPERM) return file;
  return open_at(dir, path, kFlags);  // only the owner may ask for O_NOATIME
}

}  // namespace

Result<std::unique_ptr<FileBlobs>> FileBlobs::open(const File& store) {
  if (::mkdirat(store.fd(), kBlobsName, 0700) != 0 && errno != EEXIST) return Status::from_errno(errno, "create blobs");
  auto blobs = open_at(store.fd(), kBlobsName, O_RDONLY | O_DIRECTORY);
  if (!blobs.ok()) return blobs.status();
  const int fd = blobs->fd();
  for (unsigned int number = 0; number < 256; ++number) {
    const std::string folder = folder_name(number);
    if (::mkdirat(fd, folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return Status::from_errno(errno, "create blobs/" + folder);
    }
  }
  const Status cleaned = for_each_entry(fd, ".", [fd](const std::string& name) -> Result<bool> {
    if (name.starts_with(kTemporaryPrefix)) ::unlinkat(fd, name.c_str(), 0);  // if not now, then at the next opening
    return true;
  });
  if (!cleaned.ok()) return cleaned;
  // Why always: an interrupted opening may have created them without getting here.
  if (Status status = sync_file(fd, "blobs"); !status.ok()) return status;
  if (Status status = sync_file(store.fd(), "the store's directory"); !status.ok()) return status;
  return std::unique_ptr<FileBlobs>(new FileBlobs(*std::move(blobs)));
}

Result<std::unique_ptr<FileBlobs>> FileBlobs::open_for_reading(const File& store) {
  auto blobs = open_at(store.fd(), kBlobsName, O_RDONLY | O_DIRECTORY);
  if (!blobs.ok()) return blobs.status();
  return std::unique_ptr<FileBlobs>(new FileBlobs(*std::move(blobs)));
}

Result<std::unique_ptr<BlobReader>> FileBlobs::open(const Digest& digest) const {
  const std::string path = path_of(digest);
  auto file = open_without_access_time(blobs_.fd(), path);
  if (file.code() == Code::NotFound) return Status(Code::NotFound, "no blob " + digest.hex());
  const Status no_file(Code::Corrupt, "blobs/" + path + " is not a regular file");
  const int error = file.status().host_errno();
  if (error == ELOOP || error == ENXIO) return no_file;  // a symlink, a socket
  if (!file.ok()) return file.status();

  struct stat info {};
  if (::fstat(file->fd(), &info) != 0) return Status::from_errno(errno, "stat blobs/" + path);
  if (!S_ISREG(info.st_mode)) return no_file;
  return std::unique_ptr<BlobReader>(std::make_unique<FileBlobReader>(*std::move(file), info));
}

Status FileBlobs::adopt(const Digest& digest, int dir, const std::string& name) {
  const auto info = stat_of(dir, name);
  if (!info.ok()) return info.status();
  if (!S_ISREG(info->st_mode)) return Status(Code::InvalidArgument, name + " is not a regular file");

  const std::string path = path_of(digest);
  if (::linkat(dir, name.c_str(), blobs_.fd(), path.c_str(), 0) != 0) {
    const int error = errno;
    if (error != EEXIST && !link_is_impossible(error)) return Status::from_errno(error, "link blobs/" + path);
    if (Status status = replace(dir, name, path); !status.ok()) return status;
  }
  if (::fchmodat(blobs_.fd(), path.c_str(), kBlobMode, 0) != 0) return Status::from_errno(errno, "chmod blobs/" + path);
  return {};
}

Status FileBlobs::replace(int dir, const std::string& name, const std::string& path) {
  const std::string temporary = next_temporary();
  Status status = bring(dir, name, temporary);
  const auto damaged = status.ok() ? open_to_mend(blobs_.fd(), path) : Result<File>(status);
  if (status.ok() && ::renameat(blobs_.fd(), temporary.c_str(), blobs_.fd(), path.c_str()) != 0) {
    status = Status::from_errno(errno, "rename to blobs/" + path);
    if (damaged.ok()) (void)::fchmod(damaged->fd(), kBlobMode);
  }
  // Why also after success: a rename between two names of one file does nothing and leaves both.
  ::unlinkat(blobs_.fd(), temporary.c_str(), 0);
  if (!status.ok() || !damaged.ok()) return status;
  const auto right = open_at(blobs_.fd(), path, O_RDONLY);
  struct stat now {};
  struct stat then {};
  if (right.ok() && ::fstat(right->fd(), &now) == 0 && ::fstat(damaged->fd(), &then) == 0 &&
      now.st_ino != then.st_ino) {
    (void)mend(*damaged, *right, static_cast<std::uint64_t>(now.st_size));
  }
  return status;
}

std::string FileBlobs::next_temporary() { return std::string(kTemporaryPrefix) + std::to_string(++temporaries_); }

Status FileBlobs::bring(int dir, const std::string& name, const std::string& temporary) const {
  if (::linkat(dir, name.c_str(), blobs_.fd(), temporary.c_str(), 0) == 0) return {};
  if (!link_is_impossible(errno)) return Status::from_errno(errno, "link blobs/" + temporary);
  return copy(dir, name, temporary);
}

Status FileBlobs::copy(int dir, const std::string& name, const std::string& temporary) const {
  const auto from = open_at(dir, name, O_RDONLY);
  if (!from.ok()) return from.status();
  const auto to = open_at(blobs_.fd(), temporary, O_WRONLY | O_CREAT | O_EXCL, kBlobMode);
  if (!to.ok()) return to.status();
  std::vector<std::byte> buffer(kCopyBytes);
  for (std::uint64_t offset = 0;;) {
    const auto got = modelfs::read_at(from->fd(), offset, buffer);
    if (!got.ok()) return got.status();
    if (Status status = write_at(to->fd(), offset, ByteView(buffer).first(*got)); !status.ok()) return status;
    if (*got < buffer.size()) break;
    offset += *got;
  }
  return sync_file(to->fd(), "blobs/" + temporary);
}

Status FileBlobs::sync(const std::vector<Digest>& adopted) {
  std::set<std::string> folders;
  for (const Digest& digest : adopted) folders.insert(folder_of(digest));
  for (const std::string& folder : folders) {
    const auto directory = open_at(blobs_.fd(), folder, O_RDONLY | O_DIRECTORY);
    if (!directory.ok()) return directory.status();
    if (Status status = sync_file(directory->fd(), "blobs/" + folder); !status.ok()) return status;
  }
  return {};
}

Status FileBlobs::remove(const Digest& digest) {
  const std::string path = path_of(digest);
  if (::unlinkat(blobs_.fd(), path.c_str(), 0) != 0 && errno != ENOENT) {
    return Status::from_errno(errno, "remove blobs/" + path);
  }
  return {};
}

Status FileBlobs::for_each(const std::function<bool(const Digest&, std::uint64_t, TimeNs)>& visit) const {
  bool more = true;
  for (unsigned int number = 0; more && number < 256; ++number) {
    const std::string folder = folder_name(number);
    const Status status = for_each_entry(blobs_.fd(), folder, [&](const std::string& name) -> Result<bool> {
      const auto digest = Digest::from_hex(name);
      if (!digest.ok() || folder_of(*digest) != folder) return true;
      const auto info = stat_of(blobs_.fd(), path_of(*digest));
      if (info.code() == Code::NotFound) return true;  // removed meanwhile
      if (!info.ok()) return info.status();
      if (!S_ISREG(info->st_mode)) return true;
      const TimeNs since = time_of(info->st_ctim);
      more = visit(*digest, static_cast<std::uint64_t>(info->st_size), since);
      return more;
    });
    if (!status.ok()) return status;
  }
  return {};
}

}  // namespace modelfs
