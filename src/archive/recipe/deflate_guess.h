// Finds which compressor has made a deflate stream, and with which parameters.
#pragma once
#include <vector>

#include "archive/recipe/deflate_codec.h"

namespace modelfs {

// A stream is tried as far as this; two levels may agree so far and differ later.
inline constexpr std::uint64_t kGuessCompressedBytes = 4 * 1024 * 1024;
inline constexpr std::uint64_t kGuessPlainBytes = 64 * 1024 * 1024;

// All that are tried, those of `level` first.
std::vector<DeflateParameters> likely_parameters(int level);

// Those of `candidates`, in their order, with which the beginning of the stream is reproduced; a stream that is tried
// to its end is reproduced whole. Malformed: the stream is damaged. Failures of reading the archive are passed on, also
// while nothing is read: before each step it is read for zero bytes.
Result<std::vector<DeflateParameters>> matching_parameters(const ArchiveReadAt& archive, const ArchivePiece& stream,
                                                           const std::vector<DeflateParameters>& candidates);

}  // namespace modelfs
