// Small files of a draft: what is written to them at once lies in the catalog, and no host file is made.
#include <chrono>
#include <random>
#include <thread>

#include "catalog/keys.h"
#include "catalog/records.h"
#include "support/registry_on_disk.h"

namespace modelfs {
namespace {

class SmallFiles : public RegistryOnDisk {
 protected:
  void SetUp() override {
    restart();
    domain_ = make_domain();
    place_ = stage(*domain_);
    draft_ = make_directory(place_, "draft");
  }

  std::unique_ptr<DraftHandle> create(const std::string& name) {
    const auto made = registry_->drafts().tree().make(draft_, name, {FileType::Regular, {0, 0, 0644}, ""});
    EXPECT_TRUE(made.ok()) << made.status().message();
    return open_draft(made->ino, true);
  }
  std::uint64_t size_of_draft(Ino ino) { return registry_->drafts().tree().stat(ino)->size_bytes; }

  Status set_size(Ino ino, std::uint64_t size_bytes) {
    DraftChange change;
    change.size_bytes = size_bytes;
    return registry_->drafts().attributes().setattr(ino, change).status();
  }

  bool has_host_file(Ino ino) { return host_bytes(ino).has_value(); }
  bool has_blob(const std::string& bytes) {
    return registry_->snapshot()->keys().get(keys::blob(hash_of(bytes_of(bytes)).digest)).ok();
  }

