// A small file system of its own, unmounted in any case: to be filled up, or made read-only.
#pragma once
#include <sys/mount.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/temporary_directory.h"

namespace modelfs {

class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size = "16m") {
    const std::string options = "mode=0700,size=" + size;
    mounted_ = ::mount("modelfs-test", at_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(at_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // False: this process has not the right to.
  bool mounted() const { return mounted_; }
  std::string path() const { return at_.path(); }

  // Takes all but about `left_bytes` of what is free.
  void fill(std::size_t left_bytes) const {
    std::ofstream filler(at_.path() + "/filler", std::ios::binary | std::ios::app);
    const std::string block(4096, 'x');
    // To the last byte where none is left: also what is not counted as free.
    for (std::uint64_t taken = left_bytes, free = free_bytes(); left_bytes == 0 || taken < free;
         taken += block.size()) {
      if (!filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) break;
    }
  }
  void make_room() const { std::filesystem::remove(at_.path() + "/filler"); }
  std::uint64_t free_bytes() const { return std::filesystem::space(at_.path()).available; }

  // False where something is open for writing, or the right is missing.
  bool make_read_only(bool read_only = true) const {
    return ::mount(nullptr, at_.path().c_str(), nullptr, MS_REMOUNT | (read_only ? MS_RDONLY : 0), nullptr) == 0;
  }

 private:
  TemporaryDirectory at_;
  bool mounted_ = false;
};

}  // namespace modelfs
