#include "content/archives.h"

#include <fcntl.h>

#include <algorithm>
#include <unordered_map>

#include "archive/write/tar_header.h"

namespace modelfs {
namespace {

// A layout from a manifest: its files, depth first and sorted, so that equal releases make equal archives.
class Collector {
 public:
  static constexpr std::uint32_t kRoot = ArchiveEntry::kRoot;

  // As records of a tar.
  static std::string attributes_of(const ManifestEntry& entry) {
    std::string records;
    for (const Attribute& each : entry.attributes) append_attribute(records, each.name, each.value);
    return records;
  }
  // The number of a directory, as `in` for what it holds.
  std::uint32_t add_directory(const std::string& name, const ManifestEntry& entry, std::uint32_t in) {
    ArchiveEntry file;
    file.path = name;
    file.in = in;
    file.type = FileType::Directory;
    file.mode = entry.mode;
    file.mtime = entry.mtime;
    file.attributes = attributes_of(entry);
    files.push_back(std::move(file));
    return static_cast<std::uint32_t>(files.size() - 1);
  }
  // An entry, and all that is below it.
  void add_entry(const Manifest& manifest, std::uint32_t index, std::uint32_t in) {
    const ManifestEntry& entry = manifest.at(index);
    if (entry.type != FileType::Directory) return add_file(entry, in);
    add_children(manifest, index, add_directory(entry.name, entry, in));
  }
  // What is below `directory`, depth first. Why not by recursion: stores of earlier versions hold trees of any depth.
  void add_children(const Manifest& manifest, std::uint32_t directory, std::uint32_t in) {
    struct Level {
      const ManifestEntry* directory = nullptr;
      std::uint32_t in = kRoot;
      std::uint32_t next = 0;
    };
    std::vector<Level> levels{{&manifest.at(directory), in, 0}};
    while (!levels.empty()) {
      Level& level = levels.back();
      if (level.next == level.directory->child_count) {
        levels.pop_back();
        continue;
      }
      const ManifestEntry& child = manifest.at(level.directory->first_child + level.next++);
      if (child.type != FileType::Directory) {
        add_file(child, level.in);
      } else {
        levels.push_back({&child, add_directory(child.name, child, level.in), 0});
      }
    }
  }

  std::vector<ArchiveEntry> files;
  std::vector<ManifestEntry> contents;

 private:
  void add_file(const ManifestEntry& entry, std::uint32_t in) {
    ArchiveEntry file;
    file.path = entry.name;
    file.in = in;
    file.type = entry.type;
    file.mode = entry.mode;
    file.mtime = entry.mtime;
    file.target = entry.target;
    file.attributes = attributes_of(entry);
    if (entry.type == FileType::Regular) {
      file.size_bytes = entry.size_bytes;
      file.crc32 = entry.hash.crc32;
      file.content = static_cast<std::uint32_t>(contents.size());
      contents.push_back(entry);
      if (entry.link_count > 1) {
        const auto [first, fresh] = linked_.try_emplace(raw(entry.ino), static_cast<std::uint32_t>(files.size()));
        if (!fresh) file.link_to = first->second;
      }
    }
    files.push_back(std::move(file));
  }

  std::unordered_map<std::uint64_t, std::uint32_t> linked_;  // ino -> its first file
};

// A face that is made while it is read.
class MadeArchive : public ContentReader {
 public:
  MadeArchive(std::shared_ptr<const ArchiveLayout> layout, std::unique_ptr<const ReleaseFiles> contents)
      : layout_(std::move(layout)), contents_(std::move(contents)) {}

  std::uint64_t size_bytes() const override { return layout_->size_bytes(); }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    return layout_->read_at(offset_bytes, into, contents_->reader());
  }
  Result<std::size_t> lend_at(std::uint64_t offset_bytes, ByteSpan into, MappedSpans& lent) const override {
    return layout_->read_at(offset_bytes, into, contents_->lender(lent));
  }
  bool may_block(std::uint64_t, std::size_t) const override { return contents_->may_block(); }
  std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  const std::shared_ptr<const ArchiveLayout> layout_;
  const std::unique_ptr<const ReleaseFiles> contents_;
};

// An archive whose recipe can be read at random.
class RecipeArchive : public ContentReader {
 public:
  RecipeArchive(Recipe recipe, std::unique_ptr<const ReleaseFiles> contents)
      : recipe_(std::move(recipe)), contents_(std::move(contents)) {}

