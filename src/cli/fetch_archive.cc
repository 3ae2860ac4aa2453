#include "cli/fetch_archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "archive/archive_format.h"
#include "archive/write/zstd_writer.h"
#include "base/file.h"
#include "base/names.h"

namespace modelfs {
namespace {

// A temporary file beside the destination, renamed to it when it is complete.
class Beside {
 public:
  static Result<std::unique_ptr<Beside>> make(const std::string& destination) {
    std::unique_ptr<Beside> made(new Beside(destination));
    made->file_ = File(::mkostemp(made->name_.data(), O_CLOEXEC));
    if (!made->file_.valid()) return Status::from_errno(errno, "create a file beside " + printable(destination));
    return made;
  }
  ~Beside() {
    if (file_.valid()) (void)::unlink(name_.c_str());
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  Status add(ByteView bytes) {
    if (Status status = write_at(file_.fd(), size_bytes_, bytes); !status.ok()) return status;
    size_bytes_ += bytes.size();
    return {};
  }
  Result<std::uint64_t> finish() {
    const mode_t mask = ::umask(0);
    (void)::umask(mask);
    (void)::fchmod(file_.fd(), 0666 & ~mask);
    if (Status status = sync_file(file_.fd(), name_); !status.ok()) return status;
    if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, destination_.c_str(), RENAME_NOREPLACE) != 0) {
      return Status::from_errno(errno, "rename to " + printable(destination_));
    }
    file_.reset();
    return size_bytes_;
  }

 private:
  explicit Beside(const std::string& destination) : destination_(destination), name_(destination + ".XXXXXX") {}

  const std::string destination_;
  std::string name_;
  File file_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace

Result<std::uint64_t> fetch_archive(Channel& channel, const std::string& path, const std::string& destination,
                                    const std::function<Status(std::uint64_t, std::uint64_t)>& on_progress) {
  if (::access(destination.c_str(), F_OK) == 0) {
    return Status(Code::AlreadyExists, printable(destination) + ": exists; name another destination");
  }
  const std::string suffix(face_suffix(destination));
  auto opened = channel.call(Channel::request("archive.open", {{"path", path}, {"suffix", suffix}}));
  // A release that was not uploaded as .tar.zst: its tar is compressed here.
  const bool packs = opened.code() == Code::NotFound && format_of_suffix(suffix) == ArchiveFormat::TarZst;
  // Of one that was not uploaded as .tgz: the same archive has another suffix.
  if (opened.code() == Code::NotFound && suffix == ".tgz") {
    opened = channel.call(Channel::request("archive.open", {{"path", path}, {"suffix", ".tar.gz"}}));
  }
  if (packs) opened = channel.call(Channel::request("archive.open", {{"path", path}, {"suffix", ".tar"}}));
  if (!opened.ok()) return opened.status();
  const auto total_bytes = opened->body.at("size").get<std::uint64_t>();
  const auto file = Beside::make(destination);
  if (!file.ok()) return file.status();
  ZstdWriter packer([&](ByteView bytes) { return (*file)->add(bytes); });
  for (std::uint64_t offset = 0; offset < total_bytes;) {
    const auto part = channel.call(Channel::request("archive.read", {{"offset", offset}}));
    if (!part.ok()) return part.status();
    if (part->bytes.empty()) return Status(Code::Corrupt, "the archive of " + printable(path) + " ends early");
    const ByteView bytes = bytes_of(part->bytes);
    if (Status status = packs ? packer.add(bytes) : (*file)->add(bytes); !status.ok()) return status;
    offset += bytes.size();
    if (Status status = on_progress(offset, total_bytes); !status.ok()) return status;
  }
  if (packs) {
    if (Status status = packer.finish(); !status.ok()) return status;
  }
  return (*file)->finish();
}

}  // namespace modelfs
