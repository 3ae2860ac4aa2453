// The entries of other systems' directories, for planning an import. What cannot be read is treated as absent.
#pragma once
#include <algorithm>
#include <filesystem>
#include <vector>

namespace modelfs {

// The entries of a directory for which `passes` is true, sorted by name.
template <class Passes>
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory, Passes passes) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (std::filesystem::directory_iterator each(directory, error), end; !error && each != end; each.increment(error)) {
    if (passes(*each)) found.push_back(each->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline bool is_directory(const std::filesystem::directory_entry& entry) {
  std::error_code error;
  return entry.is_directory(error);
}
inline bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace modelfs
