// How to rebuild an uploaded archive from the bytes of its members, bit for bit, so that it need not be stored.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archive_format.h"
#include "archive/recipe/compressed_chunks.h"
#include "archive/recipe/deflate_codec.h"
#include "archive/write/synthetic_archive.h"
#include "base/digest.h"
#include "base/status.h"

namespace modelfs {

// A run of the container: bytes of its own, or all the bytes of one content, as they are or deflated.
struct RecipePiece {
  enum class Kind : std::uint8_t { Literal = 0, Content = 1, Deflated = 2 };
  Kind kind = Kind::Literal;
  DeflateParameters deflate = {};  // Deflated
  std::uint32_t content = 0;       // not Literal: the caller's number
  std::uint64_t at_bytes = 0;      // where it stands in the container
  std::uint64_t size_bytes = 0;    // in the container, above 0
  std::uint64_t source_bytes = 0;  // of the content
  std::uint64_t literals_at = 0;   // Literal: in Recipe::literals
};

// What gzip puts around the container.
struct GzipFrame {
  std::string header;  // as it was
  DeflateParameters deflate;
  std::string trailer;  // as it was
};

// Immutable once made, then safe for concurrent use.
struct Recipe {
  ArchiveFormat format = ArchiveFormat::Tar;
  std::uint64_t size_bytes = 0;     // of the archive
  Digest digest;                    // of the archive
  std::optional<GzipFrame> gzip;    // the container is the tar in it
  std::vector<RecipePiece> pieces;  // of the container, in order, without gaps
  CompressedChunks literals;

  std::uint64_t container_bytes() const {
    return pieces.empty() ? 0 : pieces.back().at_bytes + pieces.back().size_bytes;
  }
  // Whether read_at() works everywhere: nothing is compressed. Looks at every piece: ask once.
  bool reads_at_random() const;

  std::string encode() const;
  // Corrupt: not the bytes that encode() makes. Memory is bounded by a multiple of what `bytes` has, whatever they say.
  static Result<Recipe> decode(std::string_view bytes);
};

// Writes the whole archive to the sink, in bounded memory. Corrupt: the recipe is damaged, a content is not what it
// was, or the machine's zlib is another one than that of the proof and compresses differently; the sink may have got
// wrong bytes by then. What `content` or `sink` fail with is passed on.
Status rebuild(const Recipe& recipe, const ContentReadAt& content, const ByteSink& sink);

// As much of [offset, offset + into.size()) as the archive has; short only at its end. Bytes of contents go straight
// into `into`. Unsupported: it is compressed there; never so when reads_at_random(). Corrupt: as above, as far as the
// sizes tell.
Result<std::size_t> read_at(const Recipe& recipe, std::uint64_t offset_bytes, ByteSpan into,
                            const ContentReadAt& content);

// rebuild() without the check of the digest.
Status rebuild_unchecked(const Recipe& recipe, const ContentReadAt& content, const ByteSink& sink);

// Puts a recipe's pieces together. Used by one thread at a time.
class RecipeBuilder {
 public:
  void add_literal(ByteView bytes);
  void add_content(std::uint32_t content, std::uint64_t size_bytes);
  void add_deflated(std::uint32_t content, std::uint64_t source_bytes, std::uint64_t size_bytes,
                    DeflateParameters deflate);
  std::size_t packed_bytes() const { return packer_.packed_bytes(); }
  // pieces and literals of a recipe. Leaves the builder empty.
  Recipe finish();

 private:
  void add(RecipePiece piece);
  std::vector<RecipePiece> pieces_;
  BytePacker packer_;
  std::uint64_t end_ = 0;
  std::uint64_t literals_end_ = 0;
};

}  // namespace modelfs
