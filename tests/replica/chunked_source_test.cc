#include "replica/chunked_source.h"

#include <gtest/gtest.h>

#include "replica/host.h"

namespace modelfs {
namespace {

constexpr std::size_t kChunk = 1000;

TEST(ChunkedSources, GiveOutThePartsThatAreAskedForWhereverTheyLie) {
  Host host;
  const std::string bytes = sample_bytes(70 * kChunk + 3, 1);
  const auto blob = host.blobs->open(host.store(bytes));
  ASSERT_TRUE(blob.ok());
  const auto hashes = hash_chunks(**blob, kChunk, std::chrono::steady_clock::now() + std::chrono::seconds(60));
  ASSERT_TRUE(hashes.ok());
  EXPECT_EQ(hashes->whole, hash_of(bytes_of(bytes)));
  ASSERT_EQ(hashes->chunks.size(), 71u);
  const ChunkedSource source(**blob, hashes->chunks, kChunk);
  for (const std::size_t count : {1ul, 999ul, 1000ul, 1001ul, 2500ul, 100'000ul}) {
    std::string got;
    for (std::string part(count, '\0');;) {
      const auto read = source.read_at(got.size(), std::as_writable_bytes(std::span(part)));
      ASSERT_TRUE(read.ok()) << read.status().str();
      if (*read == 0) break;
      got.append(part, 0, *read);
      if (count == 1 && got.size() == 2500) break;  // the rest would be the same
    }
    EXPECT_TRUE(got == bytes.substr(0, got.size())) << count;
    EXPECT_TRUE(count == 1 || got.size() == bytes.size());
  }
}

TEST(ChunkedSources, GiveOutNothingOfAChunkThatHasChanged) {
  Host host;
  const Digest digest = host.store(sample_bytes(70 * kChunk, 2));
  const auto blob = host.blobs->open(digest);
  auto hashes = hash_chunks(**blob, kChunk, std::chrono::steady_clock::now() + std::chrono::seconds(60));
  ASSERT_TRUE(hashes.ok());
  hashes->chunks[1] = digest;
  const ChunkedSource source(**blob, hashes->chunks, kChunk);
  std::string part(10, '\0');
  const ByteSpan into = std::as_writable_bytes(std::span(part));

  EXPECT_TRUE(source.read_at(0, into).ok());
  EXPECT_TRUE(source.read_at(990, into).ok());
  EXPECT_EQ(source.read_at(995, into).code(), Code::Corrupt);
  EXPECT_EQ(source.read_at(1000, into).code(), Code::Corrupt);
  EXPECT_TRUE(source.read_at(2000, into).ok());
}

TEST(ChunkedSources, AreNotHashedPastTheDeadline) {
  Host host;
  const auto blob = host.blobs->open(host.store(sample_bytes(70 * kChunk, 3)));

  EXPECT_EQ(hash_chunks(**blob, kChunk, std::chrono::steady_clock::now()).code(), Code::Unavailable);
}

}  // namespace
}  // namespace modelfs
