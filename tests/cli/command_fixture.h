// The command as a shell would run it, on a store without a daemon.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "store/store_lock.h"
#include "support/temporary_directory.h"

namespace modelfs {

namespace fs = std::filesystem;

class Command : public testing::Test {
 protected:
  Command() {
    const auto lock = StoreLock::acquire(store_, CreateMode::CreateIfAbsent);
    EXPECT_TRUE(lock.ok());
    fs::create_directories(root_ + "/model/empty");
    write("model/a.txt", "hello");
    write("model/big", std::string(100'000, 'x'));
    fs::create_hard_link(root_ + "/model/a.txt", root_ + "/model/b.txt");
    fs::create_symlink("a.txt", root_ + "/model/link");
  }

  void write(const std::string& path, const std::string& text) { std::ofstream(root_ + "/" + path) << text; }
  static std::string read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Runs `modelfs <arguments> --store STORE`; leaves what it said in out_ and err_.
  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "modelfs");
    arguments.insert(arguments.end(), {"--store", store_});
    return run_plain(std::move(arguments));
  }
  int run_plain(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_cli(static_cast<int>(pointers.size()), pointers.data(), [this](const MountRequest& request) {
      asked_ = request;
      return 42;
    });
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return code;
  }
  int put(const std::string& target) { return run({"put", root_ + "/model", target}); }

  TemporaryDirectory directory_;
  const std::string root_ = directory_.path();
  const std::string store_ = root_ + "/store";
  std::string out_;
  std::string err_;
  MountRequest asked_;
};

}  // namespace modelfs
