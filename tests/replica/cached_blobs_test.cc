#include "replica/cached_blobs.h"

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

constexpr std::size_t kChunk = IncomingBlob::kChunkBytesMin;

// A bucket with blobs in it, and a host that has none of them.
class BlobCache : public testing::Test {
 protected:
  void SetUp() override { start(); }
  // As after the start of a daemon.
  void start() {
    cache_.reset();
    File store(::open(reader_.scratch.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto files = FileBlobs::open(store);
    ASSERT_TRUE(files.ok());
    auto opened = CachedBlobs::open(std::move(*files), *reader_.keys, remote_, reader_.scratch.fd(),
                                    {.deadline = deadline_,
                                     .clock = [this] { return time_.load(); },
                                     .make_room = [this](std::uint64_t bytes) { room_made_ += bytes; },
                                     .on_cached = [this](std::uint64_t bytes) { cached_ += bytes; }});
    ASSERT_TRUE(opened.ok()) << opened.status().str();
    cache_ = std::move(*opened);
  }

  // A blob in chunks of kChunk, so that tests are quick.
  Digest publish(const std::string& bytes, const std::string& object = "blobs/00/large.1") {
    LocationRecord location;
    location.object = object;
    location.size_bytes = bytes.size();
    location.chunk_bytes = kChunk;
    std::string list;
    for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
      list.append(sha256_of(bytes_of(std::string_view(bytes).substr(at, kChunk))).raw_bytes());
    }
    location.chunks = sha256_of(bytes_of(list));
    const Digest digest = sha256_of(bytes_of(bytes));
    location.crc32 = hash_of(bytes_of(bytes)).crc32;
    put(object, bytes);
    put(object + ".chunks", list);
    reader_.apply({{digest, location}});
    return digest;
  }
  void put(const std::string& object, const std::string& bytes) {
    ASSERT_TRUE(
        remote_.put(object, BytesSource(bytes_of(bytes)), sha256_of(bytes_of(bytes)), steady_clock::now() + kLong)
            .ok());
  }
  // As another host's commit does it.
  std::vector<Digest> publish_all(const std::vector<std::string>& blobs) {
    Host publisher;
    BlobUpload upload(*publisher.keys, *publisher.blobs, remote_);
    std::vector<Digest> digests;
    for (const std::string& bytes : blobs) digests.push_back(publisher.store(bytes));
    const auto up = upload.upload(digests, steady_clock::now() + kLong);
    EXPECT_TRUE(up.ok());
    if (up.ok()) reader_.apply(*up);
    return digests;
  }

  Result<std::string> read(const BlobReader& blob, std::uint64_t offset = 0, std::size_t count = 1u << 30) const {
    std::string bytes(std::min<std::uint64_t>(count, blob.size_bytes()), '\0');
    const auto got = blob.read_at(offset, std::as_writable_bytes(std::span(bytes)));
    if (!got.ok()) return got.status();
    bytes.resize(*got);
    return bytes;
  }
  Result<std::string> read_distant(const Digest& digest) const {
    const auto blob = cache_->open_distant(digest);
    if (!blob.ok()) return blob.status();
    return read(**blob);
  }
  std::vector<std::string> incoming() const {
    std::vector<std::string> names;
    const File directory(::open((reader_.scratch / "incoming").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    EXPECT_TRUE(list_names(directory.fd(), names).ok());
    return names;
  }
  bool is_cached(const Digest& digest) const { return cache_->is_here(digest); }
  // Offsets of what was asked for, lists of chunks aside, in order.
  std::vector<std::uint64_t> asked() const {
    std::vector<std::uint64_t> offsets;
    for (const auto& call : remote_.gets()) {
      if (!call.name.ends_with(".chunks")) offsets.push_back(call.offset_bytes);
    }
    return offsets;
  }

  static constexpr std::chrono::seconds kLong{60};
  Host reader_;
  ScriptedRemote remote_;
  std::chrono::milliseconds deadline_{10'000};
  std::atomic<steady_clock::time_point> time_{steady_clock::now()};
  std::atomic<std::uint64_t> room_made_ = 0;
  std::atomic<std::uint64_t> cached_ = 0;
  std::unique_ptr<CachedBlobs> cache_;
};

TEST_F(BlobCache, WhatIsHereIsALocalFileAndAsksNobody) {
  const std::string bytes = sample_bytes(100'000, 1);
  const Digest digest = reader_.store(bytes);

  const auto blob = cache_->open(digest);

  ASSERT_TRUE(blob.ok());
  EXPECT_TRUE((*blob)->descriptor());
  EXPECT_EQ(*read(**blob), bytes);
  EXPECT_TRUE(remote_.gets().empty());
}

TEST_F(BlobCache, WhatNobodyHasIsNotFound) {
  EXPECT_EQ(cache_->open_distant(sha256_of({})).code(), Code::NotFound);
  EXPECT_EQ(cache_->load(sha256_of({}), [] { return true; }).code(), Code::NotFound);
  EXPECT_TRUE(cache_->has_distant());
}

TEST_F(BlobCache, ALargeBlobIsOpenAtOnceAndAFileOfThisHostWhenItWasRead) {
  const std::string bytes = sample_bytes(5 * kChunk + 7, 2);
  const Digest digest = publish(bytes);

  const auto blob = cache_->open_distant(digest);

  ASSERT_TRUE(blob.ok());
  EXPECT_TRUE(remote_.gets().empty());
  EXPECT_FALSE((*blob)->descriptor());
  EXPECT_EQ((*blob)->size_bytes(), bytes.size());
  EXPECT_TRUE((*blob)->may_block(0, 1));
  EXPECT_EQ(*read(**blob), bytes);
  ASSERT_TRUE(becomes_true([&] { return is_cached(digest); }));
  EXPECT_FALSE((*blob)->may_block(0, bytes.size()));
  EXPECT_FALSE((*blob)->descriptor()) << "as it was opened, so it stays";
  EXPECT_EQ(*read(**blob), bytes);
  ASSERT_TRUE(becomes_true([&] { return incoming().empty(); }));
  const auto local = cache_->open(digest);
  ASSERT_TRUE(local.ok());
  EXPECT_TRUE((*local)->descriptor());
  EXPECT_EQ(*read(**local), bytes);
  const auto record = BlobRecord::decode(*reader_.keys->get(keys::blob(digest)));
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->size_bytes, bytes.size());
  EXPECT_EQ(record->crc32, hash_of(bytes_of(bytes)).crc32);
  EXPECT_EQ(asked().size(), 6u);
  EXPECT_TRUE(becomes_true([&] { return cached_ == bytes.size(); }));
  EXPECT_EQ(room_made_, bytes.size());
}

TEST_F(BlobCache, WhatAnotherHostUploadedIsReadWhateverItsSize) {
  std::vector<std::string> blobs{"", "a"};
  for (const std::size_t size : {65'536ul, 65'537ul, 8ul << 20, (8ul << 20) + 1}) {
    blobs.push_back(sample_bytes(size, size));
  }
  const auto digests = publish_all(blobs);

  for (std::size_t i = 0; i < blobs.size(); ++i) {
    const auto bytes = read_distant(digests[i]);
    ASSERT_TRUE(bytes.ok()) << bytes.status().str();
    EXPECT_TRUE(*bytes == blobs[i]);
    EXPECT_TRUE(becomes_true([&] { return is_cached(digests[i]); }));
  }
}

TEST_F(BlobCache, TheFirstReadAsksForItsChunkOnly) {
  const std::string bytes = sample_bytes(20 * kChunk, 3);
  const Digest digest = publish(bytes);
  const auto blob = cache_->open_distant(digest);
  ASSERT_TRUE(blob.ok());

  EXPECT_EQ(*read(**blob, 7 * kChunk + 5, 100), bytes.substr(7 * kChunk + 5, 100));

  EXPECT_EQ(asked(), (std::vector<std::uint64_t>{7 * kChunk}));
}

TEST_F(BlobCache, WhoReadsInARowHasChunksLoadedAhead) {
  const std::string bytes = sample_bytes(100 * kChunk, 4);
  const Digest digest = publish(bytes);
  const auto blob = cache_->open_distant(digest);
  ASSERT_TRUE(blob.ok());

  ASSERT_TRUE(read(**blob, 0, 2 << 20).ok());

  EXPECT_TRUE(becomes_true([&] { return !(*blob)->may_block(32 * kChunk, 2 * kChunk); }));
  EXPECT_TRUE((*blob)->may_block(34 * kChunk, 1));
}

TEST_F(BlobCache, WhoWaitsComesBeforeWhatIsLoadedAhead) {
  const std::string bytes = sample_bytes(30 * kChunk, 5);
  const Digest digest = publish(bytes);
  std::atomic<int> may_go = 0;
  remote_.before_get = [&](const ScriptedRemote::Call& call, Deadline) -> std::optional<Status> {
    if (call.name.ends_with(".chunks")) return std::nullopt;
    EXPECT_TRUE(becomes_true([&] {
      int free = may_go;
      return free > 0 && may_go.compare_exchange_strong(free, free - 1);
    }));
    return std::nullopt;
  };
  std::thread loading([&] { EXPECT_TRUE(cache_->load(digest, [] { return true; }).ok()); });
  ASSERT_TRUE(becomes_true([&] { return asked().size() == CachedBlobs::kFetchesAtOnce; }));
  const auto blob = cache_->open_distant(digest);
  ASSERT_TRUE(blob.ok());
  std::thread reading([&] { EXPECT_EQ(*read(**blob, 29 * kChunk, 10), bytes.substr(29 * kChunk, 10)); });
  ASSERT_TRUE(becomes_true([&] {
    const auto figures = cache_->figures();
    return figures.under_way.size() == 1 && figures.under_way[0].waiting_count == 2;
  }));

  may_go = 1;

  ASSERT_TRUE(becomes_true([&] { return asked().size() == CachedBlobs::kFetchesAtOnce + 1; }));
  EXPECT_EQ(asked().back(), 29 * kChunk);
  may_go = 1000;
  reading.join();
  loading.join();
}

TEST_F(BlobCache, TwoReadersLoadABlobOnce) {
  const std::string bytes = sample_bytes(16 * kChunk, 6);
  const Digest digest = publish(bytes);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] { EXPECT_TRUE(*read_distant(digest) == bytes); });
  }
  for (std::thread& reader : readers) reader.join();
  ASSERT_TRUE(becomes_true([&] { return is_cached(digest); }));

  EXPECT_EQ(asked().size(), 16u);
  EXPECT_EQ(remote_.gets().size(), 17u) << "and the list of chunks";
}

TEST_F(BlobCache, NoMoreThanEightRequestsAreUnderWay) {
  std::vector<Digest> digests;
  for (std::uint64_t i = 0; i < 3; ++i) {
    digests.push_back(publish(sample_bytes(20 * kChunk, 10 + i), "blobs/00/large." + std::to_string(i)));
  }
  remote_.before_get = [&](const ScriptedRemote::Call&, Deadline) -> std::optional<Status> {
    (void)becomes_true([&] { return remote_.most_gets_under_way() == CachedBlobs::kFetchesAtOnce; });
    return std::nullopt;
  };
  std::vector<std::thread> readers;
  for (const Digest& digest : digests) {
    readers.emplace_back([&] { EXPECT_TRUE(cache_->load(digest, [] { return true; }).ok()); });
  }
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(remote_.most_gets_under_way(), CachedBlobs::kFetchesAtOnce);
}

TEST_F(BlobCache, AByteThatFlipsOnTheWayIsAskedForOnceMore) {
  const std::string bytes = sample_bytes(3 * kChunk, 20);
  const Digest digest = publish(bytes);
  Mutex mutex;
  std::set<std::pair<std::string, std::uint64_t>> flipped;  // each first answer, lists included
  remote_.on_the_way = [&](const ScriptedRemote::Call& call, ByteSpan into) {
    const MutexLock lock(mutex);
    if (flipped.emplace(call.name, call.offset_bytes).second) into[into.size() / 2] ^= std::byte{1};
  };

  EXPECT_TRUE(*read_distant(digest) == bytes);
  EXPECT_EQ(flipped.size(), 4u);
  EXPECT_EQ(cache_->figures().requests.wrong, 4u);
}

TEST_F(BlobCache, AByteThatIsWrongInTheBucketIsServedToNobody) {
  const Digest digest = publish(sample_bytes(3 * kChunk, 21));
  remote_.flip("blobs/00/large.1", kChunk + 5);
  const auto blob = cache_->open_distant(digest);
  ASSERT_TRUE(blob.ok());

  const auto wrong = read(**blob, kChunk, 1);

  EXPECT_EQ(wrong.code(), Code::Corrupt);
  EXPECT_NE(wrong.status().message().find("memory://bucket/blobs/00/large.1"), std::string::npos);
  EXPECT_EQ(remote_.gets().size(), 3u) << "the list, and the chunk twice";
  EXPECT_FALSE(is_cached(digest));
}

TEST_F(BlobCache, AListOfChunksThatIsWrongIsBelievedByNobody) {
  const Digest digest = publish(sample_bytes(3 * kChunk, 22));
  remote_.flip("blobs/00/large.1.chunks", 40);

  EXPECT_EQ(read_distant(digest).code(), Code::Corrupt);
  EXPECT_FALSE(is_cached(digest));
}

TEST_F(BlobCache, AnObjectThatIsMissingOrCutIsSaidByName) {
  const Digest missing = publish(sample_bytes(3 * kChunk, 23));
  remote_.lose("blobs/00/large.1");
  EXPECT_EQ(read_distant(missing).code(), Code::Corrupt);
  EXPECT_NE(read_distant(missing).status().message().find("large.1 is missing"), std::string::npos);

  const Digest cut = publish(sample_bytes(3 * kChunk, 24), "blobs/00/large.2");
  put("blobs/00/large.2", "few");
  EXPECT_EQ(read_distant(cut).code(), Code::Corrupt);
}

TEST_F(BlobCache, WhatTheRegistryHasElsewhereNowIsReadThere) {
  const std::string bytes = sample_bytes(3 * kChunk, 25);
  const Digest digest = publish(bytes, "blobs/00/large.1");
  const auto blob = cache_->open_distant(digest);
  ASSERT_TRUE(blob.ok());
  ASSERT_TRUE(read(**blob, 0, 1).ok());
  publish(bytes, "blobs/00/large.2");
  remote_.lose("blobs/00/large.1");
  remote_.lose("blobs/00/large.1.chunks");

  EXPECT_TRUE(*read(**blob) == bytes);
  EXPECT_TRUE(becomes_true([&] { return is_cached(digest); }));
}

TEST_F(BlobCache, ABucketThatDoesNotAnswerIsWaitedForOnceAMinute) {
  deadline_ = std::chrono::milliseconds(40);
  start();
  const Digest digest = publish(sample_bytes(3 * kChunk, 26));
  std::atomic<bool> is_away = true;
  remote_.before_get = [&](const ScriptedRemote::Call&, Deadline deadline) -> std::optional<Status> {
    if (!is_away) return std::nullopt;
    std::this_thread::sleep_until(deadline);
    return Status(Code::Unavailable, "nobody answers");
  };
  const auto blob = cache_->open_distant(digest);
  ASSERT_TRUE(blob.ok());
  EXPECT_EQ(read(**blob, 0, 1).code(), Code::Unavailable);
  const std::size_t asked = remote_.gets().size();

  EXPECT_EQ(read(**blob, 0, 1).code(), Code::Unavailable);
  EXPECT_EQ(cache_->open_distant(digest).code(), Code::Unavailable);
  EXPECT_EQ(remote_.gets().size(), asked) << "nobody waits again";

  is_away = false;
  // What was asked for at the same time may fail a moment later, and is remembered from then on.
  EXPECT_TRUE(becomes_true([&] {
    time_ = time_.load() + Refusals::kRemembered;
    return read(**blob).ok();
  }));
}

TEST_F(BlobCache, WhenTheBucketAnswersAgainNobodyWaitsForAMinute) {
  deadline_ = std::chrono::milliseconds(40);
  start();
  const Digest digest = publish(sample_bytes(3 * kChunk, 27));
  std::atomic<bool> is_away = true;
  remote_.before_get = [&](const ScriptedRemote::Call&, Deadline) -> std::optional<Status> {
    return is_away ? std::optional<Status>(Status(Code::Unavailable, "nobody answers")) : std::nullopt;
  };
  EXPECT_EQ(read_distant(digest).code(), Code::Unavailable);
  is_away = false;

  EXPECT_TRUE(becomes_true([&] {
    cache_->refusals()->forget_all();
    return read_distant(digest).ok();
  }));
}

TEST_F(BlobCache, ALinkThatIsSlowIsNotTakenForDead) {
  const std::string bytes = sample_bytes(4 << 20, 28);
  const auto digests = publish_all({bytes});
  remote_.before_get = [&](const ScriptedRemote::Call& call, Deadline) -> std::optional<Status> {
    if (call.size_bytes <= RemoteBytes::kSlowBytes) return std::nullopt;
    return Status(Code::Unavailable, "there was no time for so much");
  };

  EXPECT_TRUE(*read_distant(digests[0]) == bytes);
}

TEST_F(BlobCache, WhoReadsOneSmallFileAsksForItAloneAndThenForItsPack) {
  std::vector<std::string> blobs;
  for (std::uint64_t i = 0; i < 1000; ++i) blobs.push_back(sample_bytes(4096, i));
  const auto digests = publish_all(blobs);

  EXPECT_EQ(*read_distant(digests[3]), blobs[3]);
  ASSERT_EQ(remote_.gets().size(), 1u);
  EXPECT_EQ(remote_.gets()[0].size_bytes, 4096u);
  EXPECT_EQ(*read_distant(digests[500]), blobs[500]);
  ASSERT_EQ(remote_.gets().size(), 2u);

  for (std::size_t i = 0; i < blobs.size(); ++i) {
    ASSERT_TRUE(is_cached(digests[i]));
    const auto record = BlobRecord::decode(*reader_.keys->get(keys::blob(digests[i])));
    ASSERT_EQ(record->bytes, blobs[i]);
    ASSERT_EQ(record->crc32, hash_of(bytes_of(blobs[i])).crc32);
  }
}

TEST_F(BlobCache, ManyReadersOfAPackLoadItOnce) {
  std::vector<std::string> blobs;
  for (std::uint64_t i = 0; i < 200; ++i) blobs.push_back(sample_bytes(100 + i, i));
  const auto digests = publish_all(blobs);
  ASSERT_TRUE(read_distant(digests[0]).ok());
  std::vector<std::thread> readers;
  for (std::size_t at = 0; at < 4; ++at) {
    readers.emplace_back([&, at] {
      for (std::size_t i = at; i < blobs.size(); i += 4) EXPECT_EQ(*read_distant(digests[i]), blobs[i]);
    });
  }
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(remote_.gets().size(), 2u);
}

TEST_F(BlobCache, ASmallBlobThatIsWrongInItsPackIsServedToNobodyAndItsNeighboursAre) {
  const std::vector<std::string> blobs{sample_bytes(3000, 1), sample_bytes(3000, 2), sample_bytes(3000, 3)};
  const auto digests = publish_all(blobs);
  const std::string pack = remote_.names().front();
  const auto location = LocationRecord::decode(*reader_.keys->get(keys::location(digests[1])));
  remote_.flip(pack, location->offset_bytes + 10);

  EXPECT_EQ(*read_distant(digests[0]), blobs[0]);
  EXPECT_EQ(read_distant(digests[1]).code(), Code::Corrupt);
  EXPECT_FALSE(is_cached(digests[1]));
  EXPECT_EQ(*read_distant(digests[2]), blobs[2]);
  EXPECT_EQ(cache_->load(digests[1], [] { return true; }).code(), Code::Corrupt);
}

TEST_F(BlobCache, WhatACrashLeftIsGoneOnWith) {
  const std::string bytes = sample_bytes(6 * kChunk, 30);
  const Digest digest = publish(bytes);
  // Two chunks that are right, a hole, and one that never got to the disk whole.
  std::string half = bytes.substr(0, 2 * kChunk);
  reader_.scratch.write("incoming/" + digest.hex(), half);
  ASSERT_EQ(::truncate((reader_.scratch / ("incoming/" + digest.hex())).c_str(), 6 * kChunk), 0);
  {
    const File file(::open((reader_.scratch / ("incoming/" + digest.hex())).c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(write_at(file.fd(), 4 * kChunk, bytes_of(bytes.substr(4 * kChunk, 1000))).ok());
  }
  start();

  EXPECT_TRUE(*read_distant(digest) == bytes);

  const auto offsets = asked();
  EXPECT_EQ(std::set<std::uint64_t>(offsets.begin(), offsets.end()),
            (std::set<std::uint64_t>{2 * kChunk, 3 * kChunk, 4 * kChunk, 5 * kChunk}));
  EXPECT_EQ(cache_->figures().bytes_resumed, 2 * kChunk);
  ASSERT_TRUE(becomes_true([&] { return is_cached(digest); }));
  EXPECT_TRUE(*read(**cache_->open(digest)) == bytes);
}

TEST_F(BlobCache, WhatACrashLeftOfBlobsThatAreNobodysIsRemoved) {
  const Digest here = publish(sample_bytes(2 * kChunk, 31));
  ASSERT_TRUE(read_distant(here).ok());
  ASSERT_TRUE(becomes_true([&] { return is_cached(here) && incoming().empty(); }));
  reader_.scratch.write("incoming/" + here.hex(), "x");
  reader_.scratch.write("incoming/" + sha256_of(bytes_of("nobody's")).hex(), "x");
  reader_.scratch.write("incoming/else", "x");

  start();

  EXPECT_TRUE(incoming().empty());
}

TEST_F(BlobCache, AReaderThatEndsEarlyLeavesTheRestWhereItIs) {
  const Digest digest = publish(sample_bytes(20 * kChunk, 32));
  {
    const auto blob = cache_->open_distant(digest);
    ASSERT_TRUE(read(**blob, 3 * kChunk, 1).ok());
  }
  const auto again = cache_->open_distant(digest);
  ASSERT_TRUE(read(**again, 3 * kChunk, 1).ok());

  EXPECT_EQ(asked().size(), 1u) << "what was there needs no request";
  EXPECT_FALSE(is_cached(digest));
}

TEST_F(BlobCache, OfWhatIsHalfHereTheRestComesAfterTheLastReader) {
  const std::string bytes = sample_bytes(8 * kChunk, 33);
  const Digest digest = publish(bytes);
  ASSERT_TRUE(read(**cache_->open_distant(digest), 0, 4 * kChunk).ok());

  EXPECT_TRUE(becomes_true([&] { return is_cached(digest); }));
}

TEST_F(BlobCache, ABlobWhoseFileIsDamagedComesAnewAndMendsIt) {
  const std::string bytes = sample_bytes(3 * kChunk, 34);
  const Digest digest = publish(bytes);
  ASSERT_TRUE(cache_->load(digest, [] { return true; }).ok());
  const std::string name = "blobs/" + digest.hex().substr(0, 2) + "/" + digest.hex();
  const auto before = cache_->open(digest);
  ASSERT_EQ(::fchmodat(reader_.scratch.fd(), name.c_str(), 0600, 0), 0);
  reader_.scratch.write(name, sample_bytes(3 * kChunk, 35));
  // As verify says it.
  auto record = BlobRecord::decode(*reader_.keys->get(keys::blob(digest)));
  record->quarantined = true;
  reader_.put(keys::blob(digest), record->encode());

  EXPECT_TRUE(*read_distant(digest) == bytes);

  ASSERT_TRUE(becomes_true([&] { return is_cached(digest); }));
  EXPECT_TRUE(*read(**cache_->open(digest)) == bytes);
  EXPECT_TRUE(*read(**before) == bytes) << "also for who had it open";
}

TEST_F(BlobCache, TheEndWaitsForNoReader) {
  const Digest digest = publish(sample_bytes(3 * kChunk, 36));
  std::atomic<bool> may_go = false;
  remote_.before_get = [&](const ScriptedRemote::Call&, Deadline) -> std::optional<Status> {
    (void)becomes_true([&] { return may_go.load(); });
    return std::nullopt;
  };
  auto blob = cache_->open_distant(digest);
  std::thread reading([&] { EXPECT_EQ(read(**blob, 0, 1).code(), Code::Unavailable); });
  ASSERT_TRUE(becomes_true([&] { return !remote_.gets().empty(); }));

  cache_->stop();

  reading.join();
  may_go = true;
  blob = Status();
  cache_.reset();
}

TEST_F(BlobCache, ALoadThatNobodyWantsAnyMoreIsNotWaitedFor) {
  const Digest digest = publish(sample_bytes(30 * kChunk, 37));
  std::atomic<bool> may_go = false;
  remote_.before_get = [&](const ScriptedRemote::Call&, Deadline) -> std::optional<Status> {
    (void)becomes_true([&] { return may_go.load(); });
    return std::nullopt;
  };

  EXPECT_EQ(cache_->load(digest, [] { return false; }).code(), Code::Interrupted);

  may_go = true;
  cache_.reset();
  EXPECT_LE(asked().size(), CachedBlobs::kFetchesAtOnce);
}

TEST_F(BlobCache, FiguresTellHowFarALargeBlobIs) {
  const Digest digest = publish(sample_bytes(10 * kChunk, 38));
  const auto blob = cache_->open_distant(digest);
  ASSERT_TRUE(read(**blob, 0, 3 * kChunk).ok());

  const auto figures = cache_->figures();

  ASSERT_EQ(figures.under_way.size(), 1u);
  EXPECT_EQ(figures.under_way[0].digest, digest);
  EXPECT_EQ(figures.under_way[0].size_bytes, 10 * kChunk);
  EXPECT_EQ(figures.under_way[0].bytes_here, 3 * kChunk);
}

TEST_F(BlobCache, APlaceThatCannotBeIsDamage) {
  for (int what = 0; what < 4; ++what) {
    LocationRecord location;
    location.object = what == 0 ? "../x" : "blobs/x";
    location.size_bytes = what == 1 ? 1ull << 40 : 100'000;
    if (what == 2) location.chunk_bytes = 1;
    if (what == 3) location.chunk_bytes = 1ull << 40;
    const Digest digest = sha256_of(bytes_of("damaged " + std::to_string(what)));
    reader_.apply({{digest, location}});

    EXPECT_EQ(cache_->open_distant(digest).code(), Code::Corrupt) << what;
  }
}

}  // namespace
}  // namespace modelfs
