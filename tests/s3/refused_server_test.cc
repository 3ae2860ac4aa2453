// A server that cannot hold a registry: MODELFS_TEST_S3_REFUSED says that it is one.
#include <cstdlib>

#include "engine/s3/s3_remote.h"
#include "s3/test_bucket.h"

namespace modelfs {
namespace {

TEST(S3ServerRefused, AServerThatIgnoresConditionsIsRefusedByWhatItDid) {
  if (std::getenv("MODELFS_TEST_S3_REFUSED") == nullptr) GTEST_SKIP() << "MODELFS_TEST_S3_REFUSED names no server";
  const auto remote = TestBucket().open();

  const auto facts = remote->probe(std::chrono::steady_clock::now() + std::chrono::seconds(60));

  EXPECT_EQ(facts.code(), Code::Unsupported) << facts.status().str();
  const std::string message = facts.status().message();
  EXPECT_NE(message.find("took a second put"), std::string::npos) << message;
  EXPECT_NE(message.find("If-None-Match"), std::string::npos) << message;
}

}  // namespace
}  // namespace modelfs
