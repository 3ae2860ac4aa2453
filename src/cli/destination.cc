#include "cli/destination.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "archive/archive_format.h"
#include "base/names.h"

namespace modelfs {
namespace {

// Of archives and compressed files of other programs. Source: the suffixes that GNU tar's --auto-compress, bsdtar and
// 7z know.
constexpr std::array<std::string_view, 24> kForeignSuffixes{
    ".tar.xz",   ".txz",     ".tar.bz2", ".tbz2",  ".tbz", ".tz2",  ".tar.lz", ".tlz",
    ".tar.lzma", ".tar.lzo", ".tar.lz4", ".tar.z", ".taz", ".tzst", ".7z",     ".rar",
    ".cpio",     ".iso",     ".gz",      ".xz",    ".bz2", ".zst",  ".lz4",    ".lzma"};

std::string lower_case(std::string text) {
  for (char& byte : text) byte = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  return text;
}

}  // namespace

Result<Destination> destination_of(const std::string& path) {
  std::error_code ignored;
  if (path.ends_with('/') || std::filesystem::is_directory(path, ignored)) return Destination::Directory;
  if (format_of_suffix(face_suffix(path))) return Destination::Archive;
  const std::string name = lower_case(std::filesystem::path(path).filename().string());
  const bool is_upper_case = format_of_suffix(face_suffix(name)).has_value();
  const auto is_its_end = [&name](std::string_view suffix) { return name.ends_with(suffix); };
  if (!is_upper_case && std::none_of(kForeignSuffixes.begin(), kForeignSuffixes.end(), is_its_end)) {
    return Destination::Directory;
  }
  return Status(Code::InvalidArgument,
                printable(path) +
                    ": `get` writes no such archive, but .tar .tar.gz .tgz .tar.zst .zip (and .4ml of a " +
                    "release that was uploaded as one), in lower case; for a directory of that name, end it in '/'");
}

}  // namespace modelfs
