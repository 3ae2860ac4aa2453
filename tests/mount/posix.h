// System calls for tests, said shortly. What a test is about it calls itself; these are for what surrounds it.
#pragma once
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace modelfs {

// 0 for a system call that succeeded, else its errno: EXPECT_EQ(error(::mkdir(path, 0755)), EEXIST).
inline int error(std::int64_t result) { return result < 0 ? errno : 0; }

// The kernel judges modes before the mount is asked: where a mode forbids it, everybody but root hears EACCES.
int unless_root(int errno_of_root);

// These fail the test when they cannot do what they say.
File open_file(const std::string& path, int flags, mode_t mode = 0644);
void write_file(const std::string& path, std::string_view bytes, mode_t mode = 0644);
std::string read_file(const std::string& path);
std::string link_target(const std::string& path);
void make_directory(const std::string& path, mode_t mode = 0755);
struct stat stat_of(const std::string& path);  // of a symlink itself
std::string text_attribute(const std::string& path, const char* name);
// In order, without "." and "..".
std::vector<std::string> names_in(const std::string& directory);

bool exists(const std::string& path);
std::int64_t nanoseconds(const timespec& time);
mode_t permissions(const struct stat& info);
// `size_bytes` bytes that differ from place to place and from seed to seed.
std::string pattern(std::size_t size_bytes, std::uint32_t seed = 1);
int rename_with(const std::string& from, const std::string& to, unsigned flags);  // renameat2(2)
bool set_attribute(const std::string& path, const char* name, std::string_view value);

// The files below a directory, each with everything that a copy ought to keep, one line each; for comparing trees.
enum class Detail { Content, Everything };  // Everything: owners, modes, times, numbers, holes and attributes too
std::vector<std::string> describe_tree(const std::string& directory, Detail detail);

// Runs `body` in another process; its result (0…255). The body reports by its result, not by EXPECT.
int in_child(const std::function<int()>& body);

// The same as another user, whose only group has his own number; 254: this process may not become that user.
int as_user(uid_t user, const std::function<int()>& body);

// A process that has done something and keeps what it holds (descriptors, mappings, locks) until this ends.
class Holder {
 public:
  explicit Holder(const std::function<bool()>& take);
  ~Holder() { let_go(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  bool holds() const { return holds_; }
  pid_t pid() const { return pid_; }
  void let_go();

 private:
  pid_t pid_ = -1;
  bool holds_ = false;
};

struct Outcome {
  int exit_code = 0;
  std::string output;  // stdout and stderr
};
// A line of shell.
Outcome run(const std::string& line);
bool is_installed(const std::string& program);

}  // namespace modelfs
