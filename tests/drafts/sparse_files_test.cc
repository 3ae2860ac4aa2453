// Draft files with holes: what they cost is bounded, and ends with them.
#include <gtest/gtest.h>

#include "drafts/holes.h"
#include "support/becomes_true.h"
#include "support/registry_fixture.h"

namespace modelfs {
namespace {

class SparseFiles : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    domain_.emplace(make_domain());
    draft_ = make_directory(stage(*domain_), "x");
  }
  std::unique_ptr<DraftHandle> create(std::string_view name) {
    const auto made = registry_->drafts().tree().make(draft_, name, {FileType::Regular, {0, 0, 0644}, ""});
    EXPECT_TRUE(made.ok());
    auto handle = registry_->drafts().files().open(made->ino, true, 0);
    EXPECT_TRUE(handle.ok());
    return std::move(*handle);
  }
  // A closed file that is one hole. Its number.
  Ino make_hole(std::string_view name, std::uint64_t size_bytes) {
    const auto handle = create(name);
    EXPECT_TRUE(handle->file().truncate(size_bytes).ok());
    EXPECT_TRUE(handle->flush().ok());
    return handle->file().ino();
  }
  Result<Published> publish_draft(HashBudget budget) {
    return publish(draft_, stage(*domain_), "x", "churn/1.0", budget);
  }

  std::optional<DomainName> domain_;
  Ino draft_ = kNoIno;
};

TEST_F(SparseFiles, AreSummedAsTheZerosThatTheirHolesReadAs) {
  constexpr std::uint64_t kMiB = 1 << 20;
  constexpr std::uint64_t kSize = 9 * kMiB + 5;
  std::string dense(kSize, '\0');
  {
    const auto handle = create("weights");
    for (const std::uint64_t at : {3 * kMiB - 7, std::uint64_t{0}, 6 * kMiB + 4095}) {
      ASSERT_TRUE(handle->write(at, bytes_of("some bytes")).ok());
      dense.replace(at, 10, "some bytes");
    }
    ASSERT_TRUE(handle->file().truncate(kSize).ok());
    ASSERT_TRUE(handle->flush().ok());
  }

  ASSERT_TRUE(publish_draft(HashBudget::Full).ok());

  const auto container = registry_->snapshot()->container(draft_);
  ASSERT_TRUE(container.ok());
  const ManifestEntry& entry = container->manifest->at(*container->manifest->find("weights"));
  EXPECT_EQ(entry.hash, hash_of(bytes_of(dense)));
}

TEST_F(SparseFiles, AreSummedByTheirCloseUpToALimit) {
  const Ino at_limit = make_hole("at", kCloseHoleBytesMax);
  const Ino beyond = make_hole("beyond", kCloseHoleBytesMax + 4096);

  const auto unsummed = [&](Ino file) {
    return (*registry_->drafts().files().open(file, false, 0))->file().unhashed_bytes();
  };
  EXPECT_EQ(unsummed(at_limit), 0u);
  EXPECT_EQ(unsummed(beyond), kCloseHoleBytesMax + 4096);
}

TEST_F(SparseFiles, AreSummedByTheCommandThatPublishesThem) {
  make_hole("beyond", kCloseHoleBytesMax + 4096);

  const auto published = publish_draft(HashBudget::Full);

  ASSERT_TRUE(published.ok()) << published.status().message();
  EXPECT_EQ(published->total_bytes, kCloseHoleBytesMax + 4096);
}

TEST_F(SparseFiles, OfMoreThanALimitAreNoRenames) {
  const Ino file = make_hole("at", kRenameHoleBytesMax);
  EXPECT_EQ(publish_draft(HashBudget::Short).code(), Code::Busy) << "it is summed behind";
  make_hole("one more", kCloseHoleBytesMax + 4096);

  const auto refused = publish_draft(HashBudget::Short);

  EXPECT_EQ(refused.code(), Code::TooLarge);
  EXPECT_NE(refused.status().message().find("modelfs commit"), std::string::npos) << refused.status().message();
  EXPECT_TRUE(registry_->drafts().tree().stat(file).ok()) << "the draft is as it was";
  for (const char* name : {"at", "one more"}) ASSERT_TRUE(registry_->drafts().tree().unlink(draft_, name).ok());
}

TEST_F(SparseFiles, KeepNoThreadFromOthersOnceTheyAreRemoved) {
  const Ino other = make_directory(stage(*domain_), "y");
  for (const char* name : {"a", "b"}) make_hole(name, kRenameHoleBytesMax / 2);
  ASSERT_EQ(publish_draft(HashBudget::Short).code(), Code::Busy);
  for (const char* name : {"a", "b"}) ASSERT_TRUE(registry_->drafts().tree().unlink(draft_, name).ok());
  {
    const auto made = registry_->drafts().tree().make(other, "weights", {FileType::Regular, {0, 0, 0644}, ""});
    const auto handle = registry_->drafts().files().open(made->ino, true, 0);
    ASSERT_TRUE((*handle)->file().truncate(kCloseHoleBytesMax + 4096).ok());
    ASSERT_TRUE((*handle)->flush().ok());
  }
  const auto publish_other = [&] { return publish(other, stage(*domain_), "y", "churn/2.0", HashBudget::Short); };
  EXPECT_EQ(publish_other().code(), Code::Busy);

  EXPECT_TRUE(becomes_true([&] { return publish_other().ok(); }));
}

