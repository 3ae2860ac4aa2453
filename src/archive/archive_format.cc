#include "archive/archive_format.h"

#include <array>
#include <utility>

namespace modelfs {

namespace {

constexpr std::array<std::pair<std::string_view, ArchiveFormat>, 6> kSuffixes = {{
    {".tar", ArchiveFormat::Tar},
    {".tar.gz", ArchiveFormat::TarGz},
    {".tgz", ArchiveFormat::TarGz},
    {".tar.zst", ArchiveFormat::TarZst},
    {".zip", ArchiveFormat::Zip},
    {".4ml", ArchiveFormat::Zip},
}};

// Of archives that GNU tar's option -a, 7z and others make.
constexpr std::array<std::string_view, 24> kOtherSuffixes = {
    ".tar.xz", ".txz",      ".tar.bz2",  ".tbz",     ".tbz2",   ".tb2",   ".tar.lz4", ".tlz4",
    ".tar.lz", ".tlz",      ".tar.lzma", ".tar.lzo", ".tar.br", ".tar.z", ".taz",     ".taz2",
    ".tzst",   ".tar.zstd", ".tar.gzip", ".tar.7z",  ".7z",     ".rar",   ".zipx",    ".cpio"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& each : out) {
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::string why_not_taken(std::string_view file_name) {
  const std::string name = lower(file_name);
  for (const std::string_view suffix : kOtherSuffixes) {
    if (!name.ends_with(suffix)) continue;
    return "archives with the suffix " + std::string(suffix) +
           " are not taken: pack it as .tar, .tar.gz, .tgz, .tar.zst or .zip";
  }
  std::string_view taken;  // the longest
  for (const auto& [suffix, format] : kSuffixes) {
    if (name.ends_with(suffix) && suffix.size() > taken.size()) taken = suffix;
  }
  if (taken.empty() || file_name.ends_with(taken)) return {};
  return "an archive's suffix is written in small letters: " + std::string(taken);
}

std::optional<ArchiveFormat> format_of_suffix(std::string_view suffix) {
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
