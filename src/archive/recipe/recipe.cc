#include "archive/recipe/recipe.h"

#include <algorithm>

namespace modelfs {
namespace {

// The form's number, and a CRC-32 of all that follows it, stand first.
constexpr std::uint64_t kForm = 1;
constexpr std::size_t kGzipTextBytesMax = 1 << 20;  // a header with a name, a comment and 64 KiB of extra field
constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 62;

void encode_deflate(Encoder& encoder, DeflateParameters deflate) {
  encoder.number(raw(deflate.compressor));
  encoder.number(static_cast<std::uint64_t>(deflate.level)).number(static_cast<std::uint64_t>(deflate.memory_level));
}

std::optional<DeflateParameters> decode_deflate(Decoder& decoder) {
  const std::uint64_t compressor = decoder.number();
  const std::uint64_t level = decoder.number();
  const std::uint64_t memory_level = decoder.number();
  if (compressor < raw(Compressor::Zlib) || compressor > raw(Compressor::Stored)) return std::nullopt;
  if (level < 1 || level > 9 || memory_level < 1 || memory_level > 9) return std::nullopt;
  return DeflateParameters{static_cast<int>(level), static_cast<int>(memory_level),
                           static_cast<Compressor>(compressor)};
}

void encode_piece(Encoder& encoder, const RecipePiece& piece) {
  encoder.number(raw(piece.kind)).number(piece.size_bytes);
  if (piece.kind == RecipePiece::Kind::Literal) return;
  encoder.number(piece.content);
  if (piece.kind == RecipePiece::Kind::Content) return;
  encoder.number(piece.source_bytes);
  encode_deflate(encoder, piece.deflate);
}

std::optional<RecipePiece> decode_piece(Decoder& decoder) {
  RecipePiece piece;
  const std::uint64_t kind = decoder.number();
  if (kind > raw(RecipePiece::Kind::Deflated)) return std::nullopt;
  piece.kind = static_cast<RecipePiece::Kind>(kind);
  piece.size_bytes = piece.source_bytes = decoder.number();
  if (piece.kind == RecipePiece::Kind::Literal) return piece;
  const std::uint64_t content = decoder.number();
  if (content > UINT32_MAX) return std::nullopt;
  piece.content = static_cast<std::uint32_t>(content);
  if (piece.kind == RecipePiece::Kind::Content) return piece;
  piece.source_bytes = decoder.number();
  const auto deflate = decode_deflate(decoder);
  if (!deflate) return std::nullopt;
  piece.deflate = *deflate;
  return piece;
}

// Gives each piece its places; false when they do not add up.
bool place_pieces(Recipe& recipe) {
  std::uint64_t at = 0;
  std::uint64_t literals_at = 0;
  for (RecipePiece& piece : recipe.pieces) {
    if (piece.size_bytes == 0 || piece.size_bytes > kSizeMax - at || piece.source_bytes > kSizeMax) return false;
    piece.at_bytes = at;
    piece.literals_at = literals_at;
    at += piece.size_bytes;
    if (piece.kind == RecipePiece::Kind::Literal) literals_at += piece.size_bytes;
  }
  return literals_at == recipe.literals.size_bytes() && (recipe.gzip || at == recipe.size_bytes);
}

bool decode_gzip(Decoder& decoder, Recipe& recipe) {
  GzipFrame frame;
  frame.header = decoder.text();
  frame.trailer = decoder.text();
  const auto deflate = decode_deflate(decoder);
  if (!deflate || frame.header.size() > kGzipTextBytesMax || frame.trailer.size() > kGzipTextBytesMax) return false;
  frame.deflate = *deflate;
  recipe.gzip = std::move(frame);
  return true;
}

bool decode_format(Decoder& decoder, Recipe& recipe) {
  const std::uint64_t format = decoder.number();
  if (format < raw(ArchiveFormat::Tar) || format > raw(ArchiveFormat::Zip)) return false;
  recipe.format = static_cast<ArchiveFormat>(format);
  recipe.size_bytes = decoder.number();
  recipe.digest = decoder.digest();
  if (recipe.format == ArchiveFormat::TarGz) return decode_gzip(decoder, recipe);
  return recipe.format != ArchiveFormat::TarZst;
}

// Why not reserved by the count: it may lie, and each piece that is there has at least two bytes.
bool decode_pieces(Decoder& decoder, Recipe& recipe) {
  const std::uint64_t count = decoder.number();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto piece = decode_piece(decoder);
    if (!piece || decoder.failed()) return false;
    recipe.pieces.push_back(*piece);
  }
  return true;
}

}  // namespace

bool Recipe::reads_at_random() const {
  return !gzip && std::none_of(pieces.begin(), pieces.end(),
                               [](const RecipePiece& piece) { return piece.kind == RecipePiece::Kind::Deflated; });
}

std::string Recipe::encode() const {
  Encoder body;
  body.number(raw(format)).number(size_bytes).digest(digest);
  if (gzip) {
    body.text(gzip->header).text(gzip->trailer);
    encode_deflate(body, gzip->deflate);
  }
  body.number(pieces.size());
  for (const RecipePiece& piece : pieces) encode_piece(body, piece);
  literals.encode(body);

  const std::string bytes = body.take();
  Encoder whole;
  whole.number(kForm).fixed32(hash_of(bytes_of(bytes)).crc32);
  return whole.take() + bytes;
}

Result<Recipe> Recipe::decode(std::string_view bytes) {
  const Status corrupt(Code::Corrupt, "a recipe that cannot be read");
  constexpr std::size_t kHeadBytes = 5;
  Decoder decoder(bytes);
  if (decoder.number() != kForm) return corrupt;
  const std::uint32_t crc32 = decoder.fixed32();
  if (decoder.failed() || hash_of(bytes_of(bytes.substr(kHeadBytes))).crc32 != crc32) return corrupt;

  Recipe recipe;
  if (!decode_format(decoder, recipe) || !decode_pieces(decoder, recipe)) return corrupt;
  recipe.literals = CompressedChunks::decode(decoder);
  if (!decoder.finished() || !place_pieces(recipe)) return corrupt;
  return recipe;
}

void RecipeBuilder::add(RecipePiece piece) {
  piece.at_bytes = end_;
  end_ += piece.size_bytes;
  pieces_.push_back(piece);
}

void RecipeBuilder::add_literal(ByteView bytes) {
  if (bytes.empty()) return;
  packer_.append(bytes);
  if (!pieces_.empty() && pieces_.back().kind == RecipePiece::Kind::Literal) {
    pieces_.back().size_bytes += bytes.size();
    pieces_.back().source_bytes += bytes.size();
    end_ += bytes.size();
  } else {
    add({.size_bytes = bytes.size(), .source_bytes = bytes.size(), .literals_at = literals_end_});
  }
  literals_end_ += bytes.size();
}

void RecipeBuilder::add_content(std::uint32_t content, std::uint64_t size_bytes) {
  add({.kind = RecipePiece::Kind::Content, .content = content, .size_bytes = size_bytes, .source_bytes = size_bytes});
}

void RecipeBuilder::add_deflated(std::uint32_t content, std::uint64_t source_bytes, std::uint64_t size_bytes,
                                 DeflateParameters deflate) {
  add({.kind = RecipePiece::Kind::Deflated,
       .deflate = deflate,
       .content = content,
       .size_bytes = size_bytes,
       .source_bytes = source_bytes});
}

Recipe RecipeBuilder::finish() {
  Recipe recipe;
  recipe.pieces = std::exchange(pieces_, {});
  recipe.literals = packer_.finish();
  end_ = literals_end_ = 0;
  return recipe;
}

}  // namespace modelfs
