#include "cli/import_roots.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/names.h"

namespace modelfs {

namespace fs = std::filesystem;

Result<ImportRoots> ImportRoots::open(const std::string& source, const std::vector<std::string>& more) {
  ImportRoots roots;
  std::vector<std::string> all{source};
  all.insert(all.end(), more.begin(), more.end());
  for (const std::string& path : all) {
    auto directory = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
    if (!directory.ok()) return Status(directory.code(), printable(path) + ": " + directory.status().message());
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error) return Status::from_errno(error.value(), "find " + printable(path));
    roots.roots_.push_back({real, std::make_shared<const File>(*std::move(directory))});
  }
  return roots;
}

Result<BeneathRoot> ImportRoots::find(const fs::path& path) const {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return Status::from_errno(error.value(), "find " + printable(path.string()));
  for (const Root& root : roots_) {
    const auto [mine, its] = std::mismatch(root.real.begin(), root.real.end(), real.begin(), real.end());
    if (mine != root.real.end()) continue;
    fs::path rest;
    for (auto part = its; part != real.end(); ++part) rest /= *part;
    return BeneathRoot{root.directory, rest.string()};
  }
  return Status(Code::Denied, printable(path.string()) + " lies at " + printable(real.string()) +
                                  ", outside of what is imported; if it may be read, name a directory around it with "
                                  "--artifact-root");
}

Result<std::string> ImportRoots::read(const fs::path& path, std::size_t max_bytes) const {
  const auto place = find(path);
  if (!place.ok()) return place.status();
  const auto file = open_beneath(place->root->fd(), place->path, O_RDONLY);
  if (!file.ok()) return file.status();
  struct stat info {};
  if (::fstat(file->fd(), &info) != 0) return Status::from_errno(errno, "stat " + printable(path.string()));
  if (!S_ISREG(info.st_mode)) return Status(Code::Unsupported, printable(path.string()) + ": not a regular file");
  auto text = read_all(file->fd(), max_bytes);
  if (!text.ok()) return Status(text.code(), printable(path.string()) + ": " + text.status().message());
  return text;
}

}  // namespace modelfs
