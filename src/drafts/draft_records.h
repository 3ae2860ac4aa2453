// What the store knows of drafts, typed: inodes and the names of directories.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "drafts/draft_record.h"
#include "store/key_value_store.h"

namespace modelfs {

// Where drafts are made that are to be moved into place; not listed as content anywhere.
inline constexpr std::string_view kStageName = ".stage";
// So begin the names of the drafts in `.stage` that `modelfs put` fills: they come and go without a request.
inline constexpr std::string_view kPutPrefix = ".put-";

// A name in a draft directory.
struct DraftName {
  std::string name;
  Ino ino = kNoIno;
  FileType type = FileType::Regular;
};

// Where a draft directory is named.
struct NamedAt {
  Ino directory = kNoIno;
  std::string name;
};

// Safe for concurrent use. Takes no lock of the drafts: who must not meet a change holds a NamesLock.
class DraftRecords {
 public:
  // `keys` stays as long as this lives.
  explicit DraftRecords(KeyValueStore& keys) : keys_(keys) {}

  KeyValueStore& keys() const { return keys_; }

  // NotFound: no draft inode of that number.
  Result<DraftRecord> inode(Ino ino) const;
  // True of a file that has no name any more.
  bool is_removed(Ino ino) const;
  // NotFound: `directory` holds no draft of that name.
  Result<DraftEntry> entry(Ino directory, std::string_view name) const;
  Result<std::vector<DraftName>> list(Ino directory) const;
  // False also where that cannot be told.
  bool is_empty(Ino directory) const;
  // NotFound: it has no name.
  Result<NamedAt> name_of(Ino directory) const;
  // Calls `visit` for each blob that a draft file refers to. What cannot be read may refer to anything: Corrupt.
  Status for_each_blob(const std::function<void(const Digest&)>& visit) const;

  // Adds to `batch` that mtime and ctime of `directory` move, and that it has so many more subdirectories. A committed
  // place has a record for its times only.
  void touch_directory(Ino directory, int subdirectories, Batch& batch) const;
  // Adds to `batch` that nothing is known of `ino` any more; its names are the caller's part.
  static void erase_inode(Ino ino, Batch& batch);
  // Buffered: durable with the next durable commit.
  Status commit(const Batch& batch, SpaceNeed need) const;

 private:
  KeyValueStore& keys_;
};

}  // namespace modelfs
