#include "catalog/manifest.h"

#include <algorithm>
#include <cassert>

#include "base/names.h"

namespace modelfs {
namespace {

std::size_t heap_bytes(const std::string& text) {
  static const std::size_t kInPlaceBytes = std::string().capacity();
  return text.capacity() > kInPlaceBytes ? text.capacity() + 1 : 0;
}

void append_content_line(std::string& text, const ManifestEntry& entry, std::size_t depth) {
  constexpr std::uint32_t kOwnerMayExecute = 0100;
  const bool executable = (entry.mode & kOwnerMayExecute) != 0;
  switch (entry.type) {
    case FileType::Regular: text += executable ? 'x' : 'f'; break;
    case FileType::Directory: text += 'd'; break;
    case FileType::Symlink: text += 'l'; break;
  }
  text += ' ';
  text += std::to_string(depth);
  text += ' ';
  text += entry.name;
  text += '\0';
  if (entry.type == FileType::Directory) return;
  if (entry.type == FileType::Symlink) {
    text += entry.target;
  } else {
    text += entry.hash.digest.hex();
    text += ' ';
    text += std::to_string(entry.size_bytes);
  }
  text += '\0';
}

// Why depths and not paths: a hostile chain of directories would make the hash of all path lengths quadratic.
Digest content_digest_of(const std::vector<ManifestEntry>& entries) {
  struct Pending {
    std::uint32_t index;
    std::size_t depth;
  };
  constexpr std::size_t kChunkBytes = 64 * 1024;
  Hasher hasher;
  std::string text("modelfs content 1\0", 18);
  std::vector<Pending> pending = {{Manifest::kRoot, 0}};
  while (!pending.empty()) {
    const auto [index, depth] = pending.back();
    pending.pop_back();
    const ManifestEntry& entry = entries[index];
    if (depth > 0) append_content_line(text, entry, depth);
    for (std::uint32_t i = entry.child_count; i-- > 0;) pending.push_back({entry.first_child + i, depth + 1});
    if (text.size() >= kChunkBytes) {
      hasher.add(bytes_of(text));
      text.clear();
    }
  }
  hasher.add(bytes_of(text));
  return hasher.finish().digest;
}

void count_links(std::vector<ManifestEntry>& entries) {
  // Why sorting and not a hash table: numbers chosen by an enemy of the hash would make it quadratic.
  std::vector<std::pair<Ino, std::uint32_t>> files;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    entries[i].link_count = entries[i].type == FileType::Directory ? 2 : 1;
    if (i > 0 && entries[i].type == FileType::Directory) ++entries[entries[i].parent].link_count;
    if (entries[i].type == FileType::Regular && entries[i].ino != kNoIno) files.emplace_back(entries[i].ino, i);
  }
  std::sort(files.begin(), files.end());
  for (std::size_t begin = 0, end = 0; begin < files.size(); begin = end) {
    while (end < files.size() && files[end].first == files[begin].first) ++end;
    const auto link_count = static_cast<std::uint32_t>(end - begin);
    for (std::size_t i = begin; i < end; ++i) entries[files[i].second].link_count = link_count;
  }
}

// Drops what an entry of this type does not have, so that a built manifest equals its decoded bytes.
void normalize(ManifestEntry& entry) {
  entry.mode &= 07777;
  if (entry.type != FileType::Symlink) entry.target.clear();
  if (entry.type == FileType::Regular) return;
  entry.size_bytes = entry.target.size();
  entry.allocated_bytes = 0;
  entry.hash = {};
}

}  // namespace

std::optional<std::uint32_t> Manifest::child(std::uint32_t directory, std::string_view name) const {
  const ManifestEntry& parent = at(directory);
  const auto begin = entries_.begin() + parent.first_child;
  const auto end = begin + parent.child_count;
  const auto found = std::lower_bound(begin, end, name, [](const ManifestEntry& entry, std::string_view wanted) {
    return std::string_view(entry.name) < wanted;
  });
  if (found == end || found->name != name) return std::nullopt;
  return static_cast<std::uint32_t>(found - entries_.begin());
}

