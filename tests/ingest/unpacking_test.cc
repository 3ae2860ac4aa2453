// Archives that are unpacked while they are still being written.
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "archive/building.h"
#include "support/becomes_true.h"
#include "support/ingest_fixture.h"

namespace modelfs {
namespace {

constexpr std::size_t kFileBytes = 600'000;
constexpr int kFiles = 5;

class UnpackingBehindTest : public IngestFixture {
 protected:
  void SetUp() override {
    IngestFixture::SetUp();
    domain_ = std::make_unique<DomainName>(make_domain());
    const auto made = registry_->drafts().tree().make(place(), "upload", {FileType::Regular, {0, 0, 0644}, ""});
    ASSERT_TRUE(made.ok());
    file_ = made->ino;
    handle_ = std::move(*registry_->drafts().files().open(file_, true, 0));
    behind_ = ingest_->archives.unpack_behind(file_, ".tar", *domain_, kRoot);
    ASSERT_NE(behind_, nullptr);
  }
  void TearDown() override {
    behind_.reset();
    handle_.reset();
  }

  Ino place() { return registry_->snapshot()->domain(*domain_)->uploads(); }
  Ino unpacking() { return registry_->snapshot()->domain(*domain_)->unpacking(); }

  static std::string content(int number) { return std::string(kFileBytes, static_cast<char>('a' + number)); }
  static std::string tar() {
    std::string archive;
    for (int i = 0; i < kFiles; ++i) archive += tar_file("weights-" + std::to_string(i), content(i));
    return archive + tar_end();
  }
  void write(std::uint64_t offset, std::string_view bytes) {
    ASSERT_TRUE(handle_->write(offset, bytes_of(bytes)).ok());
  }
  Result<Published> close_and_publish() {
    EXPECT_TRUE(handle_->flush().ok());
    return ingest_->archives.publish(
        {file_, place(), "upload", ".tar", target("churn/1.0"), kRoot, nullptr, std::move(behind_)});
  }
  // How many members lie unpacked so far.
  std::size_t unpacked() {
    const auto directories = registry_->drafts().tree().list(unpacking());
    if (!directories.ok() || directories->empty()) return 0;
    const auto members = registry_->drafts().tree().list(directories->front().ino);
    return members.ok() ? members->size() : 0;
  }
  std::string published_file(int number) {
    return read_committed(registry_->snapshot()->release(*domain_, "1.0")->ino, "weights-" + std::to_string(number));
  }

