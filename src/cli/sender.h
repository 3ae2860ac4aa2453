// Sends a tree of files into a put.
#pragma once
#include <functional>
#include <string>

#include "cli/source_tree.h"
#include "control/channel.h"

namespace modelfs {

// Called with the bytes sent so far. Not ok: the sending ends with that Status.
using OnBytes = std::function<Status(std::uint64_t done_bytes)>;

// Used once, by one thread. Small files go as bytes, many in a message; larger ones as descriptors; those on a FUSE
// file system in chunks, so that no daemon waits for another.
class Sender {
 public:
  // `tree`, `channel` and `on_bytes` outlive it; a put has been begun on `channel`.
  Sender(const SourceTree& tree, Channel& channel, const OnBytes& on_bytes)
      : tree_(tree), channel_(channel), on_bytes_(on_bytes) {}

  // Busy: a file changed while it was read. Errors of the registry.
  Status send_all();

 private:
  Status add(const SourceEntry& entry);
  Status add_file(const SourceEntry& entry, nlohmann::json& announced);
  Status flush();
  Status send_chunks(const SourceEntry& entry, const File& file);

  const SourceTree& tree_;
  Channel& channel_;
  const OnBytes& on_bytes_;
  Message batch_;
  std::uint64_t batch_bytes_ = 0;  // of the files in it
  std::uint64_t names_bytes_ = 0;  // of its body, about
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace modelfs