  std::optional<DomainName> domain_;
  Ino place_ = kNoIno, draft_ = kNoIno;
};

TEST_F(SmallFiles, LieInTheCatalogFromTheirFirstWrite) {
  const auto handle = create("a");
  const Ino ino = handle->file().ino();
  EXPECT_EQ(bytes_of_draft(ino), "");
  ASSERT_TRUE(handle->write(0, bytes_of("abc")).ok());

  EXPECT_FALSE(has_host_file(ino));
  EXPECT_TRUE(has_blob("abc"));
  EXPECT_EQ(bytes_of_draft(ino), "abc");
  EXPECT_EQ(size_of_draft(ino), 3u);
  EXPECT_EQ(registry_->drafts().tree().stat(ino)->blocks, 8u);
  EXPECT_FALSE(handle->file().may_block_finalize());
  EXPECT_FALSE(handle->file().may_block_setattr()) << "the bytes need not be synced before they are copied";
}

TEST_F(SmallFiles, HaveAtMost65536Bytes) {
  const std::string largest(kInlineBlobBytesMax, 'x');
  const auto small = create("small");
  ASSERT_TRUE(small->write(0, bytes_of(largest)).ok());
  const auto large = create("large");
  ASSERT_TRUE(large->write(0, bytes_of(largest + "y")).ok());

  EXPECT_FALSE(has_host_file(small->file().ino()));
  EXPECT_TRUE(has_host_file(large->file().ino()));
  EXPECT_EQ(bytes_of_draft(small->file().ino()), largest);
  EXPECT_EQ(bytes_of_draft(large->file().ino()), largest + "y");
}

TEST_F(SmallFiles, ThatWereNeverWrittenAreEmpty) {
  write_file(draft_, "full", "abc");
  const auto made = registry_->drafts().tree().make(draft_, "empty", {FileType::Regular, {0, 0, 0644}, ""});
  ASSERT_TRUE(made.ok());
  EXPECT_FALSE(has_host_file(made->ino));
  EXPECT_EQ(size_of_draft(made->ino), 0u);

  const auto published = publish(draft_, place_, "draft", "churn/1");

  ASSERT_TRUE(published.ok()) << published.status().message();
  EXPECT_EQ(published->total_bytes, 3u);
  ASSERT_TRUE(registry_->garbage().collect().ok());
  const auto more = registry_->drafts().tree().make(place_, "later", {FileType::Regular, {0, 0, 0644}, ""});
  EXPECT_EQ(bytes_of_draft(more->ino), "") << "gc never takes what new files begin with";
}

TEST_F(SmallFiles, ArePublishedAsTheyWereWritten) {
  { ASSERT_TRUE(create("a")->write(0, bytes_of("abc")).ok()); }
  { ASSERT_TRUE(create("same")->write(0, bytes_of("abc")).ok()); }

  const auto published = publish(draft_, place_, "draft", "churn/1");

  ASSERT_TRUE(published.ok()) << published.status().message();
  const auto container = registry_->snapshot()->container(draft_);
  for (const char* name : {"a", "same"}) {
    const auto content = registry_->content().open(container->manifest->at(*container->manifest->find(name)));
    std::string bytes(10, '\0');
    EXPECT_EQ(*(*content)->read_at(0, std::as_writable_bytes(std::span(bytes))), 3u);
    EXPECT_EQ(bytes.substr(0, 3), "abc");
  }
  const auto report = registry_->verifier().verify("", "", [](std::uint64_t, std::uint64_t) {});
  EXPECT_TRUE(report.ok() && report->problems.empty());
}

TEST_F(SmallFiles, OutliveTheProcess) {
  Ino ino = kNoIno;
  {
    const auto handle = create("a");
    ino = handle->file().ino();
    ASSERT_TRUE(handle->write(0, bytes_of("abc")).ok());
  }
  restart();

  EXPECT_EQ(bytes_of_draft(ino), "abc");
  ASSERT_TRUE(open_draft(ino, true)->write(3, bytes_of("def")).ok());
  EXPECT_TRUE(has_host_file(ino));
  restart();
  EXPECT_EQ(bytes_of_draft(ino), "abcdef");
}

TEST_F(SmallFiles, ThatAreSyncedAreCopiedDurablyWhenTheyChange) {
  const auto handle = create("a");
  ASSERT_TRUE(handle->write(0, bytes_of("abc")).ok());
  ASSERT_TRUE(handle->file().sync().ok());

  EXPECT_TRUE(handle->file().may_block_setattr());
  ASSERT_TRUE(handle->write(1, bytes_of("X")).ok());
  EXPECT_EQ(bytes_of_draft(handle->file().ino()), "aXc");
}

TEST_F(SmallFiles, AreKeptByGcWhileTheDraftIsThereAndGoWithIt) {
  { ASSERT_TRUE(create("a")->write(0, bytes_of("abc")).ok()); }
  ASSERT_TRUE(registry_->garbage().collect().ok());
  EXPECT_TRUE(has_blob("abc"));

  ASSERT_TRUE(registry_->drafts().tree().unlink(draft_, "a").ok());
  ASSERT_TRUE(registry_->garbage().collect().ok());
  EXPECT_FALSE(has_blob("abc"));
}

// Removes `count` small files that were never published, and publishes one that the last of them shares its bytes with.
TEST_F(SmallFiles, OfManyThatAreRemovedAreCollectedAfterTheNextCommit) {
  const std::string shared = "published too";
  for (const std::size_t count : {GcCandidates::kCountMax - 1, GcCandidates::kCountMax}) {
    const auto bytes = [&](std::size_t i) { return std::to_string(count) + " " + std::to_string(i); };
    for (std::size_t i = 0; i + 1 < count; ++i) {
      write_file(draft_, "f", bytes(i));
      ASSERT_TRUE(registry_->drafts().tree().unlink(draft_, "f").ok());
    }
    write_file(draft_, "f", shared);
    ASSERT_TRUE(registry_->drafts().tree().unlink(draft_, "f").ok());

    ASSERT_TRUE(publish_bytes(*domain_, "churn/" + std::to_string(count), shared).ok());

    const bool is_litter = count >= GcCandidates::kCountMax;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (is_litter && has_blob(bytes(0)) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(has_blob(bytes(0)), !is_litter) << count;
    restart();
    EXPECT_EQ(has_blob(bytes(1)), !is_litter) << count;
    EXPECT_TRUE(has_blob(shared));
  }
}

TEST_F(SmallFiles, AreSummedBehindTheirWriterWhenTheyGrow) {
  const auto handle = create("a");
  const std::string piece(60'000, 'x');
  std::string all;
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(handle->write(all.size(), bytes_of(piece)).ok());
    all += piece;
  }
  ASSERT_TRUE(handle->flush().ok());

  EXPECT_EQ(handle->file().unhashed_bytes(), 0u);
  const auto sealed = registry_->drafts().sealer().seal(handle->file().ino());
  ASSERT_TRUE(sealed.ok()) << sealed.status().message();
  EXPECT_EQ((*sealed)->hash().hash, hash_of(bytes_of(all)));
}

// Against a plain string: any sequence of calls, by two handles, with the process ending in between.
TEST_F(SmallFiles, HoldWhatIsWrittenInAnyOrderWhateverTheirSize) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::size_t> sizes = {
      0, 1, 4096, kInlineBlobBytesMax - 1, kInlineBlobBytesMax, kInlineBlobBytesMax + 1};
  const auto any_size = [&] { return random() % 3 == 0 ? random() % 70'000 : sizes[random() % sizes.size()]; };
  for (int round = 0; round < 60; ++round) {
    auto one = create("f" + std::to_string(round));
    const Ino ino = one->file().ino();
    auto other = open_draft(ino, true);
    std::string model;
    for (int step = 0; step < 8; ++step) {
      DraftHandle& handle = random() % 2 == 0 ? *one : *other;
      const std::size_t where = random() % 2 == 0 ? 0 : any_size();
      switch (random() % 6) {
        case 0:
          ASSERT_TRUE(set_size(ino, where).ok());
          model.resize(where);
          break;
        case 1: ASSERT_TRUE(handle.file().sync().ok()); break;
        case 2: ASSERT_TRUE(handle.flush().ok()); break;
        case 3:
          if (random() % 4 == 0) {
            one.reset();
            other.reset();
            restart();
            one = open_draft(ino, true);
            other = open_draft(ino, true);
            break;
          }
          [[fallthrough]];
        default: {
          const std::string bytes(any_size(), static_cast<char>('a' + random() % 26));
          if (bytes.empty()) break;
          ASSERT_TRUE(handle.write(where, bytes_of(bytes)).ok());
          if (model.size() < where + bytes.size()) model.resize(where + bytes.size());
          model.replace(where, bytes.size(), bytes);
        }
      }
      ASSERT_EQ(bytes_of_draft(ino), model) << "round " << round << ", step " << step;
      ASSERT_EQ(size_of_draft(ino), model.size());
    }
    ASSERT_TRUE(one->flush().ok());
    ASSERT_TRUE(other->flush().ok());
    one.reset();
    other.reset();
    const auto sealed = registry_->drafts().sealer().seal(ino);
    ASSERT_TRUE(sealed.ok()) << sealed.status().message();
    ASSERT_EQ((*sealed)->hash().hash, hash_of(bytes_of(model)));
  }
}

}  // namespace
}  // namespace modelfs
