#include "cli/mount_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/names.h"

namespace modelfs {
namespace {

// Always true here, or for mount(8) and systemd, not for us. Source: mount(8), fstab(5).
constexpr std::array<std::string_view, 16> kMeaningless = {
    "defaults", "nosuid", "nodev", "noatime", "nodiratime", "relatime", "async",   "exec",
    "auto",     "noauto", "user",  "users",   "nouser",     "owner",    "_netdev", "nofail"};

bool is_meaningless(std::string_view option) {
  return option.starts_with("x-") || option.starts_with("comment=") ||
         std::find(kMeaningless.begin(), kMeaningless.end(), option) != kMeaningless.end();
}

Status set_size(std::string_view option, std::uint64_t& into) {
  const auto size = parse_size(option.substr(option.find('=') + 1));
  if (!size.ok()) return {Code::InvalidArgument, "-o " + printable(option) + ": " + size.status().message()};
  into = *size;
  return {};
}

// archive_members=SIZE and its like: what one archive may hold.
Status set_archive_limit(std::string_view option, ArchiveLimits& limits) {
  struct Limit {
    std::string_view name;
    std::uint64_t* count;
    std::size_t* size;
  };
  const std::array<Limit, 6> known = {{{"archive_members=", &limits.members, nullptr},
                                       {"archive_bytes=", &limits.unpacked_bytes, nullptr},
                                       {"archive_ratio=", &limits.ratio, nullptr},
                                       {"archive_filled_ratio=", &limits.filled_ratio, nullptr},
                                       {"archive_path=", nullptr, &limits.path_bytes},
                                       {"archive_depth=", nullptr, &limits.depth}}};
  for (const Limit& limit : known) {
    if (!option.starts_with(limit.name)) continue;
    std::uint64_t value = 0;
    if (Status status = set_size(option, value); !status.ok()) return status;
    if (value == 0) return {Code::InvalidArgument, "-o " + printable(option) + ": must be above 0"};
    if (limit.count != nullptr) *limit.count = value;
    if (limit.size != nullptr) *limit.size = value;
    return {};
  }
  return {Code::InvalidArgument, "-o " + printable(option) +
                                     ": unknown limit; there are archive_members, archive_bytes, archive_ratio, "
                                     "archive_filled_ratio, archive_path and archive_depth"};
}

Status set_poll_window(std::string_view option, std::chrono::microseconds& into) {
  const std::string_view text = option.substr(option.find('=') + 1);
  std::chrono::microseconds::rep value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::chrono::microseconds window(value);
  const bool is_read = error == std::errc{} && stop == text.data() + text.size();
  if (!is_read || value < 0 || window > MountRequest::kPollWindowMax) {
    return {Code::InvalidArgument, "-o " + printable(option) +
                                       ": must be a number of microseconds, from 0 (never poll) to " +
                                       std::to_string(MountRequest::kPollWindowMax.count())};
  }
  into = window;
  return {};
}

// A number from `least` to `most` behind '='.
Result<std::int64_t> number_of(std::string_view option, std::int64_t least, std::int64_t most, const char* unit) {
  const std::string_view text = option.substr(option.find('=') + 1);
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && stop == text.data() + text.size() && value >= least && value <= most) return value;
  return Status(Code::InvalidArgument, "-o " + printable(option) + ": must be a number of " + unit + ", from " +
                                           std::to_string(least) + " to " + std::to_string(most));
}

// How the remote of a registry is reached; `open_remote` knows which there are.
bool is_remote_option(std::string_view option) {
  for (const std::string_view name : {"endpoint=", "region=", "profile=", "ca="}) {
    if (option.starts_with(name)) return true;
  }
  return option == "path_style" || option == "insecure";
}

// False: it is none of those of a registry that many hosts share.
Result<bool> set_registry_option(std::string_view option, MountRequest& request) {
  if (is_remote_option(option)) {
    if (!request.remote_options.empty()) request.remote_options += ' ';
    request.remote_options += option;
    return true;
  }
  if (option.starts_with("follow=")) {
    const auto value =
        number_of(option, MountRequest::kFollowMin.count(), MountRequest::kFollowMax.count(), "milliseconds");
    if (!value.ok()) return value.status();
    request.follow = std::chrono::milliseconds(*value);
    return true;
  }
  if (option.starts_with("publish_deadline=")) {
    const auto value = number_of(option, 1, MountRequest::kPublishDeadlineMax.count(), "seconds");
    if (!value.ok()) return value.status();
    request.publish_deadline = std::chrono::seconds(*value);
    return true;
  }
  return false;
}

Status set_option(std::string_view option, MountRequest& request) {
  if (option.empty() || is_meaningless(option)) return {};
  if (option == "ro" || option == "rw") {
    request.read_only = option == "ro";
    return {};
  }
  if (option == "allow_other") {
    request.allow_other = true;
    return {};
  }
  if (option == "no_passthrough") {
    request.passthrough = false;
    return {};
  }
  if (option.starts_with("client_root=")) {
    request.client_root = option.substr(option.find('=') + 1);
    while (request.client_root.size() > 1 && request.client_root.back() == '/') request.client_root.pop_back();
    if (request.client_root.starts_with('/') && request.client_root.size() > 1) return {};
    return {Code::InvalidArgument,
            "-o " + printable(option) + ": must be an absolute path below the root, such as /models"};
  }
  if (option.starts_with("archive_")) return set_archive_limit(option, request.archive_limits);
  if (option == "recipes=on" || option == "recipes=off") {
    request.recipes = option == "recipes=on";
    return {};
  }
  if (option.starts_with("reserve=")) return set_size(option, request.reserve_bytes);
  if (option.starts_with("cache=")) return set_size(option, request.block_cache_bytes);
  const auto is_registrys = set_registry_option(option, request);
  if (!is_registrys.ok()) return is_registrys.status();
  if (*is_registrys) return {};
  if (option.starts_with("poll=")) return set_poll_window(option, request.poll_window);
  if (option == "dev" || option == "suid") {
    return {Code::InvalidArgument,
            "-o " + std::string(option) + ": not supported; a registry holds no devices and no set-id programs"};
  }
  return {
      Code::InvalidArgument,
      "-o " + printable(option) +
          ": unknown option; there are ro, allow_other, no_passthrough, reserve=SIZE, cache=SIZE, "
          "poll=MICROSECONDS, client_root=PATH, recipes=off, archive_members=COUNT and other limits of archives; of a "
          "registry in a bucket: endpoint=URL, region=NAME, profile=NAME, ca=FILE, path_style, insecure, "
          "follow=MILLISECONDS, publish_deadline=SECONDS"};
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::string_view kUnits = "KMGT";
  const Status bad(Code::InvalidArgument,
                   "'" + printable(text) + "' is not a size; write a number of bytes, or a number with K, M, G or T");
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return bad;
  const std::string_view unit = text.substr(static_cast<std::size_t>(stop - text.data()));
  if (unit.empty()) return number;
  const std::size_t power = kUnits.find(unit.front());
  if (unit.size() != 1 || power == std::string_view::npos) return bad;
  const std::size_t shift = 10 * (power + 1);
  if (number > std::numeric_limits<std::uint64_t>::max() >> shift) return bad;
  return number << shift;
}

Status parse_mount_options(const std::vector<std::string>& lists, MountRequest& request) {
  for (const std::string& list : lists) {
    for (std::size_t from = 0; from <= list.size();) {
      const std::size_t comma = std::min(list.find(',', from), list.size());
      if (Status status = set_option(std::string_view(list).substr(from, comma - from), request); !status.ok())
        return status;
      from = comma + 1;
    }
  }
  return {};
}

}  // namespace modelfs
