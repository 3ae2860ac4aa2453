// The extended attributes that a draft has when it is committed.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "catalog/manifest.h"
#include "drafts/frozen_draft.h"
#include "store/key_value_store.h"

namespace modelfs {

// Extended attributes of entries of a draft, by inode number.
using AttributesByIno = std::unordered_map<std::uint64_t, std::vector<Attribute>>;
// What all attributes of a package may take, names and values.
inline constexpr std::uint64_t kPackageAttributeBytesMax = 16ull << 20;

// Those of all entries of a frozen draft. TooLarge above kPackageAttributeBytesMax. IoError.
Result<AttributesByIno> attributes_of(const KeyValueStore& keys, const FrozenDraft& draft);

}  // namespace modelfs
