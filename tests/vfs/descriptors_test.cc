#include "vfs/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <vector>

namespace modelfs {
namespace {

class DescriptorsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0); }
  void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &before_); }
  // Of this process, while the test runs.
  void limit(rlim_t files) const {
    rlimit low = before_;
    low.rlim_cur = files;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  static std::size_t takes(Descriptors& descriptors) {
    std::vector<std::unique_ptr<const Descriptors::Use>> uses;
    for (auto next = descriptors.take(); next.ok(); next = descriptors.take()) uses.push_back(*std::move(next));
    return uses.size();
  }

  rlimit before_{};
};

TEST_F(DescriptorsTest, LeaveTheDaemonItsOwn) {
  limit(2000);
  Descriptors descriptors;

  EXPECT_EQ(takes(descriptors), 2000 - Descriptors::kReserved);
  EXPECT_EQ(takes(descriptors), 2000 - Descriptors::kReserved) << "they were given back";
}

TEST_F(DescriptorsTest, LeaveHalfOfALowLimit) {
  limit(600);
  Descriptors descriptors;

  EXPECT_EQ(takes(descriptors), 300u);
}

TEST_F(DescriptorsTest, SayThatNoneIsLeft) {
  limit(8);
  Descriptors descriptors;
  std::vector<std::unique_ptr<const Descriptors::Use>> uses;
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(descriptors.check().ok());
    uses.push_back(*descriptors.take());
  }

  EXPECT_EQ(descriptors.take().status().host_errno(), ENFILE);
  EXPECT_EQ(descriptors.check().host_errno(), ENFILE);
  uses.pop_back();
  EXPECT_TRUE(descriptors.take().ok());
}

}  // namespace
}  // namespace modelfs