  std::uint64_t size_bytes() const override { return recipe_.size_bytes; }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    return modelfs::read_at(recipe_, offset_bytes, into, contents_->reader());
  }
  bool may_block(std::uint64_t, std::size_t) const override { return contents_->may_block(); }
  std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  const Recipe recipe_;
  const std::unique_ptr<const ReleaseFiles> contents_;
};

// An archive that was rebuilt.
class RebuiltArchive : public ContentReader {
 public:
  RebuiltArchive(std::shared_ptr<const File> file, std::uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  std::uint64_t size_bytes() const override { return size_bytes_; }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    return modelfs::read_at(file_->fd(), offset_bytes, into);
  }
  std::optional<int> descriptor() const override { return file_->fd(); }

 private:
  const std::shared_ptr<const File> file_;
  const std::uint64_t size_bytes_;
};

// The generations that were published in one commit with their release, by name.
Result<std::vector<std::pair<std::string, Ino>>> generations_with(const Snapshot& stored, const Container& release) {
  const auto domain = DomainName::parse(release.domain);
  if (!domain.ok()) return domain.status();
  std::vector<std::pair<std::string, Ino>> found;
  const Status scanned = stored.for_each_generation(*domain, release.release, [&](const GenerationRecord& generation) {
    if (generation.sequence != release.release) return false;
    found.emplace_back(std::to_string(raw(generation.number)), generation.ino);
    return true;
  });
  if (!scanned.ok()) return scanned;
  std::sort(found.begin(), found.end());
  return found;
}

// For what a store on a read-only disk has no place for. Not /tmp, which may be memory.
}  // namespace

Result<Archives::Laid> Archives::make(const ArchiveFace& face) {
  const auto stored = store_.snapshot();
  if (!stored.ok()) return stored.status();
  const auto container = stored->container(face.container);
  if (!container.ok()) return container.status();
  const Manifest& manifest = *container->manifest;
  Collector collector;
  std::vector<std::pair<std::string, Ino>> generations;
  if (container->generation == kNoGeneration) {
    auto found = generations_with(*stored, *container);
    if (!found.ok()) return found.status();
    generations = std::move(*found);
  }
  const ManifestEntry& root = manifest.at(Manifest::kRoot);
  auto generation = generations.begin();
  const auto add_generations_before = [&](const std::string* name) -> Status {
    for (; generation != generations.end() && (name == nullptr || generation->first < *name); ++generation) {
      const auto part = stored->container(generation->second);
      if (!part.ok()) return part.status();
      const Manifest& files = *part->manifest;
      const auto in = collector.add_directory(generation->first, files.at(Manifest::kRoot), Collector::kRoot);
      collector.add_children(files, Manifest::kRoot, in);
    }
    return {};
  };
  for (std::uint32_t i = 0; i < root.child_count; ++i) {
    const std::string& name = manifest.at(root.first_child + i).name;
    if (Status status = add_generations_before(&name); !status.ok()) return status;
    collector.add_entry(manifest, root.first_child + i, Collector::kRoot);
  }
  if (Status status = add_generations_before(nullptr); !status.ok()) return status;
  auto layout = ArchiveLayout::make(std::move(collector.files), face.format);
  if (!layout.ok()) return layout.status();
  return Laid{std::move(*layout), std::make_shared<const std::vector<ManifestEntry>>(std::move(collector.contents))};
}

Result<Archives::Laid> Archives::lay(const ArchiveFace& face) {
  const auto key = std::make_pair(raw(face.container), face.format);
  {
    const MutexLock lock(mutex_);
    const Laid* const found = laid_.find(key);
    ++(found != nullptr ? layouts_.hits : layouts_.misses);
    if (found != nullptr) return *found;
  }
  auto made = make(face);
  if (!made.ok()) return made;
  const std::uint64_t bytes = made->layout->memory_bytes() + made->contents->size() * sizeof(ManifestEntry);
  const MutexLock lock(mutex_);
  laid_.put(key, *made, bytes);
  return made;
}

Result<std::uint64_t> Archives::size_bytes(const ArchiveFace& face) {
  if (face.given) {
    const auto record = record_of(face.container);
    if (!record.ok()) return record.status();
    return record->size_bytes;
  }
  const auto laid = lay(face);
  if (!laid.ok()) return laid.status();
  return laid->layout->size_bytes();
}

Result<std::unique_ptr<const ReleaseFiles>> Archives::contents(Ino container) {
  const auto laid = lay({container, false, ArchiveFormat::Tar});
  if (!laid.ok()) return laid.status();
  return std::make_unique<const ReleaseFiles>(store_, laid->contents);
}

