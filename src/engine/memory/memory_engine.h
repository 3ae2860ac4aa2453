// The engine of the tests: everything in memory, gone with the process.
#pragma once
#include "store/engine.h"

namespace modelfs {

Engine make_memory_engine();

}  // namespace modelfs
