// The remotes that a registry of many hosts may have: `s3://bucket/prefix`, `file:///shared/models`.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "store/remote.h"

namespace modelfs {

// An address and how it is reached, as one line of text: "s3://bucket/prefix endpoint=https://host region=us-east-1".
// Options, of s3:// alone: endpoint, region, profile, ca (a file); path_style and insecure, which have no value.
// Credentials are never part of it.
struct RemoteAddress {
  std::string url;
  std::string options;  // "endpoint=https://host region=us-east-1"; may be empty

  std::string str() const { return options.empty() ? url : url + " " + options; }
  static RemoteAddress parse(std::string_view text);
};

// Lists of options as -o takes them, "a=1,b" and "c", as one: "a=1 b c".
std::string joined_options(const std::vector<std::string>& lists);

// Whether a command line means a remote, and no directory.
bool is_remote_url(std::string_view text);

// `home`: of the user whose credentials are used. InvalidArgument: no address of a remote, or an option that is not
// known. Else as the engine says.
Result<std::unique_ptr<Remote>> open_remote(const RemoteAddress& address, const std::string& home);

// Where a host keeps its part of that registry unless it is told: below $XDG_CACHE_HOME or ~/.cache, for root below
// /var/cache.
std::string default_store_of(const std::string& url);

// The home directory of the user who runs this process.
std::string own_home();

}  // namespace modelfs
