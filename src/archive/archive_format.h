// The archive formats that modelfs knows, and the suffixes that name them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace modelfs {

// Stored in the catalog: never renumber.
enum class ArchiveFormat : std::uint8_t { Tar = 1, TarGz = 2, TarZst = 3, Zip = 4 };

// The format that a face's suffix names: .tar .tar.gz .tgz .tar.zst .zip, and .4ml, which is a zip. Empty for others.
std::optional<ArchiveFormat> format_of_suffix(std::string_view suffix);

// Why a file whose name ends like that of an archive is none that is taken: another compression (.tar.xz), another
// format (.7z), other letters (.TAR.GZ). Empty for names that are taken, and for those of no archive.
std::string why_not_taken(std::string_view file_name);

// True for the suffixes of the archives that every release can be read as: .tar .tar.gz .zip.
bool is_made_suffix(std::string_view suffix);

// "gzip-compressed tar", for messages.
std::string_view describe_format(ArchiveFormat format);

}  // namespace modelfs
