#include "registry/package.h"

#include <algorithm>
#include <unordered_map>

#include "base/names.h"

namespace modelfs {
namespace {

// Symlinks followed while one is judged. Source: MAXSYMLINKS of Linux.
constexpr int kSymlinkHopsMax = 40;

constexpr std::uint32_t kOutside = ~std::uint32_t{0};

// Walks `path` from the directory `at`; kOutside when it leaves the root. What does not exist stays where it would be.
std::uint32_t walk(const Manifest& manifest, std::uint32_t at, std::string_view path, int& hops) {
  std::uint64_t missing = 0;  // components below `at` that do not exist
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (missing > 0) {
        --missing;
      } else if (at == Manifest::kRoot) {
        return kOutside;
      } else {
        at = manifest.at(at).parent;
      }
      continue;
    }
    const bool can_have = missing == 0 && manifest.at(at).type == FileType::Directory;
    const auto child = can_have ? manifest.child(at, name) : std::nullopt;
    if (!child) {
      ++missing;
    } else if (manifest.at(*child).type == FileType::Symlink) {
      const std::string_view target = manifest.at(*child).target;
      if (target.starts_with('/') || ++hops > kSymlinkHopsMax) return kOutside;
      at = walk(manifest, at, target, hops);
      if (at == kOutside) return kOutside;
    } else {
      at = *child;
    }
  }
  return at;
}

// Which part each entry belongs to; kOutside: to none.
std::vector<std::uint32_t> assign(const FrozenDraft& draft, const Package& package) {
  const auto& entries = draft.entries();
  std::vector<std::uint32_t> part(entries.size(), kOutside);
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (i == package.made_up) continue;
    const auto root = std::find_if(package.parts.begin(), package.parts.end(),
                                   [&](const PackagePart& candidate) { return candidate.root == i; });
    part[i] = root != package.parts.end() ? static_cast<std::uint32_t>(root - package.parts.begin())
                                          : part[entries[i].parent];
  }
  return part;
}

// The entry at the top that is called `latest` and leads to one of the generations.
std::optional<std::uint32_t> made_up_latest(const std::vector<FrozenEntry>& entries,
                                            const std::map<std::uint64_t, std::uint32_t>& numbered) {
  for (std::uint32_t i = 1; i < entries.size(); ++i) {
    if (entries[i].parent != 0 || entries[i].name != "latest") continue;
    const auto number = parse_generation(entries[i].record.target);
    const bool is_made_up =
        entries[i].record.type == FileType::Symlink && number.ok() && numbered.contains(raw(*number));
    return is_made_up ? std::optional(i) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Package split_package(const FrozenDraft& draft, bool is_release) {
  Package package;
  package.parts.push_back({kNoGeneration, 0, nullptr});
  if (!is_release) return package;
  std::map<std::uint64_t, std::uint32_t> numbered;  // directories at the top
  bool other_numbers = false;
  const auto& entries = draft.entries();
  for (std::uint32_t i = 1; i < entries.size(); ++i) {
    if (entries[i].parent != 0) continue;
    const auto number = parse_generation(entries[i].name);
    const bool digits =
        !entries[i].name.empty() && entries[i].name.find_first_not_of("0123456789") == std::string::npos;
    if (!number.ok() || entries[i].record.type != FileType::Directory) {
      other_numbers = other_numbers || digits;
    } else {
      numbered[raw(*number)] = i;
    }
  }
  const bool dense = !numbered.empty() && numbered.rbegin()->first == numbered.size();
  package.takes_generations = !other_numbers && (numbered.empty() || dense);
  if (!package.takes_generations) return package;
  for (const auto& [number, index] : numbered) package.parts.push_back({Generation{number}, index, nullptr});
  package.made_up = made_up_latest(entries, numbered);
  return package;
}

Digest Package::digest() const {
  std::vector<Digest> generations;
  for (std::size_t i = 1; i < parts.size(); ++i) generations.push_back(parts[i].manifest->content_digest());
  return digest_of_release(parts[0].manifest->content_digest(), generations);
}

Status build_manifests(FrozenDraft& draft, bool may_hash, const std::function<Result<Ino>()>& fresh_ino,
                       const AttributesByIno& attributes, Package& package) {
  const auto& entries = draft.entries();
  const std::vector<std::uint32_t> part = assign(draft, package);
  package.hashes.resize(entries.size());
  std::vector<std::unique_ptr<ManifestBuilder>> builders(package.parts.size());
  std::vector<std::uint32_t> number(entries.size(), 0);  // in its builder
  std::unordered_map<std::uint64_t, Ino> fresh;          // of files that live on outside
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (i == package.made_up) continue;
    const FrozenEntry& from = entries[i];
    ManifestEntry entry;
    entry.type = from.record.type;
    entry.mode = from.record.owner.mode & 0777;
    entry.ino = from.ino;
    entry.mtime = from.mtime;
    entry.name = from.name;
    if (const auto found = attributes.find(raw(from.ino));
        found != attributes.end() && entry.type != FileType::Symlink) {
      entry.attributes = found->second;
    }
    if (entry.type == FileType::Symlink) {
      entry.target = from.record.target;
      entry.size_bytes = entry.target.size();
    }
    if (entry.type == FileType::Regular) {
      auto hash = draft.hash(i, may_hash);
      if (!hash.ok()) return hash.status();
      entry.hash = package.hashes[i] = hash->hash;
      entry.size_bytes = from.size_bytes;
      entry.allocated_bytes = from.allocated_bytes;
    }
    if (from.named_outside) {
      auto known = fresh.find(raw(from.ino));
      if (known == fresh.end()) {
        const auto ino = fresh_ino();
        if (!ino.ok()) return ino.status();
        known = fresh.emplace(raw(from.ino), *ino).first;
      }
      entry.ino = known->second;
    }
    auto& builder = builders[part[i]];
    if (package.parts[part[i]].root == i) {
      builder = std::make_unique<ManifestBuilder>(std::move(entry));
    } else {
      number[i] = builder->add(number[from.parent], std::move(entry));
    }
  }
  for (std::size_t i = 0; i < builders.size(); ++i) {
    package.parts[i].manifest = builders[i]->build();
    if (Status status = check_symlinks(*package.parts[i].manifest); !status.ok()) return status;
  }
  return {};
}

Status check_symlinks(const Manifest& manifest) {
  for (std::uint32_t i = 0; i < manifest.entries().size(); ++i) {
    const ManifestEntry& entry = manifest.at(i);
    if (entry.type != FileType::Symlink) continue;
    int hops = 0;
    const bool absolute = entry.target.starts_with('/');
    if (absolute || walk(manifest, entry.parent, entry.target, hops) == kOutside) {
      return {Code::Malformed, "the symlink " + printable(manifest.path_of(i)) + " -> " + printable(entry.target) +
                                   (absolute ? " is absolute" : " leaves the release") +
                                   "; make it relative and inside, or put the file itself there"};
    }
  }
  return {};
}

}  // namespace modelfs
