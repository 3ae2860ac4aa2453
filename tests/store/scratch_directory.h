// A directory for one test, removed with everything in it.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "base/file.h"

namespace modelfs {

class ScratchDirectory {
 public:
  ScratchDirectory() : path_(std::filesystem::temp_directory_path().string() + "/modelfs-test-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "no scratch directory " << path_;
    directory_ = File(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  int fd() const { return directory_.fd(); }

  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream file(*this / name, std::ios::binary | std::ios::trunc);
    file << bytes;
    if (!file.flush()) ADD_FAILURE() << "cannot write " << name;
  }

 private:
  std::string path_;
  File directory_;
};

}  // namespace modelfs
