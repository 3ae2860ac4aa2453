// Archives that have to be refused, each with the verdict that is expected. All are of our own making.
#pragma once
#include <string>
#include <vector>

#include "archive/read/read_archive.h"

namespace modelfs {

struct HostileArchive {
  std::string name;
  ArchiveFormat format;
  std::string bytes;
  Code code;
  std::string word;  // that the message holds
  ArchiveLimits limits{};
};

inline std::ostream& operator<<(std::ostream& out, const HostileArchive& archive) { return out << archive.name; }

// In hostile_tars.h, hostile_streams.h and hostile_zips.h.
std::vector<HostileArchive> hostile_tar_names();
std::vector<HostileArchive> hostile_tar_members();
std::vector<HostileArchive> hostile_tar_headers();
std::vector<HostileArchive> hostile_streams();
std::vector<HostileArchive> hostile_zips();
std::vector<HostileArchive> hostile_zip_structures();

}  // namespace modelfs
