// A frozen draft as packages: split into a release and the generations at its top level, judged, and made into
// manifests.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/status.h"
#include "catalog/manifest.h"
#include "drafts/draft_store.h"
#include "drafts/frozen_attributes.h"

namespace modelfs {

// One manifest to be and where it begins in the draft.
struct PackagePart {
  Generation generation{};  // 0: the release (or the one generation that the draft is)
  std::uint32_t root = 0;   // index of its directory in the frozen draft
  std::shared_ptr<const Manifest> manifest;
};

struct Package {
  std::vector<PackagePart> parts;  // the release first, then its generations in order
  bool takes_generations = true;   // false: numbers at its top level are content
  // Of its regular files, by index in the draft: looked up once, by build_manifests().
  std::vector<ContentHash> hashes;
  // The symlink `latest` at its top, which leads to one of its generations: it is left out, since a release shows such
  // a symlink by itself. So what was copied from a release is what was published.
  std::optional<std::uint32_t> made_up;

  // Of what comes in one commit: see digest_of_release(). After build_manifests().
  Digest digest() const;
};

// Finds the parts. As a release: directories at the top named exactly 1…k become generations; with any other number
// there, all of them are content. As a generation: one part.
Package split_package(const FrozenDraft& draft, bool is_release);

// Fills the manifest of every part, and the hashes. `fresh_ino` numbers the files that go on living in a draft under
// another name. Busy, IoError: see FrozenDraft::hash. Malformed: names the symlink that is absolute or leaves its part,
// and what to do.
Status build_manifests(FrozenDraft& draft, bool may_hash, const std::function<Result<Ino>()>& fresh_ino,
                       const AttributesByIno& attributes, Package& package);

// Ok if every symlink of `manifest` is relative and stays inside, also when it passes through other symlinks of it.
Status check_symlinks(const Manifest& manifest);

}  // namespace modelfs
