// Archive faces: every release and generation as an archive, the uploaded one or one generated while it is read.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "archive/archive_format.h"
#include "archive/recipe/recipe.h"
#include "archive/write/synthetic_archive.h"
#include "base/file.h"
#include "base/lru_cache.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/types.h"
#include "catalog/manifest.h"
#include "catalog/snapshot.h"
#include "content/content_reader.h"
#include "content/content_store.h"
#include "content/release_files.h"

namespace modelfs {

// How a cache has done since the start.
struct CacheFigures {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t bytes = 0;  // in it now
};

// Which archive of what.
struct ArchiveFace {
  Ino container = kNoIno;  // the directory of the release or generation
  bool given = false;      // the uploaded archive, byte for byte; else one generated from its files
  ArchiveFormat format = ArchiveFormat::Tar;
};

// Safe for concurrent use. A generated archive is a function of what was published: the package, and the generations
// that were published with it in one commit. Generations that were added later have faces of their own.
class Archives {
 public:
  // Layouts are kept up to this size, the most recently used ones.
  static constexpr std::size_t kLayoutBytesMax = 64ull << 20;
  // Archives that were rebuilt from recipes are kept on the disk up to this size, beside those that are open.
  static constexpr std::uint64_t kRebuiltBytesMax = 8ull << 30;

  // `scratch_dir`: where archives are rebuilt, in files without a name; open as long as this lives. `check_space`:
  // NoSpace, if so many more bytes would not leave enough free.
  Archives(const ContentStore& store, int scratch_dir, std::function<Status(std::uint64_t more_bytes)> check_space)
      : store_(store), scratch_dir_(scratch_dir), check_space_(std::move(check_space)) {}

  // The exact size of a face, before it is generated. NotFound: no such container, or not uploaded as an archive.
  Result<std::uint64_t> size_bytes(const ArchiveFace& face) EXCLUDES(mutex_);
  // Opens a face for reading at random. The reader keeps every blob that it may need away from gc. May take long for a
  // given one: where only the recipe of a compressed archive is left, it is rebuilt first. Corrupt: it cannot be.
  Result<std::shared_ptr<const ContentReader>> open(const ArchiveFace& face) EXCLUDES(mutex_);
  // The files of a container, numbered as recipes number them.
  Result<std::unique_ptr<const ReleaseFiles>> contents(Ino container) EXCLUDES(mutex_);
  // Rebuilds the archive that `container` was uploaded as, and drops the result. Corrupt: it is not the same any more.
  Status verify_recipe(Ino container) EXCLUDES(mutex_);
  CacheFigures layout_figures() const EXCLUDES(mutex_);
  CacheFigures rebuilt_figures() const EXCLUDES(mutex_);

 private:
  struct Laid {
    std::shared_ptr<const ArchiveLayout> layout;
    std::shared_ptr<const std::vector<ManifestEntry>> contents;  // by ArchiveEntry::content
  };
  Result<Laid> lay(const ArchiveFace& face) EXCLUDES(mutex_);
  Result<Laid> make(const ArchiveFace& face);
  Result<std::shared_ptr<const ContentReader>> open_given(Ino container) EXCLUDES(mutex_);
  Result<std::shared_ptr<const ContentReader>> open_recipe(Ino container, std::uint64_t size_bytes) EXCLUDES(mutex_);
  // What the catalog has, read by a snapshot of their own: nothing that takes long may hold one.
  Result<ArchiveRecord> record_of(Ino container) const;
  Result<Recipe> recipe_of(Ino container) const;
  Result<std::shared_ptr<const File>> rebuild_file(const Recipe& recipe, const ReleaseFiles& files) const;
  std::shared_ptr<const File> find_rebuilt(Ino container) EXCLUDES(mutex_);
  void keep_rebuilt(Ino container, std::shared_ptr<const File> file, std::uint64_t size_bytes) EXCLUDES(mutex_);

  const ContentStore& store_;
  const int scratch_dir_;
  const std::function<Status(std::uint64_t)> check_space_;
  // A face that is made: by the number of the container and the format.
  using LaidKey = std::pair<std::uint64_t, ArchiveFormat>;
  struct LaidKeyHash {
    std::size_t operator()(const LaidKey& key) const {
      return std::hash<std::uint64_t>()(key.first * 8 + static_cast<std::uint64_t>(key.second));
    }
  };
  mutable Mutex mutex_;  // leaf lock; not held while a layout is made
  LruCache<LaidKey, Laid, LaidKeyHash> laid_ GUARDED_BY(mutex_){kLayoutBytesMax};
  CacheFigures layouts_ GUARDED_BY(mutex_);  // without the bytes
  Mutex rebuild_mutex_;                      // one at a time; taken before mutex_, held while an archive is rebuilt
  LruCache<std::uint64_t, std::shared_ptr<const File>> rebuilt_ GUARDED_BY(mutex_){kRebuiltBytesMax};  // by container
  CacheFigures rebuilds_ GUARDED_BY(mutex_);                                                           // likewise
};

}  // namespace modelfs
