// An archive that needs more space than there is.
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include "archive/building.h"
#include "support/ingest_fixture.h"

namespace modelfs {
namespace {

class ArchiveSpace : public IngestFixture {
 protected:
  void SetUp() override {
    struct statvfs figures {};
    ASSERT_EQ(::fstatvfs(directory_.fd(), &figures), 0);
    const std::uint64_t free_bytes = figures.f_bavail * figures.f_frsize;
    if (free_bytes <= kLeftBytes) GTEST_SKIP() << "the disk is full";
    auto opened = Registry::open(make_memory_engine(), directory_.fd(),
                                 {.grace_seconds = 0, .reserve_bytes = free_bytes - kLeftBytes});
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    registry_ = std::move(*opened);
    auto ingest = Ingest::open(*registry_);
    ASSERT_TRUE(ingest.ok()) << ingest.status().message();
    ingest_ = std::move(*ingest);
    domain_.emplace(make_domain());
  }
  // A tar whose one member says that it has so many bytes, and brings only the first of them.
  static std::string announcing(std::uint64_t size_bytes) {
    TarHeader header{.name = "weights"};
    header.size = octal(size_bytes, 11);
    return header.bytes() + std::string(4096, 'x');
  }
  Result<Published> publish_tar(const std::string& tar) {
    const Ino place = registry_->snapshot()->domain(*domain_)->uploads();
    const Ino file = write_file(place, "upload", tar);
    return ingest_->archives.publish({file, place, "upload", ".tar", target("churn/1.0"), kRoot, nullptr, nullptr});
  }

  static constexpr std::uint64_t kLeftBytes = 1ull << 30;  // beside what others write meanwhile
  std::optional<DomainName> domain_;
};

TEST_F(ArchiveSpace, IsJudgedByWhatAMemberAnnouncesBeforeItIsWritten) {
  const auto refused = publish_tar(announcing(2 * kLeftBytes));

  EXPECT_EQ(refused.code(), Code::NoSpace);
  EXPECT_NE(refused.status().message().find("no room for member 'weights' of 2147483648 bytes"), std::string::npos)
      << refused.status().message();
}

TEST_F(ArchiveSpace, IsThereForWhatFits) {
  const auto torn = publish_tar(announcing(kLeftBytes / 2));

  EXPECT_EQ(torn.code(), Code::Malformed) << "it is cut off: " << torn.status().message();
}

}  // namespace
}  // namespace modelfs