Result<std::shared_ptr<const ContentReader>> Archives::open(const ArchiveFace& face) {
  if (face.given) return open_given(face.container);
  const auto laid = lay(face);
  if (!laid.ok()) return laid.status();
  return std::shared_ptr<const ContentReader>(
      std::make_shared<MadeArchive>(laid->layout, std::make_unique<const ReleaseFiles>(store_, laid->contents)));
}

Result<ArchiveRecord> Archives::record_of(Ino container) const {
  const auto stored = store_.snapshot();
  if (!stored.ok()) return stored.status();
  return stored->archive(container);
}

Result<Recipe> Archives::recipe_of(Ino container) const {
  const auto stored = store_.snapshot();
  if (!stored.ok()) return stored.status();
  const auto bytes = stored->recipe(container);
  if (!bytes.ok()) return bytes.status();
  return Recipe::decode(*bytes);
}

Result<std::shared_ptr<const ContentReader>> Archives::open_given(Ino container) {
  for (int tries = 0;; ++tries) {
    const auto record = record_of(container);
    if (!record.ok()) return record.status();
    if (record->kept == ArchiveRecord::Kept::Recipe) return open_recipe(container, record->size_bytes);
    ManifestEntry original;
    original.size_bytes = record->size_bytes;
    original.hash = record->hash;
    auto opened = store_.open(original);
    // A recipe may have taken its place since we looked.
    if (opened.ok() || tries > 0) return opened;
  }
}

Result<std::shared_ptr<const ContentReader>> Archives::open_recipe(Ino container, std::uint64_t size_bytes) {
  using Opened = std::shared_ptr<const ContentReader>;
  if (auto file = find_rebuilt(container)) return Opened(std::make_shared<RebuiltArchive>(file, size_bytes));
  auto recipe = recipe_of(container);
  if (!recipe.ok()) return recipe.status();
  auto files = contents(container);
  if (!files.ok()) return files.status();
  if (recipe->reads_at_random()) {
    return Opened(std::make_shared<RecipeArchive>(std::move(*recipe), std::move(*files)));
  }
  const MutexLock one_at_a_time(rebuild_mutex_);
  // Another thread may have done it while we waited.
  if (auto file = find_rebuilt(container)) return Opened(std::make_shared<RebuiltArchive>(file, size_bytes));
  const auto file = rebuild_file(*recipe, **files);
  if (!file.ok()) return file.status();
  keep_rebuilt(container, *file, size_bytes);
  return Opened(std::make_shared<RebuiltArchive>(*file, size_bytes));
}

Result<std::shared_ptr<const File>> Archives::rebuild_file(const Recipe& recipe, const ReleaseFiles& files) const {
  // Without a name: it goes with its last reader, whatever happens.
  auto file = open_at(scratch_dir_, ".", O_RDWR | O_TMPFILE, 0600);
  if (!file.ok()) return file.status();
  std::uint64_t written_bytes = 0;
  const Status status = rebuild(recipe, files.reader(), [&](ByteView bytes) -> Status {
    if (Status room = check_space_(bytes.size()); !room.ok()) return room;
    const Status written = write_at(file->fd(), written_bytes, bytes);
    written_bytes += bytes.size();
    return written;
  });
  if (!status.ok()) return status;
  return std::make_shared<const File>(std::move(*file));
}

std::shared_ptr<const File> Archives::find_rebuilt(Ino container) {
  const MutexLock lock(mutex_);
  const auto* const found = rebuilt_.find(raw(container));
  if (found == nullptr) return nullptr;
  ++rebuilds_.hits;
  return *found;
}

void Archives::keep_rebuilt(Ino container, std::shared_ptr<const File> file, std::uint64_t size_bytes) {
  const MutexLock lock(mutex_);
  // One that is too large goes with its last reader.
  if (size_bytes <= kRebuiltBytesMax) rebuilt_.put(raw(container), std::move(file), size_bytes);
  ++rebuilds_.misses;
}

CacheFigures Archives::layout_figures() const {
  const MutexLock lock(mutex_);
  CacheFigures figures = layouts_;
  figures.bytes = laid_.weight();
  return figures;
}

CacheFigures Archives::rebuilt_figures() const {
  const MutexLock lock(mutex_);
  CacheFigures figures = rebuilds_;
  figures.bytes = rebuilt_.weight();
  return figures;
}

Status Archives::verify_recipe(Ino container) {
  const auto recipe = recipe_of(container);
  if (!recipe.ok()) return recipe.status();
  const auto files = contents(container);
  if (!files.ok()) return files.status();
  return rebuild(*recipe, (*files)->reader(), [](ByteView) { return Status(); });
}

}  // namespace modelfs
