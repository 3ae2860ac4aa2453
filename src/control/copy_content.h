// Copies the bytes of a client's open file into a draft.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

#include "base/status.h"
#include "drafts/draft_store.h"

namespace modelfs {

// Bytes read and written at once: big enough that the hash behind the writer costs no extra turns.
inline constexpr std::size_t kCopyChunkBytes = 1ull << 20;

// Whether a client's descriptor may be read here. Unsupported: it lies on a FUSE file system, whose server could leave
// a reader hanging for ever and may be this very process; its bytes are to be sent instead. InvalidArgument: no regular
// file, or not readable.
Status check_readable_source(int source, std::string_view name);

// True for a file that check_readable_source() calls Unsupported.
bool is_on_fuse(int fd);

// Asked before each chunk with the bytes that were copied; not ok: the copying ends with that Status.
using Proceed = std::function<Status(std::uint64_t copied_bytes)>;

// Copies `source` into the open draft file, leaving its holes out; the draft gets the length of `source`. Holds no lock
// while it reads. Busy: the file changed meanwhile. What the draft refuses. Every message of these names `name`.
Status copy_content(int source, DraftHandle& into, std::string_view name, const Proceed& proceed);

}  // namespace modelfs
