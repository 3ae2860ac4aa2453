// Tests against a real mount: the program itself, its own process, the kernel between.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mount/posix.h"
#include "support/temporary_directory.h"

namespace modelfs {

// A store and the place where it is mounted. What is mounted is unmounted, and the daemon ended, when this ends.
// The directories lie in memory, or in TMPDIR.
class Mount {
 public:
  static constexpr int kReadyMs = 20'000;
  static constexpr int kEndMs = 20'000;

  Mount();
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

  // Starts the daemon with `options` ("ro,allow_other"), until it answers. Why not, or empty.
  std::string start(const std::string& options = "");
  // Ends it as an operator would (SIGTERM). Why not, or empty.
  std::string stop();
  // kill -9, and takes the dead mount away.
  void kill();

  const std::string& point() const { return point_; }
  const std::string& store() const { return store_; }
  pid_t pid() const { return pid_; }
  // What the daemon has said.
  std::string log() const;
  // status.json, and a number in it; 0 where it is absent, as what was never asked for is.
  std::string status() const;
  std::uint64_t figure(const std::string& name) const;
  // Requests of these kinds that `work` causes.
  std::uint64_t requests(const std::vector<std::string>& kinds, const std::function<void()>& work) const;

 private:
  bool is_mounted() const;
  bool wait_for_end(int limit_ms);
  void detach() const;

  std::unique_ptr<TemporaryDirectory> directory_;
  std::string store_;
  std::string point_;
  pid_t pid_ = -1;
};

// The program under test.
std::string program_path();
// The same with these arguments, as in a shell.
Outcome modelfs(const std::string& arguments);
// Why there can be no mount on this machine, or empty.
std::string why_no_mount();

// One mount for all tests of a suite; each test has a domain of its own.
class Mounted : public testing::Test {
 protected:
  static void SetUpTestSuite() { start_suite(""); }
  static void TearDownTestSuite();
  void SetUp() override;

  static void start_suite(const std::string& options);
  static Mount& mount() { return *mount_; }

  // The test's domain, and paths in it.
  const std::string& domain_name() const { return name_; }
  std::string domain() const { return mount().point() + "/" + name_; }
  std::string at(std::string_view path) const { return domain() + "/" + std::string(path); }
  std::string stage(std::string_view path) const { return at(".stage/" + std::string(path)); }
  std::string trash(std::string_view path) const {
    return mount().point() + "/.modelfs/trash/" + name_ + "/" + std::string(path);
  }

  // A draft directory in .stage with these files (a name that ends in '/' is a directory).
  using Files = std::map<std::string, std::string>;
  void make_draft(const std::string& name, const Files& files) const;
  // Makes a draft and moves it onto `version`, which may be "1.0/next" too.
  void publish(const std::string& version, const Files& files) const;

 private:
  static std::unique_ptr<Mount> mount_;
  static std::string skip_;
  static std::string failure_;
  std::string name_;
};

// A small model in a new directory: a large and a small file, a program, an empty file and directory, a symlink.
void make_model(const std::string& directory);

// Ends a test visibly where the program is not there.
#define NEEDS(program) \
  if (!is_installed(program)) GTEST_SKIP() << program " is not installed"

}  // namespace modelfs
