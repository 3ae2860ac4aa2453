#include "archive/recipe/recipe.h"

#include <gtest/gtest.h>

#include <random>

#include "archive/synthetic_sample.h"

namespace modelfs {
namespace {

// A recipe with a piece of every kind; it need not make anything that anybody has.
Recipe sample_recipe() {
  RecipeBuilder builder;
  builder.add_literal(bytes_of("header"));
  builder.add_content(0, 1'000);
  builder.add_literal(bytes_of(std::string(200'000, 'x')));
  builder.add_deflated(1, 5'000, 300, {9, 8});
  builder.add_literal(bytes_of(noise(10'000)));
  Recipe recipe = builder.finish();
  recipe.format = ArchiveFormat::TarGz;
  recipe.size_bytes = 12'345;
  recipe.digest = hash_of(bytes_of("archive")).digest;
  recipe.gzip = GzipFrame{"gzip header", {6, 9}, "trailer."};
  return recipe;
}

const ContentReadAt kContents = [](std::uint32_t, std::uint64_t, ByteSpan into) {
  std::memset(into.data(), 'c', into.size());
  return Result<std::size_t>(into.size());
};

TEST(RecipeTest, WhatIsDecodedIsWhatWasEncoded) {
  const Recipe recipe = sample_recipe();

  const auto decoded = Recipe::decode(recipe.encode());

  ASSERT_TRUE(decoded.ok()) << decoded.status().str();
  EXPECT_EQ(decoded->encode(), recipe.encode());
  EXPECT_EQ(decoded->container_bytes(), recipe.container_bytes());
  EXPECT_EQ(decoded->digest, recipe.digest);
  EXPECT_EQ(decoded->gzip->deflate, recipe.gzip->deflate);
}

TEST(RecipeTest, ARecipeThatIsCutOffIsCorrupt) {
  const std::string whole = sample_recipe().encode();

  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_EQ(Recipe::decode(std::string_view(whole).substr(0, size)).code(), Code::Corrupt) << size;
  }
  EXPECT_EQ(Recipe::decode(whole + "x").code(), Code::Corrupt);
}

TEST(RecipeTest, ARecipeWithAFlippedBitIsCorrupt) {
  const std::string whole = sample_recipe().encode();

  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 7) {
    std::string damaged = whole;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    ASSERT_EQ(Recipe::decode(damaged).code(), Code::Corrupt) << bit;
  }
}

// The same bytes with the CRC that fits them, as damage by a program would have.
std::string with_right_crc(std::string bytes) {
  const std::uint32_t crc = hash_of(bytes_of(std::string_view(bytes).substr(5))).crc32;
  for (unsigned i = 0; i < 4; ++i) bytes[1 + i] = static_cast<char>(crc >> 8 * i & 0xff);
  return bytes;
}

TEST(RecipeTest, WhateverItSaysItIsCorruptOrMakesSomething) {
  const std::string whole = sample_recipe().encode();
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);

  for (int round = 0; round < 5'000; ++round) {
    std::string damaged = whole;
    for (std::size_t count = 1 + random() % 4; count > 0; --count) {
      damaged[5 + random() % (round % 2 == 0 ? 120 : damaged.size() - 5)] = static_cast<char>(random());
    }
    const auto recipe = Recipe::decode(with_right_crc(damaged));
    if (!recipe.ok()) {
      ASSERT_EQ(recipe.code(), Code::Corrupt);
      continue;
    }
    std::uint64_t made_bytes = 0;
    const Status status = rebuild(*recipe, kContents, [&](ByteView bytes) {
      made_bytes += bytes.size();
      return made_bytes > 1'000'000 ? Status(Code::Interrupted, "enough") : Status();
    });
    ASSERT_TRUE(status.code() == Code::Corrupt || status.code() == Code::Interrupted) << status.str();
    std::string piece(5'000, '\0');
    const auto got = read_at(*recipe, random() % 300'000, std::as_writable_bytes(std::span(piece)), kContents);
    ASSERT_TRUE(got.ok() || got.code() == Code::Corrupt || got.code() == Code::Unsupported) << got.status().str();
  }
}

TEST(CompressedChunksTest, AreReadAtRandom) {
  const std::string bytes = noise(100'000) + std::string(100'000, 'x') + noise(31'072, 2);
  BytePacker packer;
  for (std::size_t at = 0; at < bytes.size(); at += 777) packer.append(bytes_of(bytes.substr(at, 777)));
  const CompressedChunks packed = packer.finish();
  CompressedChunksReader reader(packed);
  std::mt19937_64 random(1);

  for (int round = 0; round < 1'000; ++round) {
    const std::size_t at = random() % bytes.size();
    std::string piece(random() % (bytes.size() - at), '\0');
    ASSERT_TRUE(reader.read_at(at, std::as_writable_bytes(std::span(piece))).ok());
    ASSERT_TRUE(piece == bytes.substr(at, piece.size())) << piece.size() << " at " << at;
  }
  std::string one(1, '\0');
  EXPECT_EQ(reader.read_at(bytes.size(), std::as_writable_bytes(std::span(one))).code(), Code::Corrupt);
}

TEST(CompressedChunksTest, ManyLikeHeadersCostLittle) {
  BytePacker packer;
  for (int i = 0; i < 10'000; ++i) packer.append(bytes_of(std::string(500, '\0') + std::to_string(i)));

  EXPECT_LT(packer.finish().packed_bytes(), 10'000u * 20);
}

}  // namespace
}  // namespace modelfs
