// Makes a copy of a release outside the mount.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "base/types.h"
#include "control/channel.h"

namespace modelfs {

// Used once, by one thread. Everything is written beside the destination and renamed there at the end, whole and
// synced; whatever ends it earlier leaves nothing.
class Fetch {
 public:
  // `on_bytes` gets (done, total). Both outlive it.
  using OnProgress = std::function<Status(std::uint64_t done_bytes, std::uint64_t total_bytes)>;
  Fetch(Channel& channel, const OnProgress& on_progress) : channel_(channel), on_progress_(on_progress) {}
  ~Fetch();
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  // Writes what `path` names in the registry to the directory `destination`, which does not exist or is empty. Returns
  // what was written: the answer to "open". AlreadyExists: the destination has something in it. Corrupt: bytes that do
  // not hash to their digest; names the file.
  Result<nlohmann::json> run(const std::string& path, bool with_generations, const std::string& destination);

 private:
  struct Item {
    FileType type = FileType::Regular;
    std::uint64_t package = 0;  // the numbers by which the daemon knows it
    std::uint64_t entry = 0;
    std::string path;  // below the destination; empty: its root
    std::uint32_t mode = 0;
    TimeNs mtime{};
    std::uint64_t size_bytes = 0;
    bool is_sparse = false;
    std::string digest;
    std::string target;
    std::uint64_t same_file = 0;  // files of a package with the same number above 0 are one file
  };

  Status take_items(const nlohmann::json& items);
  Status open_package(const std::string& path, bool with_generations);
  Status make_beside(const std::string& destination);
  Status write_files();
  Status write_file(const Item& item);
  Status copy_bytes(const Item& item, class SparseWriter& into);
  Status write_symlinks();
  Status finish_directories();
  Status move_to(const std::string& destination);
  Status keep_alive();

  Channel& channel_;
  const OnProgress& on_progress_;
  nlohmann::json answer_;
  std::vector<Item> items_;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t done_bytes_ = 0;
  std::string beside_;  // the directory that is being filled; empty: none
  File directory_;
  std::chrono::steady_clock::time_point last_call_;
};

}  // namespace modelfs
