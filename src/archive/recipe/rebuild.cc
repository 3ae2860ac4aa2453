// Rebuilds an archive by its recipe.
#include <algorithm>

#include "archive/recipe/recipe.h"
#include "archive/write/read_window.h"

namespace modelfs {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

Status ends_early(std::uint32_t content) {
  return Status(Code::Corrupt, "content " + std::to_string(content) + " of a recipe is shorter than it was");
}

// Writes the container's pieces, one after another.
class PieceWriter {
 public:
  PieceWriter(const Recipe& recipe, const ContentReadAt& content) : literals_(recipe.literals), content_(content) {}

  Status write(const RecipePiece& piece, const ByteSink& sink) {
    return piece.kind == RecipePiece::Kind::Deflated ? write_deflated(piece, sink) : write_source(piece, sink);
  }

 private:
  Status write_source(const RecipePiece& piece, const ByteSink& sink) {
    for (std::uint64_t done = 0; done < piece.source_bytes;) {
      const ByteSpan into = ByteSpan(buffer_).first(std::min<std::uint64_t>(kBufferBytes, piece.source_bytes - done));
      Status status = read_source(piece, done, into);
      if (status.ok()) status = sink(into);
      if (!status.ok()) return status;
      done += into.size();
    }
    return {};
  }

  Status read_source(const RecipePiece& piece, std::uint64_t from, ByteSpan into) {
    if (piece.kind == RecipePiece::Kind::Literal) return literals_.read_at(piece.literals_at + from, into);
    const auto got = content_(piece.content, from, into);
    if (!got.ok()) return got.status();
    return *got == into.size() ? Status() : ends_early(piece.content);
  }

  Status write_deflated(const RecipePiece& piece, const ByteSink& sink) {
    DeflateWriter deflate(piece.deflate);
    Status status = write_source(piece, [&](ByteView bytes) { return deflate.add(bytes, sink); });
    return status.ok() ? deflate.finish(sink) : status;
  }

  CompressedChunksReader literals_;
  const ContentReadAt& content_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kBufferBytes);
};

Status write_container(const Recipe& recipe, const ContentReadAt& content, const ByteSink& sink) {
  PieceWriter writer(recipe, content);
  for (const RecipePiece& piece : recipe.pieces) {
    Status status = writer.write(piece, sink);
    if (!status.ok()) return status;
  }
  return {};
}

Status write_gzip(const Recipe& recipe, const ContentReadAt& content, const ByteSink& sink) {
  Status status = sink(bytes_of(recipe.gzip->header));
  if (!status.ok()) return status;
  DeflateWriter deflate(recipe.gzip->deflate);
  status = write_container(recipe, content, [&](ByteView bytes) { return deflate.add(bytes, sink); });
  if (status.ok()) status = deflate.finish(sink);
  return status.ok() ? sink(bytes_of(recipe.gzip->trailer)) : status;
}

}  // namespace

Status rebuild_unchecked(const Recipe& recipe, const ContentReadAt& content, const ByteSink& sink) {
  return recipe.gzip ? write_gzip(recipe, content, sink) : write_container(recipe, content, sink);
}

Status rebuild(const Recipe& recipe, const ContentReadAt& content, const ByteSink& sink) {
  Hasher hasher;
  std::uint64_t size_bytes = 0;
  Status status = rebuild_unchecked(recipe, content, [&](ByteView bytes) {
    hasher.add(bytes);
    size_bytes += bytes.size();
    return sink(bytes);
  });
  if (!status.ok()) return status;
  if (size_bytes == recipe.size_bytes && hasher.finish().digest == recipe.digest) return {};
  return Status(Code::Corrupt, "a recipe made another archive than the one it was made from");
}

Result<std::size_t> read_at(const Recipe& recipe, std::uint64_t offset_bytes, ByteSpan into,
                            const ContentReadAt& content) {
  const Status unsupported(Code::Unsupported, "a compressed archive is not read at random");
  if (recipe.gzip) return unsupported;
  if (offset_bytes >= recipe.size_bytes) return std::size_t{0};
  const ReadWindow window(offset_bytes,
                          into.first(std::min<std::uint64_t>(into.size(), recipe.size_bytes - offset_bytes)));
  CompressedChunksReader literals(recipe.literals);
  auto piece = std::partition_point(recipe.pieces.begin(), recipe.pieces.end(), [&](const RecipePiece& each) {
    return each.at_bytes + each.size_bytes <= offset_bytes;
  });
  for (; piece != recipe.pieces.end() && piece->at_bytes < window.end(); ++piece) {
    if (piece->kind == RecipePiece::Kind::Deflated) return unsupported;
    const ReadWindow::Part part = window.part(piece->at_bytes, piece->size_bytes);
    if (piece->kind == RecipePiece::Kind::Literal) {
      Status status = literals.read_at(piece->literals_at + part.from, part.into);
      if (!status.ok()) return status;
      continue;
    }
    const auto got = content(piece->content, part.from, part.into);
    if (!got.ok()) return got.status();
    if (*got != part.into.size()) return ends_early(piece->content);
  }
  return static_cast<std::size_t>(window.end() - window.begin());
}

}  // namespace modelfs
