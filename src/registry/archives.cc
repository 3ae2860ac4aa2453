#include "registry/archives.h"

#include <algorithm>
#include <unordered_map>

#include "registry/registry.h"

namespace modelfs {
namespace {

// A layout from a manifest: its files, depth first and sorted, so that equal releases make equal archives.
class Collector {
 public:
  // Everything in `manifest`, below `prefix`.
  void add(const Manifest& manifest, const std::string& prefix) { add_children(manifest, Manifest::kRoot, prefix); }
  void add_directory(const std::string& path, const ManifestEntry& entry) {
    LaidFile file;
    file.path = path;
    file.type = FileType::Directory;
    file.mode = entry.mode;
    file.mtime = entry.mtime;
    files.push_back(std::move(file));
  }
  void add_entry(const Manifest& manifest, std::uint32_t index, const std::string& path) {
    const ManifestEntry& entry = manifest.at(index);
    if (entry.type == FileType::Directory) {
      add_directory(path, entry);
      add_children(manifest, index, path + "/");
      return;
    }
    LaidFile file;
    file.path = path;
    file.type = entry.type;
    file.mode = entry.mode;
    file.mtime = entry.mtime;
    file.target = entry.target;
    if (entry.type == FileType::Regular) {
      file.size_bytes = entry.size_bytes;
      file.crc32 = entry.sum.crc32;
      file.content = static_cast<std::uint32_t>(contents.size());
      contents.push_back(entry);
      if (entry.link_count > 1) {
        const auto [first, fresh] = linked_.try_emplace(raw(entry.ino), static_cast<std::uint32_t>(files.size()));
        if (!fresh) file.link_to = first->second;
      }
    }
    files.push_back(std::move(file));
  }

  std::vector<LaidFile> files;
  std::vector<ManifestEntry> contents;

 private:
  // Why recursion is safe: a path has at most PATH_MAX / 2 levels.
  void add_children(const Manifest& manifest, std::uint32_t directory, const std::string& prefix) {
    const ManifestEntry& parent = manifest.at(directory);
    for (std::uint32_t i = 0; i < parent.child_count; ++i) {
      add_entry(manifest, parent.first_child + i, prefix + manifest.at(parent.first_child + i).name);
    }
  }

  std::unordered_map<std::uint64_t, std::uint32_t> linked_;  // ino -> its first file
};

// A face that is made while it is read.
class MadeArchive : public ContentReader {
 public:
  MadeArchive(Registry& registry, std::shared_ptr<const ArchiveLayout> layout,
              std::shared_ptr<const std::vector<ManifestEntry>> contents, std::unique_ptr<Leases::Lease> lease)
      : registry_(registry), layout_(std::move(layout)), contents_(std::move(contents)), lease_(std::move(lease)) {}

  std::uint64_t size_bytes() const override { return layout_->size_bytes(); }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    return layout_->read_at(offset_bytes, into,
                            [this](std::uint32_t content, std::uint64_t offset, ByteSpan part) -> Result<std::size_t> {
                              const auto reader = open(content);
                              if (!reader.ok()) return reader.status();
                              return (*reader)->read_at(offset, part);
                            });
  }
  std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  static constexpr std::size_t kOpenMax = 16;

  Result<std::shared_ptr<const ContentReader>> open(std::uint32_t content) const {
    {
      const MutexLock lock(mutex_);
      for (auto at = open_.begin(); at != open_.end(); ++at) {
        if (at->first != content) continue;
        open_.splice(open_.begin(), open_, at);
        return at->second;
      }
    }
    auto reader = registry_.open_content((*contents_)[content]);
    if (!reader.ok()) return reader;
    const MutexLock lock(mutex_);
    open_.emplace_front(content, *reader);
    if (open_.size() > kOpenMax) open_.pop_back();
    return reader;
  }

  Registry& registry_;
  const std::shared_ptr<const ArchiveLayout> layout_;
  const std::shared_ptr<const std::vector<ManifestEntry>> contents_;
  const std::unique_ptr<Leases::Lease> lease_;
  mutable Mutex mutex_;  // leaf lock
  mutable std::list<std::pair<std::uint32_t, std::shared_ptr<const ContentReader>>> open_ GUARDED_BY(mutex_);
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

}  // namespace

Result<Archives::Laid> Archives::make(const ArchiveFace& face) {
  const auto stored = registry_.snapshot();
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
      collector.add_directory(generation->first, part->manifest->at(Manifest::kRoot));
      collector.add(*part->manifest, generation->first + "/");
    }
    return {};
  };
  for (std::uint32_t i = 0; i < root.child_count; ++i) {
    const std::string& name = manifest.at(root.first_child + i).name;
    if (Status status = add_generations_before(&name); !status.ok()) return status;
    collector.add_entry(manifest, root.first_child + i, name);
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
    for (auto at = items_.begin(); at != items_.end(); ++at) {
      if (at->key != key) continue;
      items_.splice(items_.begin(), items_, at);
      return at->laid;
    }
  }
  auto made = make(face);
  if (!made.ok()) return made;
  const auto cost = [](const Laid& laid) {
    return laid.layout->memory_bytes() + laid.contents->size() * sizeof(ManifestEntry);
  };
  const MutexLock lock(mutex_);
  items_.push_front({key, *made});
  bytes_ += cost(*made);
  while (bytes_ > kLayoutBytesMax && items_.size() > 1) {
    bytes_ -= cost(items_.back().laid);
    items_.pop_back();
  }
  return made;
}

Result<std::uint64_t> Archives::size_bytes(const ArchiveFace& face) {
  if (face.given) {
    const auto stored = registry_.snapshot();
    if (!stored.ok()) return stored.status();
    const auto record = stored->archive(face.container);
    if (!record.ok()) return record.status();
    return record->size_bytes;
  }
  const auto laid = lay(face);
  if (!laid.ok()) return laid.status();
  return laid->layout->size_bytes();
}

Result<std::shared_ptr<const ContentReader>> Archives::open(const ArchiveFace& face) {
  if (face.given) {
    const auto stored = registry_.snapshot();
    if (!stored.ok()) return stored.status();
    const auto record = stored->archive(face.container);
    if (!record.ok()) return record.status();
    ManifestEntry original;
    original.size_bytes = record->size_bytes;
    original.sum = record->sum;
    return registry_.open_content(original);
  }
  const auto laid = lay(face);
  if (!laid.ok()) return laid.status();
  std::vector<Digest> digests;
  digests.reserve(laid->contents->size());
  for (const ManifestEntry& entry : *laid->contents) digests.push_back(entry.sum.digest);
  auto lease = registry_.lease(std::move(digests));
  return std::shared_ptr<const ContentReader>(
      std::make_shared<MadeArchive>(registry_, laid->layout, laid->contents, std::move(lease)));
}

}  // namespace modelfs
