// Checks before anything is opened: why a mount would not work, and what to do about it.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// The mount point without symlinks. Refused, with the next step in the message: what is absent, no directory, not
// empty, a modelfs mount already (naming its store and daemon), or a mount whose daemon has died (naming the command
// that removes it).
Result<std::string> check_mount_point(const std::string& path);

// The store's path without symlinks; it may not exist yet. InvalidArgument: it lies under the mount point, so that the
// daemon would wait for itself, or the mount point lies in it. `mount_point` is canonical.
Result<std::string> check_store_path(const std::string& path, const std::string& mount_point);

// Unsupported: there is no /dev/fuse.  NotFound: an ordinary user needs fusermount3.  NotPermitted: the user wants
// allow_other, which /etc/fuse.conf does not grant.
Status check_fuse(bool wants_allow_other);

// True when the text of /etc/fuse.conf has the line "user_allow_other".
bool grants_allow_other(std::string_view fuse_conf);

// True when `path` is `directory` or lies under it. Both absolute and canonical.
bool lies_within(std::string_view path, std::string_view directory);

// `text` as one word of a shell's command line.
std::string shell_word(std::string_view text);

}  // namespace modelfs
