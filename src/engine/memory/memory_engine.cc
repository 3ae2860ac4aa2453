#include "engine/memory/memory_engine.h"

#include "engine/memory/memory_blobs.h"
#include "engine/memory/memory_keys.h"

namespace modelfs {

Engine make_memory_engine() { return Engine{std::make_unique<MemoryKeys>(), std::make_unique<MemoryBlobs>()}; }

}  // namespace modelfs
