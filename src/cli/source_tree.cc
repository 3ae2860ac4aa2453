#include "cli/source_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <map>

#include "base/names.h"
#include "base/time.h"
#include "base/tree_bounds.h"

namespace modelfs {
namespace {

class Walk {
 public:
  explicit Walk(SourceTree& tree) : tree_(tree) {}

  Status read_directory(std::size_t number) {
    const std::string path = tree_.entries[number].path;
    const auto directory = open_beneath(tree_.root.fd(), path, O_RDONLY | O_DIRECTORY);
    if (!directory.ok()) return directory.status();
    std::vector<std::string> names;
    if (Status status = list_names(directory->fd(), names); !status.ok()) return status;
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (Status status = add(directory->fd(), number, name); !status.ok()) return status;
    }
    return {};
  }

 private:
  Status add(int directory, std::size_t number, const std::string& name) {
    SourceEntry entry;
    entry.in = number;
    entry.name = name;
    entry.path = number == 0 ? name : tree_.entries[number].path + "/" + name;
    if (Status status = check_file_name(name); !status.ok()) {
      return {status.code(), printable(entry.path) + ": " + status.message() + "; rename it"};
    }
    // Why here already: the registry would refuse it only after all has been sent.
    const auto depth = static_cast<std::size_t>(std::count(entry.path.begin(), entry.path.end(), '/')) + 1;
    if (Status status = check_tree_place(name, depth, entry.path.size()); !status.ok()) return status;
    struct stat info {};
    if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return Status::from_errno(errno, "stat " + printable(entry.path));
    }
    entry.mode = info.st_mode & 07777;
    entry.mtime = time_of(info.st_mtim);
    switch (info.st_mode & S_IFMT) {
      case S_IFDIR: entry.type = FileType::Directory; break;
      case S_IFLNK:
        entry.type = FileType::Symlink;
        if (Status status = read_target(directory, entry); !status.ok()) return status;
        break;
      case S_IFREG: add_file(info, entry); break;
      default:
        return {
            Code::Unsupported,
            printable(entry.path) + ": neither a file, a directory nor a symlink; remove it, it cannot be published"};
    }
    tree_.entries.push_back(std::move(entry));
    return {};
  }

  void add_file(const struct stat& info, SourceEntry& entry) {
    entry.size_bytes = static_cast<std::uint64_t>(info.st_size);
    if (info.st_nlink > 1) {
      const auto [first, fresh] = first_names_.try_emplace({info.st_dev, info.st_ino}, tree_.entries.size());
      if (!fresh) entry.same_file_as = first->second;
    }
    if (entry.same_file_as) return;
    ++tree_.file_count;
    tree_.total_bytes += entry.size_bytes;
  }

  static Status read_target(int directory, SourceEntry& entry) {
    entry.target.resize(PATH_MAX);
    const ssize_t got = ::readlinkat(directory, entry.name.c_str(), entry.target.data(), entry.target.size());
    if (got < 0) return Status::from_errno(errno, "read the symlink " + printable(entry.path));
    entry.target.resize(static_cast<std::size_t>(got));
    if (is_utf8(entry.target)) return {};
    return {Code::IllegalName,
            printable(entry.path) + ": the symlink's target is not valid UTF-8; it cannot be published"};
  }

  SourceTree& tree_;
  std::map<std::pair<dev_t, ino_t>, std::size_t> first_names_;
};

Result<SourceTree> walk(SourceTree tree, const std::string& path) {
  struct stat info {};
  if (::fstat(tree.root.fd(), &info) != 0) return Status::from_errno(errno, "stat " + printable(path));
  SourceEntry root;
  root.type = FileType::Directory;
  root.mode = info.st_mode & 07777;
  root.mtime = time_of(info.st_mtim);
  tree.entries.push_back(std::move(root));

  Walk walk(tree);
  for (std::size_t next = 0; next < tree.entries.size(); ++next) {
    if (tree.entries[next].type != FileType::Directory) continue;
    if (Status status = walk.read_directory(next); !status.ok()) {
      return Status(status.code(), "in " + printable(path) + ": " + status.message());
    }
  }
  return tree;
}

// The file `name` in the directory that is the tree's root.
Result<SourceTree> only_file(SourceTree tree, const std::string& name, const std::string& path) {
  SourceEntry root;
  root.type = FileType::Directory;
  SourceEntry file;
  file.name = file.path = name;
  struct stat info {};
  if (::fstatat(tree.root.fd(), file.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return Status::from_errno(errno, "stat " + printable(path));
  }
  file.mode = info.st_mode & 07777;
  file.mtime = time_of(info.st_mtim);
  file.size_bytes = static_cast<std::uint64_t>(info.st_size);
  tree.file_count = 1;
  tree.total_bytes = file.size_bytes;
  tree.entries.push_back(std::move(root));
  tree.entries.push_back(std::move(file));
  return tree;
}

}  // namespace

Result<File> open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
  if (fd < 0) return Status::from_errno(errno, "open " + printable(path));
  return File(static_cast<int>(fd));
}

Result<SourceTree> scan_tree(const std::string& path) {
  SourceTree tree;
  tree.root = File(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tree.root.valid()) {
    if (errno == ENOTDIR)
      return Status(Code::NotADirectory,
                    printable(path) +
                        ": neither a directory nor an archive (.tar .tar.gz .tgz .tar.zst .zip .4ml); put the "
                        "directory that it lies in");
    return Status::from_errno(errno, "open " + printable(path));
  }
  return walk(std::move(tree), path);
}

Result<SourceTree> scan_tree(const BeneathRoot& place, const std::string& path) {
  auto directory = open_beneath(place.root->fd(), place.path, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.status();
  SourceTree tree;
  tree.root = *std::move(directory);
  return walk(std::move(tree), path);
}

Result<SourceTree> scan_archive(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return Status::from_errno(error.value(), "open " + printable(path));
  SourceTree tree;
  tree.root = File(::open(real.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!tree.root.valid()) return Status::from_errno(errno, "open the directory of " + printable(path));
  return only_file(std::move(tree), real.filename(), path);
}

Result<SourceTree> scan_archive(const BeneathRoot& place, const std::string& path) {
  const std::filesystem::path within(place.path);
  auto directory = open_beneath(place.root->fd(), within.parent_path().string(), O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return directory.status();
  SourceTree tree;
  tree.root = *std::move(directory);
  return only_file(std::move(tree), within.filename(), path);
}

Result<File> open_in_tree(const SourceTree& tree, const SourceEntry& entry) {
  auto file = open_beneath(tree.root.fd(), entry.path, O_RDONLY);
  if (!file.ok()) return file;
  struct stat info {};
  if (::fstat(file->fd(), &info) != 0) return Status::from_errno(errno, "stat " + printable(entry.path));
  if (!S_ISREG(info.st_mode)) {
    return Status(Code::Unsupported,
                  printable(entry.path) + ": no longer a regular file; publish when no process changes it");
  }
  return file;
}

}  // namespace modelfs
