// ForML's packages that are directories: which change of a draft ends a copy, and what that publishes.
#include "ingest/forml_package_upload.h"

#include <unistd.h>

#include "support/client_mount_fixture.h"

namespace modelfs {
namespace {

constexpr const char* kManifest = "NAME = \"churn\"\nVERSION = \"0.1\"\nPACKAGE = \"churn\"\nMODULES = {}\n";

class PackageCopies : public ClientMountFixture {
 protected:
  void SetUp() override {
    ClientMountFixture::SetUp();
    domain_ = std::make_unique<DomainName>(make_domain());
    packages_ = std::make_unique<FormlPackageUploads>(*registry_, *this);
  }
  static Node directory(std::uint64_t number) {
    Node node;
    node.ino = Ino{number};
    return node;
  }
  bool sets_times(std::uint64_t number, const Credentials& who) {
    DraftChange change;
    change.mtime = TimeNs{1};
    return packages_->ends_copy(who, directory(number), change);
  }
  bool sets_mode(std::uint64_t number, const Credentials& who) {
    DraftChange change;
    change.mode = 0755;
    return packages_->ends_copy(who, directory(number), change);
  }

  const Credentials who_{0, 0, ::getpid(), {}};
  const Credentials other_{0, 0, ::getppid(), {}};
  std::unique_ptr<DomainName> domain_;
  std::unique_ptr<FormlPackageUploads> packages_;
};

TEST_F(PackageCopies, TheModeAfterTheTimesByTheSameProcessEndsACopyOnce) {
  EXPECT_FALSE(sets_mode(1, who_));
  EXPECT_FALSE(sets_times(1, who_));
  EXPECT_TRUE(packages_->may_publish(Ino{1}));
  EXPECT_TRUE(sets_mode(1, who_));
  EXPECT_FALSE(sets_mode(1, who_));
  EXPECT_FALSE(packages_->may_publish(Ino{1}));
}

TEST_F(PackageCopies, AnotherProcessEndsNoCopy) {
  EXPECT_FALSE(sets_times(1, who_));
  EXPECT_FALSE(sets_mode(1, other_));
}

TEST_F(PackageCopies, AtTheirLimitAllAreKnownAndOneBeyondOnlyTheOldestIsForgotten) {
  for (std::size_t i = 1; i <= FormlPackageUploads::kCopiesMax; ++i) sets_times(i, who_);
  for (std::size_t i = 1; i <= FormlPackageUploads::kCopiesMax; ++i) ASSERT_TRUE(packages_->may_publish(Ino{i}));

  sets_times(FormlPackageUploads::kCopiesMax + 1, who_);

  EXPECT_FALSE(packages_->may_publish(Ino{1}));
  for (std::size_t i = 2; i <= FormlPackageUploads::kCopiesMax + 1; ++i) {
    ASSERT_TRUE(packages_->may_publish(Ino{i})) << i;
  }
}

TEST_F(PackageCopies, APackageUnderAVersionsNameIsPublishedAndOtherDirectoriesStayDrafts) {
  const Node domain = know_domain(*domain_);
  const Ino version = make_directory(domain.ino, "0.1");
  const Ino package = make_directory(version, "package.4ml");
  EXPECT_TRUE(packages_->publish_copy(who_, package).ok());
  EXPECT_TRUE(rebound_.empty());
  write_file(package, "__4ml__.py", kManifest);
  EXPECT_TRUE(packages_->publish_copy(who_, version).ok());
  EXPECT_TRUE(rebound_.empty());

  const Status status = packages_->publish_copy(who_, package);

  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(rebound_, std::vector<std::string>{"0.1"});
  EXPECT_TRUE(registry_->snapshot()->release(*domain_, "0.1").ok());
}

}  // namespace
}  // namespace modelfs
