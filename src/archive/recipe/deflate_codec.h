// Raw deflate streams (RFC 1951): written as a known compressor writes them, and read from a random-access source.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// Takes bytes in order. Its failure ends the work and is passed on.
using ByteSink = std::function<Status(ByteView)>;

// Gives bytes of an archive; short only at its end.
using ArchiveReadAt = std::function<Result<std::size_t>(std::uint64_t offset_bytes, ByteSpan into)>;

// Stored in recipes: never renumber.
// Stored: the blocks of 65,535 uncompressed bytes that our own .tar.gz consist of (gzip_stored.h); it has no
// parameters.
enum class Compressor : std::uint8_t { Zlib = 1, GnuGzip = 2, Stored = 3 };

// What decides the output besides the input; window and strategy are zlib's defaults.
struct DeflateParameters {
  int level = 6;         // 1 to 9
  int memory_level = 8;  // of zlib, 1 to 9
  Compressor compressor = Compressor::Zlib;
  bool operator==(const DeflateParameters&) const = default;
};

// Used by one thread at a time. The output depends on the bytes and parameters only, not on how the bytes are cut.
class DeflateWriter {
 public:
  explicit DeflateWriter(DeflateParameters parameters);
  ~DeflateWriter();
  DeflateWriter(const DeflateWriter&) = delete;
  DeflateWriter& operator=(const DeflateWriter&) = delete;

  Status add(ByteView bytes, const ByteSink& sink);
  // Ends the stream; nothing may be added after it.
  Status finish(const ByteSink& sink);

 private:
  class Compression;
  class ByZlib;
  class ByGnuGzip;
  class ByNothing;
  std::unique_ptr<Compression> compression_;
};

struct Inflated {
  std::uint64_t read_bytes = 0;     // of the compressed stream
  std::uint64_t written_bytes = 0;  // given to the sink
  bool finished = false;            // the stream's own end was seen
};

// A piece of an archive.
struct ArchivePiece {
  std::uint64_t offset_bytes = 0;
  std::uint64_t size_bytes = 0;
};

// Decompresses the stream that begins with the piece, to its own end or to the piece's, whichever comes first.
// Malformed: it is damaged.
Result<Inflated> inflate_piece(const ArchiveReadAt& archive, const ArchivePiece& piece, const ByteSink& sink);

// Reads a piece of an archive into the sink. Corrupt: the archive ends before the piece does.
Status read_piece(const ArchiveReadAt& archive, const ArchivePiece& piece, const ByteSink& sink);

}  // namespace modelfs
