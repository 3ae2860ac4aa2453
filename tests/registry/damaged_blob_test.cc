// Publishing the right bytes onto a damaged blob mends it, also for those who have it open.
#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "registry/commit.h"
#include "support/registry_on_disk.h"

namespace modelfs {
namespace {

class DamagedBlob : public RegistryOnDisk {
 protected:
  void SetUp() override {
    RegistryOnDisk::SetUp();
    domain_ = make_domain();
  }

  Published publish_as(std::string_view path, const std::string& bytes, HashBudget budget = HashBudget::Full) {
    const Ino place = stage(*domain_);
    const std::string name = "draft-" + std::to_string(++drafts_made_);
    const Ino draft = make_directory(place, name);
    write_file(draft, "weights", bytes);
    auto published = publish(draft, place, name, path, budget);
    EXPECT_TRUE(published.ok()) << published.status().message();
    return published.ok() ? *published : Published();
  }
  std::string path_of(const std::string& bytes) const {
    const std::string hex = hash_of(bytes_of(bytes)).digest.hex();
    return directory_.path() + "/blobs/" + hex.substr(0, 2) + "/" + hex;
  }
  // As a disk does: the file's names, size and times stay.
  void damage(const std::string& bytes) {
    const std::string path = path_of(bytes);
    ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    const File file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(write_at(file.fd(), 1000, bytes_of("damage")).ok());
    ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  }
  static Ino container(const Published& published) { return published.containers.front().first; }
  std::shared_ptr<const ContentReader> open_weights(Ino directory) {
    const auto found = registry_->snapshot()->container(directory);
    return *registry_->content().open(found->manifest->at(*found->manifest->find("weights")));
  }
  static std::string all_of(const ContentReader& content) {
    std::string bytes(content.size_bytes(), '\0');
    const auto got = content.read_at(0, std::as_writable_bytes(std::span(bytes)));
    return got.ok() && *got == bytes.size() ? bytes : "short";
  }

  std::optional<DomainName> domain_;
  const std::string bytes_ = std::string(300'000, 'w');
};

TEST_F(DamagedBlob, IsReplacedWhenItsBytesArePublishedAgain) {
  const Ino first = container(publish_as("churn/1", bytes_));
  damage(bytes_);
  ASSERT_TRUE(read_committed(first, "weights") != bytes_);

  const Ino second = container(publish_as("churn/2", bytes_, HashBudget::Short));

  EXPECT_TRUE(read_committed(first, "weights") == bytes_);
  EXPECT_TRUE(read_committed(second, "weights") == bytes_);
}

TEST_F(DamagedBlob, ThatIsCutOffIsReplaced) {
  const Ino first = container(publish_as("churn/1", bytes_));
  ASSERT_EQ(::chmod(path_of(bytes_).c_str(), 0600), 0);
  ASSERT_EQ(::truncate(path_of(bytes_).c_str(), 1000), 0);

  publish_as("churn/2", bytes_, HashBudget::Short);

  EXPECT_TRUE(read_committed(first, "weights") == bytes_);
}

TEST_F(DamagedBlob, IsMendedForWhoHasItOpen) {
  const Ino first = container(publish_as("churn/1", bytes_));
  ASSERT_TRUE(registry_->garbage().finish_sweeping().ok()) << "until then its draft has the file too";
  damage(bytes_);
  const auto open = open_weights(first);
  ASSERT_TRUE(all_of(*open) != bytes_);

  publish_as("churn/2", bytes_);

  EXPECT_TRUE(all_of(*open) == bytes_);
}

TEST_F(DamagedBlob, ThatVerifyFoundIsReplaced) {
  const Ino first = container(publish_as("churn/1", bytes_));
  damage(bytes_);
  const auto found = registry_->verifier().verify("", "", {});
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->problems.size(), 1u);

  publish_as("churn/2", bytes_, HashBudget::Short);

  EXPECT_TRUE(read_committed(first, "weights") == bytes_);
  EXPECT_TRUE(registry_->verifier().verify("", "", {})->problems.empty());
}

TEST_F(DamagedBlob, OneThatIsWholeKeepsItsFile) {
  publish_as("churn/1", bytes_);
  struct stat before {};
  ASSERT_EQ(::stat(path_of(bytes_).c_str(), &before), 0);

  publish_as("churn/2", bytes_);

  struct stat after {};
  ASSERT_EQ(::stat(path_of(bytes_).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino) << "who has both open shares their memory";
}

// Two reads of each byte would make a rename of what is larger long.
TEST_F(DamagedBlob, ARenameComparesUpToItsBound) {
  const std::string most(Commit::kRenameCompareBytesMax, 'm');
  const std::string more(Commit::kRenameCompareBytesMax + 1, 'm');
  publish_as("churn/1", most);
  publish_as("churn/2", more);
  damage(most);
  damage(more);

  const Ino mended = container(publish_as("churn/3", most, HashBudget::Short));
  const Ino believed = container(publish_as("churn/4", more, HashBudget::Short));
  EXPECT_TRUE(read_committed(mended, "weights") == most);
  EXPECT_TRUE(read_committed(believed, "weights") != more);

  const Ino by_command = container(publish_as("churn/5", more, HashBudget::Full));
  EXPECT_TRUE(read_committed(by_command, "weights") == more);
}

}  // namespace
}  // namespace modelfs
