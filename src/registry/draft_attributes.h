// The extended attributes that a draft has when it is committed.
#pragma once
#include "registry/package.h"
#include "store/key_value_store.h"

namespace modelfs {

// Those of all entries of a frozen draft. TooLarge above kPackageAttributeBytesMax. IoError.
Result<AttributesByIno> attributes_of(const KeyValueStore& keys, const FrozenDraft& draft);

}  // namespace modelfs
