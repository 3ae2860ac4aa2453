#include "archive/archive_format.h"

#include <array>
#include <utility>

namespace modelfs {

std::optional<ArchiveFormat> format_of_suffix(std::string_view suffix) {
  static constexpr std::array<std::pair<std::string_view, ArchiveFormat>, 6> kSuffixes = {{
      {".tar", ArchiveFormat::Tar},
      {".tar.gz", ArchiveFormat::TarGz},
      {".tgz", ArchiveFormat::TarGz},
      {".tar.zst", ArchiveFormat::TarZst},
      {".zip", ArchiveFormat::Zip},
      {".4ml", ArchiveFormat::Zip},
  }};
  for (const auto& [known, format] : kSuffixes) {
    if (known == suffix) return format;
  }
  return std::nullopt;
}

bool is_made_suffix(std::string_view suffix) { return suffix == ".tar" || suffix == ".tar.gz" || suffix == ".zip"; }

std::string_view describe_format(ArchiveFormat format) {
  switch (format) {
    case ArchiveFormat::Tar: return "tar";
    case ArchiveFormat::TarGz: return "gzip-compressed tar";
    case ArchiveFormat::TarZst: return "zstd-compressed tar";
    case ArchiveFormat::Zip: return "zip";
  }
  return "unknown";
}

}  // namespace modelfs
