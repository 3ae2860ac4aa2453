#include "cli/commit_through_mount.h"

#include <fcntl.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/names.h"

namespace modelfs {
namespace {

// An attribute of the mount's own, or empty.
std::string attribute_of(const File& directory, const char* name) {
  std::array<char, 4096> text{};
  const ssize_t got = ::fgetxattr(directory.fd(), name, text.data(), text.size());
  return {text.data(), static_cast<std::size_t>(got < 0 ? 0 : got)};
}

CommittedThere committed(const File& directory) {
  return {attribute_of(directory, "user.modelfs.name"), attribute_of(directory, "user.modelfs.digest")};
}

}  // namespace

Result<CommittedThere> commit_through_mount(const std::string& draft, const std::string& target) {
  // Held open throughout: the directory becomes the published one, under a name that may not be known before.
  const auto directory = open_at(AT_FDCWD, draft, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.status();
  const int failed = target.empty() ? ::fsetxattr(directory->fd(), "user.modelfs.commit", "1", 1, 0)
                                    : ::rename(draft.c_str(), target.c_str());
  if (failed != 0) {
    const Status refused = Status::from_errno(errno, "commit " + printable(draft));
    // Done before, as whoever asks the daemon itself hears.
    if (CommittedThere before = committed(*directory);
        target.empty() && refused.code() == Code::AlreadyExists && !before.digest.empty()) {
      before.already = true;
      return before;
    }
    const std::string reason = attribute_of(*directory, "user.modelfs.error");
    if (reason.empty()) return refused;
    return Status(refused.code(), printable(draft) + ": " + reason);
  }
  return committed(*directory);
}

}  // namespace modelfs
