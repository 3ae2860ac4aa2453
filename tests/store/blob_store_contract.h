// What every engine's BlobStore must do: store/blob_store.h, sentence by sentence.
#pragma once
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "store/engine.h"
#include "store/scratch_directory.h"

namespace modelfs {

// Fixture must offer: Engine engine, empty.
template <class Fixture>
class BlobStoreContract : public testing::Test {
 protected:
  BlobStore& store() { return *fixture_.engine.blobs; }
  const ScratchDirectory& drafts() const { return drafts_; }

  static Digest digest_of(std::string_view text) { return hash_of(bytes_of(text)).digest; }

  // A draft of these bytes, adopted under their digest.
  Digest adopt(const std::string& bytes) {
    const Digest digest = digest_of(bytes);
    drafts_.write("draft", bytes);
    const Status status = store().adopt(digest, drafts_.fd(), "draft");
    EXPECT_TRUE(status.ok()) << status.str();
    ::unlinkat(drafts_.fd(), "draft", 0);
    return digest;
  }

  std::unique_ptr<BlobReader> open(const Digest& digest) {
    auto reader = store().open(digest);
    EXPECT_TRUE(reader.ok()) << reader.status().str();
    return *std::move(reader);
  }

  static std::string read(const BlobReader& reader, std::uint64_t offset_bytes = 0, std::size_t size_bytes = 1 << 16) {
    std::string text(size_bytes, '?');
    const auto got = reader.read_at(offset_bytes, std::as_writable_bytes(std::span(text)));
    EXPECT_TRUE(got.ok()) << got.status().str();
    return text.substr(0, *got);
  }

  std::set<Digest> all() {
    std::set<Digest> found;
    const Status status = store().for_each([&found](const Digest& digest, std::uint64_t, TimeNs) {
      EXPECT_TRUE(found.insert(digest).second) << "visited twice";
      return true;
    });
    EXPECT_TRUE(status.ok()) << status.str();
    return found;
  }

