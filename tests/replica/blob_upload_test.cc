#include "replica/blob_upload.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "replica/host.h"
#include "replica/scripted_remote.h"
#include "support/becomes_true.h"

namespace modelfs {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kMiB = 1 << 20;

Deadline soon() { return steady_clock::now() + std::chrono::seconds(60); }

class BlobUploads : public testing::Test {
 protected:
  Result<std::vector<BlobLocation>> upload(const std::vector<Digest>& wanted) {
    return uploads_.upload(wanted, soon());
  }
  // The bytes of a blob as a reader of the bucket finds them.
  std::string bytes_at(const LocationRecord& location) const {
    return remote_.bytes_of_object(location.object).substr(location.offset_bytes, location.size_bytes);
  }

  Host host_;
  ScriptedRemote remote_;
  BlobUpload uploads_{*host_.keys, *host_.blobs, remote_};
};

TEST_F(BlobUploads, AMiddleBlobIsOneObjectUnderItsDigestAndANonce) {
  const std::string bytes = sample_bytes(100'000, 1);
  const Digest digest = host_.store(bytes);

  const auto up = upload({digest});

  ASSERT_TRUE(up.ok()) << up.status().str();
  ASSERT_EQ(up->size(), 1u);
  const LocationRecord& location = up->front().location;
  EXPECT_EQ(up->front().digest, digest);
  EXPECT_EQ(location.object.size(), std::string("blobs/xx/").size() + 64 + 1 + 16);
  EXPECT_TRUE(location.object.starts_with("blobs/" + digest.hex().substr(0, 2) + "/" + digest.hex() + "."));
  EXPECT_TRUE(check_remote_name(location.object).ok());
  EXPECT_EQ(bytes_at(location), bytes);
  EXPECT_EQ(location.crc32, hash_of(bytes_of(bytes)).crc32);
  EXPECT_EQ(location.chunk_bytes, 0u);
  EXPECT_EQ(remote_.puts(), 1u);
}

TEST_F(BlobUploads, ABlobOfMoreThanAChunkHasAListOfTheHashesOfItsChunks) {
  const std::string bytes = sample_bytes(BlobUpload::kChunkBytes + 1, 2);
  const Digest digest = host_.store(bytes);

  const auto up = upload({digest});

  ASSERT_TRUE(up.ok()) << up.status().str();
  const LocationRecord& location = up->front().location;
  EXPECT_EQ(bytes_at(location), bytes);
  EXPECT_EQ(location.chunk_bytes, BlobUpload::kChunkBytes);
  const std::string list = remote_.bytes_of_object(location.object + ".chunks");
  EXPECT_EQ(hash_of(bytes_of(list)).digest, location.chunks);
  const std::string_view all = bytes;
  EXPECT_EQ(list, std::string(hash_of(bytes_of(all.substr(0, BlobUpload::kChunkBytes))).digest.raw_bytes()) +
                      std::string(hash_of(bytes_of(all.substr(BlobUpload::kChunkBytes))).digest.raw_bytes()));
}

TEST_F(BlobUploads, ABlobOfExactlyAChunkNeedsNoList) {
  const auto up = upload({host_.store(sample_bytes(BlobUpload::kChunkBytes, 3))});

  ASSERT_TRUE(up.ok()) << up.status().str();
  EXPECT_EQ(up->front().location.chunk_bytes, 0u);
  EXPECT_EQ(remote_.names().size(), 1u);
}

TEST_F(BlobUploads, TenThousandFilesOfFourKiBAreFivePuts) {
  std::vector<Digest> digests;
  for (std::uint64_t i = 0; i < 10'000; ++i) digests.push_back(host_.store(sample_bytes(4096, i)));

  const auto up = upload(digests);

  ASSERT_TRUE(up.ok()) << up.status().str();
  EXPECT_EQ(remote_.puts(), 5u);
  ASSERT_EQ(up->size(), digests.size());
  for (const BlobLocation& each : *up) {
    ASSERT_EQ(hash_of(bytes_of(bytes_at(each.location))).digest, each.digest);
  }
  for (const std::string& name : remote_.names()) {
    EXPECT_TRUE(name.starts_with("packs/"));
    const std::string pack = remote_.bytes_of_object(name);
    EXPECT_LE(pack.size(), kPackBytesMax);
    const auto entries = read_pack(pack);
    ASSERT_TRUE(entries.ok()) << entries.status().str();
    for (const PackEntry& entry : *entries) {
      ASSERT_EQ(hash_of(bytes_of(pack.substr(entry.offset_bytes, entry.size_bytes))).digest, entry.digest);
    }
  }
}

TEST_F(BlobUploads, SmallBlobsOfAllSizesFitIntoPacks) {
  std::vector<Digest> digests{host_.store("")};
  for (std::uint64_t i = 0; i < 300; ++i) digests.push_back(host_.store(sample_bytes(i == 0 ? 65'536 : i * 218, i)));
  const auto up = upload(digests);

  ASSERT_TRUE(up.ok()) << up.status().str();
  for (const BlobLocation& each : *up) ASSERT_EQ(hash_of(bytes_of(bytes_at(each.location))).digest, each.digest);
}

TEST_F(BlobUploads, WhatTheRegistryKnowsIsNotUploaded) {
  const Digest old = host_.store(sample_bytes(100'000, 4));
  const auto first = upload({old});
  ASSERT_TRUE(first.ok());
  host_.apply(*first);
  uploads_.committed(*first);
  const Digest young = host_.store(sample_bytes(100'000, 5));

  const auto second = upload({old, young, young});

  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->size(), 1u);
  EXPECT_EQ(second->front().digest, young);
  EXPECT_EQ(remote_.puts(), 2u);
}

TEST_F(BlobUploads, TwoCommitsThatWantOneBlobUploadItOnce) {
  const Digest digest = host_.store(sample_bytes(100'000, 6));
  std::atomic<bool> is_wanted_twice = false;
  remote_.before_put = [&](const std::string&) -> std::optional<Status> {
    EXPECT_TRUE(becomes_true([&] { return is_wanted_twice.load(); }));
    return std::nullopt;
  };
  std::optional<Result<std::vector<BlobLocation>>> first;
  std::thread other([&] { first = upload({digest}); });
  ASSERT_TRUE(becomes_true([&] { return uploads_.figures().waiting_bytes > 0; }));
  is_wanted_twice = true;

  const auto second = upload({digest});

  other.join();
  ASSERT_TRUE(first->ok());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ((*first)->front().location.object, second->front().location.object);
  EXPECT_EQ(remote_.puts(), 1u);
}

TEST_F(BlobUploads, WhatACommitThatFailedHasUploadedIsUsedByTheNextOne) {
  const Digest digest = host_.store(sample_bytes(100'000, 7));
  const auto first = upload({digest});
  ASSERT_TRUE(first.ok());
  uploads_.abandoned(*first);

  const auto second = upload({digest});

  ASSERT_TRUE(second.ok());
  EXPECT_EQ(first->front().location.object, second->front().location.object);
  EXPECT_EQ(remote_.puts(), 1u);
}

TEST_F(BlobUploads, WhatWasCondemnedIsUploadedAgainUnderAnotherName) {
  const Digest digest = host_.store(sample_bytes(100'000, 8));
  const auto first = upload({digest});
  ASSERT_TRUE(first.ok());
  uploads_.forget(*first);

  const auto second = upload({digest});

  ASSERT_TRUE(second.ok());
  EXPECT_NE(first->front().location.object, second->front().location.object);
}

TEST_F(BlobUploads, WhatWasUploadedADayAgoAndNeverCommittedIsUploadedAgain) {
  auto time = steady_clock::now();
  int nonces = 0;
  BlobUpload uploads(*host_.keys, *host_.blobs, remote_,
                     {.make_nonce = [&] { return "0000000000000000000000000000000" + std::to_string(nonces++); },
                      .clock = [&] { return time; }});
  const Digest digest = host_.store("few");
  const auto first = uploads.upload({digest}, soon());
  ASSERT_TRUE(first.ok());
  time += BlobUpload::kUncommittedMax + std::chrono::seconds(1);

  const auto second = uploads.upload({digest}, soon());

  ASSERT_TRUE(second.ok());
  EXPECT_NE(first->front().location.object, second->front().location.object);
}

TEST_F(BlobUploads, ASmallBlobThatLiesIsNotUploaded) {
  const Digest digest = host_.store("right");
  BlobRecord record;
  record.size_bytes = 5;
  record.is_inline = true;
  record.bytes = "wrong";
  host_.put(keys::blob(digest), record.encode());

  EXPECT_EQ(upload({digest}).code(), Code::Corrupt);
  EXPECT_TRUE(remote_.names().empty());
}

TEST_F(BlobUploads, AFileThatLiesIsNotUploadedWhateverItsSize) {
  for (const std::size_t size : {100'000ul, 9 * kMiB}) {
    const Digest right = host_.store(sample_bytes(size, 9));
    const std::string name = "blobs/" + right.hex().substr(0, 2) + "/" + right.hex();
    ASSERT_EQ(::fchmodat(host_.scratch.fd(), name.c_str(), 0600, 0), 0);
    host_.scratch.write(name, sample_bytes(size, 10));

    EXPECT_EQ(upload({right}).code(), Code::Corrupt);
    EXPECT_TRUE(remote_.names().empty());
  }
}

TEST_F(BlobUploads, AFileThatChangesWhileItGoesUpIsNotUploaded) {
  const std::string bytes = sample_bytes(17 * kMiB, 11);
  const Digest digest = host_.store(bytes);
  const std::string name = "blobs/" + digest.hex().substr(0, 2) + "/" + digest.hex();
  remote_.before_put = [&](const std::string&) -> std::optional<Status> {
    EXPECT_EQ(::fchmodat(host_.scratch.fd(), name.c_str(), 0600, 0), 0);
    std::string wrong = bytes;
    wrong.back() = static_cast<char>(wrong.back() ^ 1);
    host_.scratch.write(name, wrong);
    return std::nullopt;
  };

  EXPECT_EQ(upload({digest}).code(), Code::Corrupt);
  EXPECT_TRUE(remote_.names().empty());
}

TEST_F(BlobUploads, WhatIsNotHereIsSaidByName) {
  const Digest digest = hash_of(bytes_of("nowhere")).digest;

  const auto up = upload({digest});

  EXPECT_EQ(up.code(), Code::Corrupt);
  EXPECT_NE(up.status().message().find(digest.hex()), std::string::npos);
}

TEST_F(BlobUploads, AFailureKeepsWhatWentUpForTheNextTry) {
  std::vector<Digest> digests;
  for (std::uint64_t i = 0; i < 6; ++i) digests.push_back(host_.store(sample_bytes(100'000, 20 + i)));
  std::atomic<int> puts = 0;
  remote_.before_put = [&](const std::string&) -> std::optional<Status> {
    return ++puts == 3 ? std::optional<Status>(Status(Code::Unavailable, "nobody answers")) : std::nullopt;
  };
  EXPECT_EQ(upload(digests).code(), Code::Unavailable);
  const std::size_t there = remote_.puts();

  const auto second = upload(digests);

  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->size(), digests.size());
  EXPECT_EQ(remote_.puts(), digests.size());
  EXPECT_GT(there, 0u);
  EXPECT_EQ(uploads_.figures().waiting_bytes, 0u);
}

TEST_F(BlobUploads, ANameIsNeverUsedTwiceAlsoWhereTheReplyWasLost) {
  std::set<std::string> names;
  Mutex mutex;
  bool is_lost = true;
  remote_.after_put = [&](const std::string& name) -> std::optional<Status> {
    const MutexLock lock(mutex);
    EXPECT_TRUE(names.insert(name).second) << name;
    return is_lost ? std::optional<Status>(Status(Code::Unavailable, "the reply was lost")) : std::nullopt;
  };
  const std::vector<Digest> digests{host_.store("small"), host_.store(sample_bytes(100'000, 30)),
                                    host_.store(sample_bytes(9 * kMiB, 31))};
  EXPECT_EQ(upload(digests).code(), Code::Unavailable);
  is_lost = false;

  EXPECT_TRUE(upload(digests).ok());
}

TEST_F(BlobUploads, NoMoreThanFourPutsAreUnderWay) {
  std::vector<Digest> digests;
  for (std::uint64_t i = 0; i < 12; ++i) digests.push_back(host_.store(sample_bytes(70'000, 40 + i)));
  std::atomic<unsigned> under_way = 0;
  std::atomic<unsigned> most = 0;
  remote_.before_put = [&](const std::string&) -> std::optional<Status> {
    const unsigned count = ++under_way;
    for (unsigned seen = most; seen < count && !most.compare_exchange_weak(seen, count);) {
    }
    (void)becomes_true([&] { return most == BlobUpload::kPutsAtOnce; });
    return std::nullopt;
  };
  remote_.after_put = [&](const std::string&) -> std::optional<Status> {
    --under_way;
    return std::nullopt;
  };

  EXPECT_TRUE(upload(digests).ok());
  EXPECT_EQ(most, BlobUpload::kPutsAtOnce);
}

TEST_F(BlobUploads, AfterTheDeadlineNothingIsBegun) {
  const Digest digest = host_.store(sample_bytes(100'000, 50));

  EXPECT_EQ(uploads_.upload({digest}, steady_clock::now()).code(), Code::Unavailable);
  EXPECT_EQ(remote_.puts(), 0u);
}

TEST_F(BlobUploads, FiguresCountWhatWentUp) {
  ASSERT_TRUE(upload({host_.store("small"), host_.store(sample_bytes(9 * kMiB, 60))}).ok());

  const auto figures = uploads_.figures();
  EXPECT_EQ(figures.blobs, 2u);
  EXPECT_EQ(figures.bytes, 5u + 9 * kMiB);
  EXPECT_EQ(figures.objects, 3u);
  EXPECT_EQ(figures.failures, 0u);
  EXPECT_EQ(figures.waiting_bytes, 0u);
}

TEST(Packs, AreReadOnlyAsTheyWereMade) {
  PackBuilder builder;
  builder.add(hash_of(bytes_of("one")).digest, "one");
  builder.add(hash_of({}).digest, "");
  const std::string pack = builder.build().bytes;
  ASSERT_TRUE(read_pack(pack).ok());
  for (std::size_t count = 0; count < pack.size(); ++count) {
    EXPECT_EQ(read_pack(pack.substr(0, count)).code(), Code::Corrupt) << count;
  }
  EXPECT_EQ(read_pack(pack + "x").code(), Code::Corrupt);
  EXPECT_TRUE(builder.empty());
}

}  // namespace
}  // namespace modelfs
