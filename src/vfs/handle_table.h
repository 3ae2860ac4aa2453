// What is open through a mount.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"
#include "content/content_reader.h"
#include "drafts/draft_store.h"
#include "layout/node.h"
#include "vfs/descriptors.h"
#include "vfs/file_system.h"
#include "vfs/open_nodes.h"

namespace modelfs {

struct Listing {
  Node directory;
  Ino parent = kNoIno;
  Credentials who;
  bool is_made = false;
  std::vector<ListedNode> names;
};

// An open file or directory.
struct OpenHandle {
  Ino ino = kNoIno;
  std::unique_ptr<const Descriptors::Use> descriptor;  // where it has one, or may need one
  std::unique_ptr<DraftHandle> draft;
  // Of a draft: it had no set-user-ID or set-group-ID bits when so many files had been given such.
  std::atomic<std::uint64_t> set_ids_seen = 0;
  std::shared_ptr<const ContentReader> content;
  std::shared_ptr<const std::string> text;  // made when it was opened
  File host;                                // events
  // Of what can be a committed file: a draft, since it may become one, a file of a release, an archive.
  std::unique_ptr<const OpenNodes::Open> open;  // after what it may have lent
  Mutex mutex;                                  // of listing; held while it is made or read
  std::unique_ptr<Listing> listing GUARDED_BY(mutex);
};

// Safe for concurrent use. No number is given out twice.
class HandleTable {
 public:
  Handle keep(std::shared_ptr<OpenHandle> handle) EXCLUDES(mutex_);
  // BadHandle: it is not open.
  Result<std::shared_ptr<OpenHandle>> find(Handle number) const EXCLUDES(mutex_);
  // Null: it was not open.
  std::shared_ptr<OpenHandle> drop(Handle number) EXCLUDES(mutex_);
  std::size_t size() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;  // leaf lock
  std::unordered_map<std::uint64_t, std::shared_ptr<OpenHandle>> handles_ GUARDED_BY(mutex_);
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelfs
