#include "mount/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>

#include "base/digest.h"

namespace modelfs {

int unless_root(int errno_of_root) { return ::getuid() == 0 ? errno_of_root : EACCES; }

File open_file(const std::string& path, int flags, mode_t mode) {
  File file(::open(path.c_str(), flags | O_CLOEXEC, mode));
  EXPECT_TRUE(file.valid()) << path << ": " << std::strerror(errno);
  return file;
}

void write_file(const std::string& path, std::string_view bytes, mode_t mode) {
  File file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!file.valid()) return;
  EXPECT_TRUE(write_at(file.fd(), 0, bytes_of(bytes)).ok()) << path;
  EXPECT_EQ(error(::close(file.release())), 0) << path;
}

std::string read_file(const std::string& path) {
  const File file = open_file(path, O_RDONLY);
  if (!file.valid()) return "";
  std::string bytes;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.fd(), buffer.data(), buffer.size());
    EXPECT_GE(got, 0) << path << ": " << std::strerror(errno);
    if (got <= 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::string link_target(const std::string& path) {
  std::array<char, 4096> target{};
  const ssize_t got = ::readlink(path.c_str(), target.data(), target.size());
  EXPECT_GE(got, 0) << path << ": " << std::strerror(errno);
  return got < 0 ? "" : std::string(target.data(), static_cast<std::size_t>(got));
}

void make_directory(const std::string& path, mode_t mode) { EXPECT_EQ(error(::mkdir(path.c_str(), mode)), 0) << path; }

struct stat stat_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(error(::lstat(path.c_str(), &info)), 0) << path;
  return info;
}

std::string text_attribute(const std::string& path, const char* name) {
  std::string value(65536, '\0');
  const ssize_t got = ::lgetxattr(path.c_str(), name, value.data(), value.size());
  EXPECT_GE(got, 0) << path << " " << name << ": " << std::strerror(errno);
  value.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return value;
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* const stream = ::opendir(directory.c_str());
  EXPECT_NE(stream, nullptr) << directory << ": " << std::strerror(errno);
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

mode_t permissions(const struct stat& info) { return info.st_mode & 07777; }

std::string pattern(std::size_t size_bytes, std::uint32_t seed) {
  std::string bytes(size_bytes, '\0');
  std::uint32_t state = seed * 2654435761u + 1;
  for (char& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

int rename_with(const std::string& from, const std::string& to, unsigned flags) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags);
}

bool set_attribute(const std::string& path, const char* name, std::string_view value) {
  return ::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
}

namespace {

std::string attributes_line(const std::string& path) {
  std::string names(65536, '\0');
  const ssize_t got = ::llistxattr(path.c_str(), names.data(), names.size());
  if (got < 0) return " attributes: " + std::string(std::strerror(errno));
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < static_cast<std::size_t>(got); at += std::strlen(names.c_str() + at) + 1) {
    const std::string name = names.c_str() + at;
    lines.push_back(" " + name + "=" +
                    hash_of(bytes_of(text_attribute(path, name.c_str()))).digest.hex().substr(0, 16));
  }
  std::sort(lines.begin(), lines.end());
  std::string line;
  for (const std::string& one : lines) line += one;
  return line;
}

std::string first_hole(const std::string& path) {
  const File file = open_file(path, O_RDONLY);
  return " hole=" + std::to_string(::lseek(file.fd(), 0, SEEK_HOLE));
}

std::string describe_file(const std::string& directory, const std::string& path, Detail detail) {
  const struct stat info = stat_of(path);
  std::string line = path.substr(directory.size() + 1) + " " + std::to_string(info.st_mode & S_IFMT);
  if (S_ISLNK(info.st_mode)) line += " -> " + link_target(path);
  if (S_ISREG(info.st_mode)) line += " " + hash_of(bytes_of(read_file(path))).digest.hex();
  if (detail == Detail::Content) return line;
  line += " mode=" + std::to_string(permissions(info)) + " owner=" + std::to_string(info.st_uid) + ":" +
          std::to_string(info.st_gid) + " ino=" + std::to_string(info.st_ino) +
          " mtime=" + std::to_string(nanoseconds(info.st_mtim));
  if (S_ISREG(info.st_mode)) line += " links=" + std::to_string(info.st_nlink) + first_hole(path);
  return line + attributes_line(path);
}

}  // namespace

std::vector<std::string> describe_tree(const std::string& directory, Detail detail) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    lines.push_back(describe_file(directory, entry.path().string(), detail));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    int code = 255;
    try {
      code = body();
    } catch (const std::exception&) {
    }
    ::_exit(code);
  }
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int as_user(uid_t user, const std::function<int()>& body) {
  return in_child([&] {
    if (::setgroups(0, nullptr) != 0 || ::setgid(user) != 0 || ::setuid(user) != 0) return 254;
    return body();
  });
}

Holder::Holder(const std::function<bool()>& take) {
  std::array<int, 2> said{};
  EXPECT_EQ(error(::pipe2(said.data(), O_CLOEXEC)), 0);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const char taken = take() ? 'y' : 'n';
    if (::write(said[1], &taken, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  ::close(said[1]);
  char taken = 'n';
  holds_ = ::read(said[0], &taken, 1) == 1 && taken == 'y';
  ::close(said[0]);
}

void Holder::let_go() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Outcome run(const std::string& line) {
  Outcome outcome;
  FILE* const pipe = ::popen(("{ " + line + "\n} 2>&1 </dev/null").c_str(), "re");
  if (pipe == nullptr) return {127, std::strerror(errno)};
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    outcome.output.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return outcome;
}

bool is_installed(const std::string& program) { return run("command -v " + program).exit_code == 0; }

}  // namespace modelfs
