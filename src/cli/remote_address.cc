#include "cli/remote_address.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/digest.h"
#include "base/names.h"
#include "engine/s3/s3_remote.h"
#include "engine/shared_dir/shared_dir_remote.h"

namespace modelfs {
namespace {

constexpr std::string_view kS3 = "s3://";
constexpr std::string_view kFile = "file://";

Result<S3Choices> choices_of(const std::string& options) {
  S3Choices choices;
  std::istringstream words(options);
  std::string word;
  while (words >> word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (name == "endpoint") {
      choices.endpoint = value;
    } else if (name == "region") {
      choices.region = value;
    } else if (name == "profile") {
      choices.profile = value;
    } else if (name == "ca") {
      choices.ca_file = value;
    } else if (word == "path_style") {
      choices.path_style = true;
    } else if (word == "insecure") {
      choices.insecure = true;
    } else {
      return Status(Code::InvalidArgument, "s3:// has no option '" + printable(word) +
                                               "': there are endpoint=, region=, profile=, ca=, path_style, insecure");
    }
  }
  return choices;
}

}  // namespace

RemoteAddress RemoteAddress::parse(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, space)), std::string(text.substr(space + 1))};
}

std::string joined_options(const std::vector<std::string>& lists) {
  std::string text;
  for (const std::string& list : lists) {
    for (const char byte : list) text += byte == ',' ? ' ' : byte;
    text += ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

bool is_remote_url(std::string_view text) { return text.starts_with(kS3) || text.starts_with(kFile); }

Result<std::unique_ptr<Remote>> open_remote(const RemoteAddress& address, const std::string& home) {
  const std::string_view url = address.url;
  if (url.starts_with(kFile)) {
    if (!address.options.empty()) {
      return Status(Code::InvalidArgument,
                    "file:// has no options, and '" + printable(address.options) + "' was given");
    }
    const std::string path(url.substr(kFile.size()));
    if (!path.starts_with('/')) {
      return Status(Code::InvalidArgument, printable(address.url) + ": write file:///absolute/path");
    }
    return open_shared_dir_remote(path);
  }
  if (!url.starts_with(kS3)) {
    return Status(Code::InvalidArgument, "'" + printable(address.url) +
                                             "' is no remote; write s3://bucket/prefix or file:///shared/directory");
  }
  const auto choices = choices_of(address.options);
  if (!choices.ok()) return choices.status();
  const auto options = S3Options::from_environment(address.url, home, *choices);
  if (!options.ok()) return options.status();
  return open_s3_remote(*options);
}

std::string default_store_of(const std::string& url) {
  // What the address is, as one name: "s3_bucket_prefix".
  std::string name;
  for (const char byte : url) {
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= '0' && byte <= '9') || byte == '.' || byte == '-';
    if (is_plain) {
      name += byte;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  // Two addresses may have one such name.
  name += "-" + hash_of(bytes_of(url)).digest.hex().substr(0, 8);
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const std::string above = ::geteuid() == 0                    ? "/var/cache"
                            : cache != nullptr && *cache == '/' ? cache
                                                                : own_home() + "/.cache";
  return above + "/modelfs/" + name;
}

std::string own_home() {
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home == '/') return home;
  const passwd* const user = ::getpwuid(::geteuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/";
}

}  // namespace modelfs