 private:
  Fixture fixture_;
  ScratchDirectory drafts_;
};
TYPED_TEST_SUITE_P(BlobStoreContract);

TYPED_TEST_P(BlobStoreContract, AnUnknownBlobIsNotFound) {
  EXPECT_EQ(this->store().open(Digest{}).code(), Code::NotFound);
  EXPECT_EQ(this->all(), std::set<Digest>{});
}

TYPED_TEST_P(BlobStoreContract, AnAdoptedBlobHasTheBytesOfItsFile) {
  const Digest digest = this->adopt("some bytes");

  const auto reader = this->open(digest);

  EXPECT_EQ(reader->size_bytes(), 10u);
  EXPECT_EQ(this->read(*reader), "some bytes");
}

TYPED_TEST_P(BlobStoreContract, TheAdoptedFileStaysWhereItIs) {
  this->drafts().write("kept", "bytes");

  ASSERT_TRUE(this->store().adopt(this->digest_of("bytes"), this->drafts().fd(), "kept").ok());

  EXPECT_TRUE(std::filesystem::exists(this->drafts() / "kept"));
}

TYPED_TEST_P(BlobStoreContract, ABlobMayBeEmpty) {
  const auto reader = this->open(this->adopt(""));

  EXPECT_EQ(reader->size_bytes(), 0u);
  EXPECT_EQ(this->read(*reader), "");
}

TYPED_TEST_P(BlobStoreContract, ABlobMayBeLargerThanAnyBuffer) {
  std::string bytes(3'000'001, 'x');
  for (std::size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<char>('a' + i / 4096 % 26);

  const auto reader = this->open(this->adopt(bytes));

  EXPECT_EQ(this->read(*reader, 0, bytes.size() + 1), bytes);
}

TYPED_TEST_P(BlobStoreContract, AReadIsShortOnlyAtTheEnd) {
  const auto reader = this->open(this->adopt("0123456789"));

  EXPECT_EQ(this->read(*reader, 3, 4), "3456");
  EXPECT_EQ(this->read(*reader, 8, 2), "89");
  EXPECT_EQ(this->read(*reader, 8, 3), "89");
  EXPECT_EQ(this->read(*reader, 10, 1), "");
  EXPECT_EQ(this->read(*reader, ~std::uint64_t{0}, 1), "");
  EXPECT_EQ(this->read(*reader, 5, 0), "");
}

TYPED_TEST_P(BlobStoreContract, ADescriptorReadsExactlyTheBlobAndCannotWrite) {
  const auto reader = this->open(this->adopt("some bytes"));
  const auto descriptor = reader->descriptor();
  if (!descriptor) GTEST_SKIP() << "this engine has none";

  std::string text(64, '?');
  const auto got = read_at(*descriptor, 0, std::as_writable_bytes(std::span(text)));

  ASSERT_TRUE(got.ok());
  EXPECT_EQ(text.substr(0, *got), "some bytes");
  EXPECT_FALSE(write_at(*descriptor, 0, bytes_of("x")).ok());
}

TYPED_TEST_P(BlobStoreContract, HolesAreNotCountedAsSpace) {
  constexpr std::uint64_t kSize = 8 << 20;
  this->drafts().write("sparse", "");
  ASSERT_EQ(::truncate((this->drafts() / "sparse").c_str(), kSize), 0);
  const Digest digest = this->digest_of(std::string(kSize, '\0'));
  ASSERT_TRUE(this->store().adopt(digest, this->drafts().fd(), "sparse").ok());

  const auto reader = this->open(digest);

  EXPECT_EQ(reader->size_bytes(), kSize);
  if (!reader->descriptor()) GTEST_SKIP() << "this engine has no holes";
  EXPECT_LT(reader->allocated_bytes(), kSize);
}

TYPED_TEST_P(BlobStoreContract, AdoptingItAgainReplacesABlob) {
  const Digest digest = this->adopt("as it was");
  const auto before = this->open(digest);

  this->drafts().write("other", "as it is ");
  ASSERT_TRUE(this->store().adopt(digest, this->drafts().fd(), "other").ok());

  const std::string read_before = this->read(*before);
  EXPECT_TRUE(read_before == "as it was" || read_before == "as it is ") << read_before;
  EXPECT_EQ(this->read(*this->open(digest)), "as it is ");
  EXPECT_EQ(this->all(), std::set<Digest>{digest});
}

TYPED_TEST_P(BlobStoreContract, AdoptingTheSameFileTwiceIsOk) {
  this->drafts().write("draft", "bytes");
  const Digest digest = this->digest_of("bytes");

  ASSERT_TRUE(this->store().adopt(digest, this->drafts().fd(), "draft").ok());
  ASSERT_TRUE(this->store().adopt(digest, this->drafts().fd(), "draft").ok());

  EXPECT_EQ(this->read(*this->open(digest)), "bytes");
  EXPECT_EQ(this->all(), std::set<Digest>{digest});
}

TYPED_TEST_P(BlobStoreContract, AdoptingWhatIsNotThereChangesNothing) {
  const Digest digest = this->adopt("bytes");

  EXPECT_EQ(this->store().adopt(digest, this->drafts().fd(), "absent").code(), Code::NotFound);

  EXPECT_EQ(this->read(*this->open(digest)), "bytes");
}

TYPED_TEST_P(BlobStoreContract, OnlyPlainFilesAreAdopted) {
  this->drafts().write("target", "bytes");
  ASSERT_EQ(::symlinkat("target", this->drafts().fd(), "link"), 0);
  ASSERT_EQ(::mkdirat(this->drafts().fd(), "directory", 0700), 0);
  ASSERT_EQ(::mkfifo((this->drafts() / "fifo").c_str(), 0600), 0);

  for (const char* name : {"link", "directory", "fifo"}) {
    EXPECT_EQ(this->store().adopt(this->digest_of("bytes"), this->drafts().fd(), name).code(), Code::InvalidArgument);
  }
  EXPECT_EQ(this->all(), std::set<Digest>{});
}

TYPED_TEST_P(BlobStoreContract, SyncingIsOkForAnyNumberOfBlobs) {
  const Digest one = this->adopt("1");
  const Digest two = this->adopt("2");

  EXPECT_TRUE(this->store().sync({}).ok());
  EXPECT_TRUE(this->store().sync({one}).ok());
  EXPECT_TRUE(this->store().sync({one, two, one}).ok());
}

TYPED_TEST_P(BlobStoreContract, ARemovedBlobIsGoneForOpenButNotForItsReaders) {
  const Digest digest = this->adopt("some bytes");
  const auto reader = this->open(digest);

  ASSERT_TRUE(this->store().remove(digest).ok());

  EXPECT_EQ(this->store().open(digest).code(), Code::NotFound);
  EXPECT_EQ(this->read(*reader), "some bytes");
  EXPECT_EQ(this->all(), std::set<Digest>{});
}

TYPED_TEST_P(BlobStoreContract, RemovingAnAbsentBlobIsOk) { EXPECT_TRUE(this->store().remove(Digest{}).ok()); }

TYPED_TEST_P(BlobStoreContract, ARemovedBlobMayComeBack) {
  const Digest digest = this->adopt("bytes");
  ASSERT_TRUE(this->store().remove(digest).ok());

  EXPECT_EQ(this->adopt("bytes"), digest);

  EXPECT_EQ(this->read(*this->open(digest)), "bytes");
}

TYPED_TEST_P(BlobStoreContract, EachBlobIsVisitedWithItsSizeAndTheTimeOfItsAdoption) {
  // The clock of a file system may lag behind by one tick of the kernel.
  constexpr std::int64_t kTickNs = 20'000'000;
  const std::int64_t before = raw(now()) - kTickNs;
  const Digest digest = this->adopt("four");
  int visits = 0;

  const Status status = this->store().for_each([&](const Digest& found, std::uint64_t size_bytes, TimeNs since) {
    ++visits;
    EXPECT_EQ(found, digest);
    EXPECT_EQ(size_bytes, 4u);
    EXPECT_GE(raw(since), before);
    EXPECT_LE(raw(since), raw(now()));
    return true;
  });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(visits, 1);
}

TYPED_TEST_P(BlobStoreContract, TheVisitEndsWhenTheVisitorHasEnough) {
  for (int i = 0; i < 10; ++i) this->adopt(std::to_string(i));
  int visits = 0;

  const Status status =
      this->store().for_each([&visits](const Digest&, std::uint64_t, TimeNs) { return ++visits < 3; });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(visits, 3);
}

TYPED_TEST_P(BlobStoreContract, AVisitorMayRemoveWhatItVisits) {
  for (int i = 0; i < 10; ++i) this->adopt(std::to_string(i));

  const Status status = this->store().for_each(
      [&](const Digest& digest, std::uint64_t, TimeNs) { return this->store().remove(digest).ok(); });

  EXPECT_TRUE(status.ok());
  EXPECT_EQ(this->all(), std::set<Digest>{});
}

TYPED_TEST_P(BlobStoreContract, ManyMayAdoptTheSameBlobAtOnce) {
  constexpr int kThreads = 8;
  const Digest digest = this->digest_of("same");
  for (int i = 0; i < kThreads; ++i) this->drafts().write(std::to_string(i), "same");
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const Status status = this->store().adopt(digest, this->drafts().fd(), std::to_string(i));
      EXPECT_TRUE(status.ok()) << status.str();
      EXPECT_TRUE(this->store().sync({digest}).ok());
      EXPECT_EQ(this->read(*this->open(digest)), "same");
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(this->all(), std::set<Digest>{digest});
}

TYPED_TEST_P(BlobStoreContract, OneReaderServesManyThreads) {
  const std::string bytes(1 << 20, 'x');
  const auto reader = this->open(this->adopt(bytes));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < 4; ++i) {
    threads.emplace_back(
        [&, i] { EXPECT_EQ(this->read(*reader, i * 1000, 500'000), bytes.substr(i * 1000, 500'000)); });
  }
  for (std::thread& thread : threads) thread.join();
}

REGISTER_TYPED_TEST_SUITE_P(BlobStoreContract, AnUnknownBlobIsNotFound, AnAdoptedBlobHasTheBytesOfItsFile,
                            TheAdoptedFileStaysWhereItIs, ABlobMayBeEmpty, ABlobMayBeLargerThanAnyBuffer,
                            AReadIsShortOnlyAtTheEnd, ADescriptorReadsExactlyTheBlobAndCannotWrite,
                            HolesAreNotCountedAsSpace, AdoptingItAgainReplacesABlob, AdoptingTheSameFileTwiceIsOk,
                            AdoptingWhatIsNotThereChangesNothing, OnlyPlainFilesAreAdopted,
                            SyncingIsOkForAnyNumberOfBlobs, ARemovedBlobIsGoneForOpenButNotForItsReaders,
                            RemovingAnAbsentBlobIsOk, ARemovedBlobMayComeBack,
                            EachBlobIsVisitedWithItsSizeAndTheTimeOfItsAdoption, TheVisitEndsWhenTheVisitorHasEnough,
                            AVisitorMayRemoveWhatItVisits, ManyMayAdoptTheSameBlobAtOnce, OneReaderServesManyThreads);

}  // namespace modelfs
