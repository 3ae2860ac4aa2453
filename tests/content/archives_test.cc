// Archives in the registry: unpacked and published in one commit, kept whole or as a recipe, read as faces.
#include <atomic>
#include <random>
#include <string>

#include "archive/building.h"
#include "engine/rocksdb/rocksdb_engine.h"
#include "support/ingest_fixture.h"

namespace modelfs {
namespace {

class ArchivesTest : public IngestFixture {
 protected:
  void SetUp() override {
    IngestFixture::SetUp();
    domain_ = std::make_unique<DomainName>(make_domain());
  }
  Ino uploads() { return registry_->snapshot()->domain(*domain_)->uploads(); }
  Ino unpacking() { return registry_->snapshot()->domain(*domain_)->unpacking(); }

  Result<Published> publish_archive(std::string_view path, const std::string& bytes, const std::string& suffix) {
    const std::string name = "upload" + std::to_string(++uploads_made_);
    file_ = write_file(uploads(), name, bytes);
    return ingest_->archives.publish({file_, uploads(), name, suffix, target(path), kRoot, nullptr});
  }
  // The bytes of a face.
  std::string read_face(Ino container, bool given, ArchiveFormat format) {
    const auto opened = registry_->archives().open({container, given, format});
    if (!opened.ok()) return opened.status().str();
    std::string bytes((*opened)->size_bytes() + 1, '\0');
    const auto got = (*opened)->read_at(0, std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    bytes.resize(got.ok() ? *got : 0);
    return bytes;
  }
  Ino directory_of(std::string_view version) { return registry_->snapshot()->release(*domain_, version)->ino; }

  // Bytes that do not compress: the recipe of an archive of next to nothing would be no smaller than it.
  static std::string weights() {
    std::mt19937 random(7);
    std::string bytes(100'000, '\0');
    for (char& each : bytes) each = static_cast<char>(random());
    return bytes;
  }
  static std::string tar() {
    return tar_directory("sub/") + tar_file("sub/small", "abc") + tar_file("weights", weights()) + tar_end();
  }

  std::unique_ptr<DomainName> domain_;
  Ino file_ = kNoIno;
  int uploads_made_ = 0;
};

TEST_F(ArchivesTest, AnArchiveIsPublishedWithWhatIsInIt) {
  const auto published = publish_archive("churn/1.0", tar(), ".tar");

  ASSERT_TRUE(published.ok()) << published.status().str();
  EXPECT_EQ(read_committed(directory_of("1.0"), "sub/small"), "abc");
  EXPECT_EQ(read_committed(directory_of("1.0"), "weights"), weights());
  EXPECT_EQ(read_face(directory_of("1.0"), true, ArchiveFormat::Tar), tar());
  EXPECT_EQ(registry_->snapshot()->release(*domain_, "1.0")->archive_suffix, ".tar");
}

TEST_F(ArchivesTest, NothingIsLeftOfAnUploadThatWasPublished) {
  ASSERT_TRUE(publish_archive("churn/1.0", tar(), ".tar").ok());
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());

  EXPECT_TRUE(registry_->drafts().tree().list(uploads())->empty());
  EXPECT_TRUE(registry_->drafts().tree().list(unpacking())->empty());
  EXPECT_EQ(registry_->drafts().tree().stat(file_).code(), Code::NotFound);
}

TEST_F(ArchivesTest, ARefusedArchiveKeepsItsFileAndLeavesNothingElse) {
  const std::string whole = tar();
  const auto published = publish_archive("churn/1.0", whole.substr(0, whole.size() - 1025), ".tar");

  EXPECT_EQ(published.code(), Code::Malformed);
  EXPECT_EQ(registry_->snapshot()->release(*domain_, "1.0").code(), Code::NotFound);
  EXPECT_EQ(registry_->drafts().tree().list(uploads())->size(), 1u);
  EXPECT_TRUE(registry_->drafts().tree().list(unpacking())->empty());
  const auto handle = registry_->drafts().files().open(file_, true, 0);
  ASSERT_TRUE(handle.ok());
  EXPECT_TRUE((*handle)->write(0, bytes_of("x")).ok());
}

TEST_F(ArchivesTest, AnArchiveThatIsOpenForWritingIsForItsLastClose) {
  const Ino file = write_file(uploads(), "upload", tar());
  const auto handle = registry_->drafts().files().open(file, true, 0);
  ASSERT_TRUE(handle.ok());

  const auto published =
      ingest_->archives.publish({file, uploads(), "upload", ".tar", target("churn/1.0"), kRoot, nullptr});

  EXPECT_EQ(published.code(), Code::Conflict);
}

TEST_F(ArchivesTest, AHandleFromBeforeCannotWriteWhatWasPublished) {
  const Ino file = write_file(uploads(), "upload", tar());
  const auto handle = registry_->drafts().files().open(file, true, 0);
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE((*handle)->flush().ok());  // closing

  ASSERT_TRUE(ingest_->archives.publish({file, uploads(), "upload", ".tar", target("churn/1.0"), kRoot, nullptr}).ok());

  EXPECT_EQ((*handle)->write(0, bytes_of("x")).code(), Code::Immutable);
  EXPECT_EQ(read_face(directory_of("1.0"), true, ArchiveFormat::Tar), tar());
}

TEST_F(ArchivesTest, TheSameContentAgainIsPublishedAlready) {
  ASSERT_TRUE(publish_archive("churn/1.0", tar(), ".tar").ok());

  const auto again = publish_archive("churn/1.0", gzipped(tar()), ".tar.gz");

  ASSERT_TRUE(again.ok()) << again.status().str();
  EXPECT_TRUE(again->already);
  EXPECT_TRUE(registry_->drafts().tree().list(uploads())->empty());
}

TEST_F(ArchivesTest, OtherContentUnderATakenVersionIsRefusedAndKept) {
  ASSERT_TRUE(publish_archive("churn/1.0", tar(), ".tar").ok());

  EXPECT_EQ(publish_archive("churn/1.0", tar_file("other", "x") + tar_end(), ".tar").code(), Code::AlreadyExists);

  EXPECT_EQ(registry_->drafts().tree().list(uploads())->size(), 1u);
}

TEST_F(ArchivesTest, AFaceThatIsMadeIsAFunctionOfWhatWasPublished) {
  ASSERT_TRUE(publish_bytes(*domain_, "churn/1.0", "abc").ok());
  const Ino release = directory_of("1.0");
  const std::string before = read_face(release, false, ArchiveFormat::TarGz);

  ASSERT_TRUE(publish_bytes(*domain_, "churn/1.0/next", "later").ok());

  EXPECT_EQ(read_face(release, false, ArchiveFormat::TarGz), before);
  EXPECT_EQ(*registry_->archives().size_bytes({release, false, ArchiveFormat::TarGz}), before.size());
}

TEST_F(ArchivesTest, ARecipeTakesThePlaceOfAnArchiveThatItMakes) {
  const std::string archive = gzipped(tar());
  ASSERT_TRUE(publish_archive("churn/1.0", archive, ".tar.gz").ok());
  const auto digest = hash_of(bytes_of(archive)).digest;
  const std::atomic<bool> cancel{false};

  ASSERT_TRUE(registry_->compactor().compact_all(cancel).ok());

  EXPECT_EQ(registry_->compactor().count()->recipes, 1u);
  EXPECT_EQ(registry_->snapshot()->blob(digest).code(), Code::NotFound);
  EXPECT_EQ(read_face(directory_of("1.0"), true, ArchiveFormat::TarGz), archive);
  EXPECT_TRUE(registry_->verifier().verify("", "", nullptr)->problems.empty());
}

TEST_F(ArchivesTest, RecipesOfManyTakeTheirPlacesTogether) {
  constexpr int kMany = 5;
  const auto archive_of = [](int number) {
    return gzipped(tar_file("model", weights() + std::to_string(number)) + tar_end());
  };
  for (int i = 0; i < kMany; ++i) {
    ASSERT_TRUE(publish_archive("churn/" + std::to_string(i), archive_of(i), ".tar.gz").ok());
  }
  // A release whose file is one of these archives needs its bytes.
  ASSERT_TRUE(publish_bytes(*domain_, "churn/kept", archive_of(0)).ok());
  const std::atomic<bool> cancel{false};

  ASSERT_TRUE(registry_->compactor().compact_all(cancel).ok());

  EXPECT_EQ(registry_->compactor().count()->recipes, 5u);
  for (int i = 0; i < kMany; ++i) {
    const std::string archive = archive_of(i);
    EXPECT_EQ(registry_->snapshot()->blob(hash_of(bytes_of(archive)).digest).ok(), i == 0) << i;
    EXPECT_EQ(read_face(directory_of(std::to_string(i)), true, ArchiveFormat::TarGz), archive);
  }
}

TEST_F(ArchivesTest, VerifyMindsNoRecipeThatTakesAnArchivesPlaceMeanwhile) {
  for (int i = 0; i < 20; ++i) {  // blobs are read in the order of their digests: some come before the archive's
    const std::string version = "0." + std::to_string(i);
    ASSERT_TRUE(publish_bytes(*domain_, "churn/" + version, version).ok());
  }
  ASSERT_TRUE(publish_archive("churn/1.0", gzipped(tar()), ".tar.gz").ok());
  const std::atomic<bool> cancel{false};

  const auto report = registry_->verifier().verify(
      "", "", [&](std::uint64_t, std::uint64_t) { ASSERT_TRUE(registry_->compactor().compact_all(cancel).ok()); });

  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->problems, std::vector<std::string>());
}

TEST_F(ArchivesTest, AnArchiveThatIsOpenOutlivesItsRecipe) {
  const std::string archive = gzipped(tar());
  ASSERT_TRUE(publish_archive("churn/1.0", archive, ".tar.gz").ok());
  const auto opened = registry_->archives().open({directory_of("1.0"), true, ArchiveFormat::TarGz});
  ASSERT_TRUE(opened.ok());
  const std::atomic<bool> cancel{false};

  ASSERT_TRUE(registry_->compactor().compact_all(cancel).ok());

  std::string bytes(archive.size(), '\0');
  ASSERT_TRUE((*opened)->read_at(0, std::as_writable_bytes(std::span(bytes.data(), bytes.size()))).ok());
  EXPECT_EQ(bytes, archive);
}

TEST_F(ArchivesTest, AnArchiveWithoutARecipeStaysAsItCame) {
  const std::string archive = zstandard(tar());
  ASSERT_TRUE(publish_archive("churn/1.0", archive, ".tar.zst").ok());
  const std::atomic<bool> cancel{false};

  ASSERT_TRUE(registry_->compactor().compact_all(cancel).ok());

  EXPECT_EQ(registry_->compactor().count()->unsuited, 1u);
  EXPECT_EQ(registry_->compactor().count()->waiting, 0u);
  EXPECT_EQ(read_face(directory_of("1.0"), true, ArchiveFormat::TarZst), archive);
}

TEST_F(ArchivesTest, GarbageCollectionKeepsArchives) {
  const std::string archive = zstandard(tar());
  ASSERT_TRUE(publish_archive("churn/1.0", archive, ".tar.zst").ok());

  ASSERT_TRUE(registry_->garbage().collect().ok());

  EXPECT_EQ(read_face(directory_of("1.0"), true, ArchiveFormat::TarZst), archive);
}

TEST_F(ArchivesTest, TheManifestOfAPackageIsInItsMetadata) {
  const std::string manifest = "NAME = \"hello\"\nVERSION = \"0.1\"\nPACKAGE = \"a\"\nMODULES = {}";
  ASSERT_TRUE(publish_archive("churn/0.1", tar_file("__4ml__.py", manifest) + tar_end(), ".tar").ok());

  const auto document = registry_->snapshot()->metadata(directory_of("0.1"));

  ASSERT_TRUE(document.ok());
  EXPECT_NE(document->find("\"name\": \"hello\""), std::string::npos) << *document;
}

class ArchivesOnDisk : public ArchivesTest {
 protected:
  void SetUp() override {
    open_again();
    domain_ = std::make_unique<DomainName>(make_domain());
  }
  void open_again() {
    ingest_.reset();
    registry_.reset();
    auto engine = open_rocksdb_engine(directory_.path(), {.reserve_bytes = 0});
    ASSERT_TRUE(engine.ok()) << engine.status().message();
    open(std::move(*engine));
  }
};

TEST_F(ArchivesOnDisk, WhatWasBeingUnpackedWhenTheProcessDiedGoesAtTheNextStart) {
  const Ino left = make_directory(unpacking(), "77");
  write_file(left, "half", "abc");

  open_again();

  EXPECT_TRUE(registry_->drafts().tree().list(unpacking())->empty());
}

TEST_F(ArchivesOnDisk, ARecipeIsThereAfterARestart) {
  const std::string archive = gzipped(tar());
  ASSERT_TRUE(publish_archive("churn/1.0", archive, ".tar.gz").ok());
  const std::atomic<bool> cancel{false};
  ASSERT_TRUE(registry_->compactor().compact_all(cancel).ok());

  open_again();

  EXPECT_EQ(read_face(directory_of("1.0"), true, ArchiveFormat::TarGz), archive);
}

}  // namespace
}  // namespace modelfs
