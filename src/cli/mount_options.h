// The options of `modelfs mount -o`.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cli/mount_request.h"

namespace modelfs {

// Reads lists such as "ro,reserve=1G" into `request`. Options that /etc/fstab adds for others (noauto, user,
// x-systemd.…) are accepted and ignored. InvalidArgument: an unknown or unsupported option; names it.
Status parse_mount_options(const std::vector<std::string>& lists, MountRequest& request);

// "64M" as bytes: digits, then K, M, G or T, powers of 1024. InvalidArgument.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace modelfs