Result<std::uint32_t> Manifest::find(std::string_view path) const {
  std::uint32_t index = kRoot;
  std::string_view rest = path;
  for (bool more = !path.empty(); more;) {
    if (at(index).type != FileType::Directory) {
      return Status(Code::NotADirectory, "'" + printable(path_of(index)) + "' is not a directory");
    }
    const std::size_t slash = rest.find('/');
    const auto next = child(index, rest.substr(0, slash));
    if (!next) return Status(Code::NotFound, "no file '" + printable(path) + "'");
    index = *next;
    more = slash != std::string_view::npos;
    if (more) rest.remove_prefix(slash + 1);
  }
  return index;
}

std::string Manifest::path_of(std::uint32_t index) const {
  std::vector<std::uint32_t> steps;
  for (; index != kRoot; index = at(index).parent) steps.push_back(index);
  std::string path;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (!path.empty()) path += '/';
    path += at(*step).name;
  }
  return path;
}

void Manifest::derive() {
  count_links(entries_);
  content_digest_ = content_digest_of(entries_);
  file_count_ = 0;
  total_bytes_ = 0;
  memory_bytes_ = sizeof(Manifest) + entries_.capacity() * sizeof(ManifestEntry);
  for (const ManifestEntry& entry : entries_) {
    memory_bytes_ += heap_bytes(entry.name) + heap_bytes(entry.target);
    memory_bytes_ += entry.attributes.capacity() * sizeof(Attribute);
    for (const Attribute& each : entry.attributes) memory_bytes_ += heap_bytes(each.name) + heap_bytes(each.value);
    if (entry.type != FileType::Regular) continue;
    ++file_count_;
    total_bytes_ += entry.size_bytes;
  }
}

ManifestBuilder::ManifestBuilder(ManifestEntry root) {
  root.type = FileType::Directory;
  root.name.clear();
  root.parent = Manifest::kRoot;
  normalize(root);
  entries_.push_back(std::move(root));
}

std::uint32_t ManifestBuilder::add(std::uint32_t parent, ManifestEntry entry) {
  assert(parent < entries_.size() && entries_[parent].type == FileType::Directory);
  entry.parent = parent;
  normalize(entry);
  entries_.push_back(std::move(entry));
  return static_cast<std::uint32_t>(entries_.size() - 1);
}

std::shared_ptr<const Manifest> ManifestBuilder::build() {
  // The children of the builder's entry p are order[starts[p]] … order[starts[p + 1] - 1].
  std::vector<std::uint32_t> starts(entries_.size() + 1, 0);
  for (std::size_t i = 1; i < entries_.size(); ++i) ++starts[entries_[i].parent + 1];
  for (std::size_t p = 1; p < starts.size(); ++p) starts[p] += starts[p - 1];
  std::vector<std::uint32_t> order(entries_.size() - 1);
  std::vector<std::uint32_t> next(starts);
  for (std::uint32_t i = 1; i < entries_.size(); ++i) order[next[entries_[i].parent]++] = i;
  const auto by_name = [this](std::uint32_t a, std::uint32_t b) { return entries_[a].name < entries_[b].name; };
  for (std::size_t p = 0; p < entries_.size(); ++p) {
    std::sort(order.begin() + starts[p], order.begin() + starts[p + 1], by_name);
  }

  const std::shared_ptr<Manifest> manifest(new Manifest());
  std::vector<std::uint32_t> numbers = {Manifest::kRoot};  // the builder's number of each entry of the manifest
  numbers.reserve(entries_.size());
  manifest->entries_.reserve(entries_.size());
  manifest->entries_.push_back(std::move(entries_[0]));
  for (std::uint32_t i = 0; i < numbers.size(); ++i) {
    const std::uint32_t number = numbers[i];
    ManifestEntry& directory = manifest->entries_[i];
    directory.child_count = starts[number + 1] - starts[number];
    directory.first_child = directory.child_count == 0 ? 0 : static_cast<std::uint32_t>(numbers.size());
    for (std::uint32_t c = starts[number]; c < starts[number + 1]; ++c) {
      numbers.push_back(order[c]);
      manifest->entries_.push_back(std::move(entries_[order[c]]));
      manifest->entries_.back().parent = i;
    }
  }
  entries_.clear();
  manifest->derive();
  return manifest;
}

Digest digest_of_release(const Digest& package, const std::vector<Digest>& generations) {
  if (generations.empty()) return package;
  std::string text("modelfs content 2\0", 18);
  text += package.hex();
  text += '\0';
  for (const Digest& generation : generations) {
    text += generation.hex();
    text += '\0';
  }
  return hash_of(bytes_of(text)).digest;
}

}  // namespace modelfs