TEST_F(SparseFiles, AreHashedInTurnsWithThoseOfOtherUsers) {
  const auto draft_of = [&](std::string_view name, uid_t user, std::uint64_t size_bytes, int count) {
    const Ino draft = make_directory(stage(*domain_), name);
    for (int i = 0; i < count; ++i) {
      const auto made =
          registry_->drafts().tree().make(draft, std::to_string(i), {FileType::Regular, {user, user, 0644}, ""});
      const auto handle = registry_->drafts().files().open(made->ino, true, 0);
      EXPECT_TRUE((*handle)->file().truncate(size_bytes).ok());
      EXPECT_TRUE((*handle)->flush().ok());
    }
    EXPECT_EQ(publish(draft, stage(*domain_), name, "churn/" + std::string(name), HashBudget::Short).code(),
              Code::Busy);
    return draft;
  };
  const Ino large = draft_of("1.0", 61'001, kRenameHoleBytesMax / 4, 4);
  const Ino small = draft_of("2.0", 61'002, kCloseHoleBytesMax + 4096, 1);

  EXPECT_TRUE(
      becomes_true([&] { return publish(small, stage(*domain_), "2.0", "churn/2.0", HashBudget::Short).ok(); }));

  // As much was hashed for the one as for the other, give or take what two threads have under way.
  const auto names = registry_->drafts().tree().list(large);
  ASSERT_TRUE(names.ok());
  for (const DraftName& name : *names) {
    const auto handle = registry_->drafts().files().open(name.ino, false, 0);
    EXPECT_GT((*handle)->file().unhashed_bytes(), kRenameHoleBytesMax / 8) << name.name;
    ASSERT_TRUE(registry_->drafts().tree().unlink(large, name.name).ok());
  }
}

TEST_F(SparseFiles, ThatAreChangedWhileTheyAreHashedBehindKeepNoHashOfBefore) {
  const Ino file = make_hole("weights", kCloseHoleBytesMax + 4096);
  const Ino later = make_hole("later", 2 * kCloseHoleBytesMax);
  ASSERT_EQ(publish_draft(HashBudget::Short).code(), Code::Busy) << "it is hashed behind";
  {
    const auto handle = registry_->drafts().files().open(file, true, 0);
    ASSERT_TRUE(handle.ok());
    ASSERT_TRUE((*handle)->write(4096, bytes_of("changed")).ok());
    ASSERT_TRUE((*handle)->flush().ok());
  }
  const auto unhashed = [&](Ino which) {
    return (*registry_->drafts().files().open(which, false, 0))->file().unhashed_bytes();
  };
  ASSERT_TRUE(becomes_true([&] { return unhashed(later) == 0; }));

  ASSERT_TRUE(publish_draft(HashBudget::Full).ok());

  std::string dense(kCloseHoleBytesMax + 4096, '\0');
  dense.replace(4096, 7, "changed");
  const auto container = registry_->snapshot()->container(draft_);
  ASSERT_TRUE(container.ok());
  EXPECT_EQ(container->manifest->at(*container->manifest->find("weights")).hash, hash_of(bytes_of(dense)));
}

TEST_F(SparseFiles, WhoseCloserIsKilledAreLeftToWhoPublishesThem) {
  constexpr std::uint64_t kSize = kCloseHoleBytesMax;
  auto handle = create("weights");
  ASSERT_TRUE(handle->file().truncate(kSize).ok());
  int asked = 0;

  ASSERT_TRUE(handle->flush([&] { return ++asked >= 3; }).ok());

  const std::uint64_t left_bytes = handle->file().unhashed_bytes();
  EXPECT_GT(left_bytes, kSize / 2) << "it ends soon";
  EXPECT_LT(left_bytes, kSize) << "what was hashed counts";
  ASSERT_TRUE(handle->flush().ok());
  EXPECT_EQ(handle->file().unhashed_bytes(), 0u);
  handle.reset();
  ASSERT_TRUE(publish_draft(HashBudget::Short).ok());
  const auto container = registry_->snapshot()->container(draft_);
  EXPECT_EQ(container->manifest->at(*container->manifest->find("weights")).hash,
            hash_of(bytes_of(std::string(kSize, '\0'))));
}

TEST_F(SparseFiles, AreNoUploadsBeyondTheLimit) {
  for (const std::uint64_t more_bytes : {std::uint64_t{0}, std::uint64_t{4096}}) {
    SCOPED_TRACE(more_bytes);
    const std::string name = "a" + std::to_string(more_bytes);
    const Ino file = make_hole(name, kCloseHoleBytesMax + more_bytes);

    const auto sealed = registry_->drafts().sealer().seal(file);

    EXPECT_EQ(sealed.code(), more_bytes == 0 ? Code::Ok : Code::TooLarge);
  }
}

}  // namespace
}  // namespace modelfs
