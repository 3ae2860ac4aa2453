// How a frozen draft becomes a release and the generations that come with it.
#include "registry/package.h"

#include "catalog/samples.h"
#include "support/registry_fixture.h"

namespace modelfs {
namespace {

class PackageTest : public RegistryFixture {
 protected:
  void SetUp() override {
    RegistryFixture::SetUp();
    draft_ = make_directory(stage(make_domain()), "x");
  }
  // The numbers of the generations that the draft comes with.
  std::vector<std::uint64_t> generations(bool is_release = true) {
    const auto frozen = registry_->drafts().freezer().freeze(draft_);
    EXPECT_TRUE(frozen.ok()) << frozen.status().message();
    const Package package = split_package(**frozen, is_release);
    takes_generations_ = package.takes_generations;
    std::vector<std::uint64_t> numbers;
    for (std::size_t i = 1; i < package.parts.size(); ++i) numbers.push_back(raw(package.parts[i].generation));
    return numbers;
  }

  Ino draft_ = kNoIno;
  bool takes_generations_ = false;
};

using Numbers = std::vector<std::uint64_t>;

TEST_F(PackageTest, WithoutNumbersIsOnePartAndTakesGenerationsLater) {
  write_file(draft_, "weights", "w");
  EXPECT_EQ(generations(), Numbers{});
  EXPECT_TRUE(takes_generations_);
}

TEST_F(PackageTest, WithDirectoriesFromOneUpBringsGenerationsInOrder) {
  for (const char* name : {"10", "2", "1", "3", "4", "5", "6", "7", "8", "9"}) make_directory(draft_, name);
  EXPECT_EQ(generations(), (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
}

TEST_F(PackageTest, WithAGapInItsNumbersHasThemAsContentForEver) {
  for (const char* name : {"1", "3"}) make_directory(draft_, name);
  EXPECT_EQ(generations(), Numbers{});
  EXPECT_FALSE(takes_generations_);
}

TEST_F(PackageTest, WithANumberThatIsNoneHasThemAsContent) {
  for (const char* name : {"1", "02"}) make_directory(draft_, name);
  EXPECT_EQ(generations(), Numbers{});
  EXPECT_FALSE(takes_generations_);
}

TEST_F(PackageTest, WithAFileThatIsCalledByANumberHasThemAsContent) {
  make_directory(draft_, "1");
  write_file(draft_, "2", "two");
  EXPECT_EQ(generations(), Numbers{});
  EXPECT_FALSE(takes_generations_);
}

TEST_F(PackageTest, OfAGenerationIsOnePartWhateverItHolds) {
  for (const char* name : {"1", "2"}) make_directory(draft_, name);
  EXPECT_EQ(generations(false), Numbers{});
}

TEST_F(PackageTest, WithNumbersBelowItsTopBringsNoGenerations) {
  make_directory(make_directory(draft_, "sub"), "1");
  EXPECT_EQ(generations(), Numbers{});
  EXPECT_TRUE(takes_generations_);
}

TEST_F(PackageTest, MayHaveSymlinksThatStayInsideAndNoOthers) {
  struct Case {
    const char* target;
    bool stays;
  };
  for (const auto& [target, stays] :
       {Case{"weights", true}, Case{"./sub/../weights", true}, Case{"nothing", true}, Case{"/etc/passwd", false},
        Case{"../outside", false}, Case{"sub/../../x", false}, Case{"nothing/../../x", false}, Case{"link", false}}) {
    ManifestBuilder builder(directory_entry(""));
    builder.add(0, directory_entry("sub"));
    builder.add(0, file_entry("weights", "w"));
    builder.add(0, symlink_entry("link", target));
    const Status status = check_symlinks(*builder.build());
    EXPECT_EQ(status.ok(), stays) << target;
    if (!stays) {
      EXPECT_EQ(status.code(), Code::Malformed) << target;
    }
  }
}

}  // namespace
}  // namespace modelfs
