// Which libfuse this is written for, and the largest request.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

namespace modelfs {

// The largest READ and WRITE. Source: FUSE_MAX_MAX_PAGES (256) of the kernel.
inline constexpr unsigned kRequestBytesMax = 1u << 20;

// Threads that receive and answer requests.
inline constexpr unsigned kFuseThreads = 8;

}  // namespace modelfs