  std::unique_ptr<DomainName> domain_;
  Ino file_ = kNoIno;
  std::unique_ptr<DraftHandle> handle_;
  std::unique_ptr<UnpackingBehind> behind_;
};

TEST_F(UnpackingBehindTest, MembersAreUnpackedWhileTheArchiveIsWritten) {
  const std::string archive = tar();
  const std::size_t most = archive.size() - kFileBytes;
  write(0, std::string_view(archive).substr(0, most));
  EXPECT_TRUE(becomes_true([&] { return unpacked() >= 2; }));

  write(most, std::string_view(archive).substr(most));
  const auto published = close_and_publish();

  ASSERT_TRUE(published.ok()) << published.status().str();
  for (int i = 0; i < kFiles; ++i) EXPECT_EQ(published_file(i), content(i));
  EXPECT_TRUE(registry_->drafts().tree().list(unpacking())->empty());
}

TEST_F(UnpackingBehindTest, BytesThatAreWrittenAgainCountAsTheyWereLast) {
  const std::string archive = tar();
  write(0, archive);
  ASSERT_TRUE(becomes_true([&] { return unpacked() >= 2; }));

  write(512, "Z");  // of the first member, which is unpacked
  const auto published = close_and_publish();

  ASSERT_TRUE(published.ok()) << published.status().str();
  EXPECT_EQ(published_file(0), "Z" + content(0).substr(1));
  EXPECT_EQ(published_file(4), content(4));
}

TEST_F(UnpackingBehindTest, AnArchiveThatIsBegunAnewCountsAsItIsLast) {
  write(0, tar());
  ASSERT_TRUE(becomes_true([&] { return unpacked() >= 2; }));

  ASSERT_TRUE(handle_->file().truncate(0).ok());
  write(0, tar_file("weights-1", "other") + tar_end());
  const auto published = close_and_publish();

  ASSERT_TRUE(published.ok()) << published.status().str();
  EXPECT_EQ(published->file_count, 1u);
  EXPECT_EQ(published_file(1), "other");
}

TEST_F(UnpackingBehindTest, AnArchiveThatIsCutShortIsRefused) {
  write(0, tar());
  ASSERT_TRUE(becomes_true([&] { return unpacked() >= 2; }));

  ASSERT_TRUE(handle_->file().truncate(2 * kFileBytes).ok());

  EXPECT_EQ(close_and_publish().code(), Code::Malformed);
}

TEST_F(UnpackingBehindTest, WhatIsWrittenOutOfOrderIsReadAtTheEnd) {
  const std::string archive = tar();
  const std::size_t half = archive.size() / 2;
  const std::size_t most = archive.size() - kFileBytes;
  write(0, std::string_view(archive).substr(0, half));
  write(most, std::string_view(archive).substr(most));
  write(half, std::string_view(archive).substr(half, most - half));

  const auto published = close_and_publish();

  ASSERT_TRUE(published.ok()) << published.status().str();
  for (int i = 0; i < kFiles; ++i) EXPECT_EQ(published_file(i), content(i));
}

TEST_F(UnpackingBehindTest, WhatCannotBePublishedIsRefusedWhenItIsComplete) {
  write(0, tar_file("../escape", content(0)) + tar_file("weights", content(1)) + tar_end());

  const auto published = close_and_publish();

  EXPECT_EQ(published.code(), Code::Malformed);
  EXPECT_NE(published.status().message().find("../escape"), std::string::npos) << published.status().message();
  EXPECT_EQ(registry_->drafts().tree().list(place())->size(), 1u);
  EXPECT_TRUE(registry_->drafts().tree().list(unpacking())->empty());
}

TEST_F(UnpackingBehindTest, GivingUpLeavesNothing) {
  write(0, std::string_view(tar()).substr(0, 3 * kFileBytes));
  ASSERT_TRUE(becomes_true([&] { return unpacked() >= 1; }));

  behind_.reset();

  EXPECT_TRUE(becomes_true([&] { return registry_->drafts().tree().list(unpacking())->empty(); }));
}

TEST_F(UnpackingBehindTest, MoreUploadsThanThreadsAreAllPublished) {
  constexpr int kUploads = 7;
  std::vector<std::unique_ptr<UnpackingBehind>> behind;
  std::vector<Ino> files;
  std::vector<std::unique_ptr<DraftHandle>> handles;
  const std::string archive = tar();
  for (int i = 0; i < kUploads; ++i) {
    files.push_back(
        registry_->drafts().tree().make(place(), std::to_string(i), {FileType::Regular, {0, 0, 0644}, ""})->ino);
    handles.push_back(std::move(*registry_->drafts().files().open(files.back(), true, 0)));
    behind.push_back(ingest_->archives.unpack_behind(files.back(), ".tar", *domain_, kRoot));
    ASSERT_TRUE(handles.back()->write(0, bytes_of(std::string_view(archive).substr(0, 2 * kFileBytes))).ok());
  }
  // The last first: those that came first hold all threads.
  for (int i = kUploads; i-- > 0;) {
    ASSERT_TRUE(handles[i]->write(2 * kFileBytes, bytes_of(std::string_view(archive).substr(2 * kFileBytes))).ok());
    ASSERT_TRUE(handles[i]->flush().ok());
    const auto published =
        ingest_->archives.publish({files[i], place(), std::to_string(i), ".tar",
                                   target("churn/" + std::to_string(i) + ".0"), kRoot, nullptr, std::move(behind[i])});
    ASSERT_TRUE(published.ok()) << published.status().str();
    EXPECT_EQ(published->file_count, static_cast<std::uint64_t>(kFiles));
  }
}

TEST_F(UnpackingBehindTest, AZipAndAFileWithBytesAreNotFollowed) {
  EXPECT_EQ(ingest_->archives.unpack_behind(file_, ".zip", *domain_, kRoot), nullptr);
  const Ino old = write_file(place(), "old", tar());
  const auto handle = registry_->drafts().files().open(old, true, 0);
  ASSERT_TRUE(handle.ok());
  EXPECT_EQ(ingest_->archives.unpack_behind(old, ".tar", *domain_, kRoot), nullptr);
}

TEST_F(UnpackingBehindTest, WhatNothingCuresRefusesWhatIsWrittenBehindIt) {
  const std::string archive = tar_directory("r/") + tar_link('2', "r/a", "../../b") + tar_file("r/c", content(0)) +
                              tar_file("r/d", content(1)) + tar_file("r/e", content(2));
  write(0, archive);

  const Status judged = behind_->judge_so_far();

  EXPECT_EQ(judged.code(), Code::Malformed);
  EXPECT_NE(judged.message().find("leaves"), std::string::npos) << judged.message();
  EXPECT_EQ(handle_->write(archive.size(), bytes_of("more")).code(), Code::Malformed);
  EXPECT_EQ(handle_->write(archive.size() + 5, bytes_of("more")).code(), Code::Malformed);
  EXPECT_EQ(close_and_publish().code(), Code::Malformed);
}

TEST_F(UnpackingBehindTest, WhatNothingCuresBehindItIsCuredByWritingItAnew) {
  const std::string bad = tar_link('2', "a", "../b");
  const std::string rest = tar_file("weights-0", content(0)) + tar_file("weights-1", content(1)) +
                           tar_file("weights-2", content(2)) + tar_end();
  write(0, bad + rest);
  ASSERT_EQ(behind_->judge_so_far().code(), Code::Malformed);

  write(0, tar_link('2', "a", "b"));
  EXPECT_TRUE(behind_->judge_so_far().ok());
  const auto published = close_and_publish();

  ASSERT_TRUE(published.ok()) << published.status().str();
  EXPECT_EQ(published_file(1), content(1));
}

TEST_F(UnpackingBehindTest, WhatMayStillComeIsNoFault) {
  const std::string archive = tar();
  write(0, std::string_view(archive).substr(0, 100));
  EXPECT_TRUE(behind_->judge_so_far().ok()) << "too little to begin with";
  for (std::size_t at = 100; at < archive.size(); at += 700'000) {
    write(at, std::string_view(archive).substr(at, 700'000));
    const Status judged = behind_->judge_so_far();
    EXPECT_TRUE(judged.ok()) << at << judged.message();
  }
  EXPECT_TRUE(close_and_publish().ok());
}

}  // namespace
}  // namespace modelfs
