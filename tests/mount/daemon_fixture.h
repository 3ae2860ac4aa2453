// A daemon on a real mount, and the ways to start and end it.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/cli.h"
#include "mount/mount_command.h"
#include "mount/mount_point.h"

namespace modelfs {

namespace fs = std::filesystem;

inline std::string text_of_file(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_file(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

class DaemonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/fuse", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/fuse on this machine";
    std::string name = testing::TempDir() + "/daemon-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::canonical(name);
    store_ = root_ / "store";
    fs::create_directory(mount_point());
  }

  void TearDown() override {
    if (root_.empty()) return;
    unmount();
    if (fs::exists(store_ / "LOCK")) wait_for_end();
    fs::remove_all(root_);
  }

  fs::path mount_point() const { return root_ / "m"; }
  MountRequest request() const { return {.store = store_, .mount_point = mount_point()}; }

  // The exit code of `modelfs mount`; what it said is in complaint(). `prepare` runs in its process before.
  int mount(
      const MountRequest& wanted, const std::function<void()>& prepare = [] {}) {
    const pid_t child = ::fork();
    if (child == 0) {
      const File complaints(::open((root_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
      ::dup2(complaints.fd(), STDERR_FILENO);
      prepare();
      ::_exit(run_mount(wanted));  // in the daemon too
    }
    int outcome = 0;
    ::waitpid(child, &outcome, 0);
    return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
  }
  std::string complaint() const { return text_of_file(root_ / "stderr"); }

  // Of the store's holder, as LOCK says it: "pid 7 host …".
  pid_t daemon() const { return std::atoi(text_of_file(store_ / "LOCK").substr(4).c_str()); }

  // Waits until the daemon has given the store back.
  void wait_for_end() const {
    const File lock(::open((store_ / "LOCK").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::flock(lock.fd(), LOCK_EX), 0);
  }

  bool is_mounted() const {
    const auto mounted = mounted_at(mount_point());
    return mounted.ok() && mounted->has_value();
  }

  // The exit code of `modelfs` with these arguments, in a process of its own.
  int command(std::vector<std::string> arguments) const {
    const pid_t child = ::fork();
    if (child == 0) {
      const File said(::open((root_ / "said").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
      ::dup2(said.fd(), STDERR_FILENO);
      ::dup2(said.fd(), STDOUT_FILENO);
      arguments.insert(arguments.begin(), "modelfs");
      std::vector<char*> pointers;
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      const int code = run_cli(static_cast<int>(pointers.size()), pointers.data(), run_mount);
      std::fflush(nullptr);
      ::_exit(code);
    }
    int outcome = 0;
    ::waitpid(child, &outcome, 0);
    return WIFEXITED(outcome) ? WEXITSTATUS(outcome) : -1;
  }
  std::string said() const { return text_of_file(root_ / "said"); }

  void unmount() const {
    const auto mounted = mounted_at(mount_point());
    if (!mounted.ok() || !*mounted) return;
    EXPECT_TRUE(detach_mount(mount_point(), (*mounted)->device).ok());
  }

  fs::path root_;
  fs::path store_;
};

}  // namespace modelfs
