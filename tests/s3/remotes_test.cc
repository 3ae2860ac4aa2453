// S3Remote against the contract, in the bucket of a real server that tests/remote/servers.py has started.
#include "engine/s3/s3_remote.h"
#include "s3/test_bucket.h"
#include "store/remote_contract.h"

namespace modelfs {
namespace {

struct S3Hosts {
  static constexpr int kRaces = 20;
  static constexpr std::size_t kListed = 1'100;
  TestBucket bucket;
  static std::string why_not() { return TestBucket::why_not(); }
  std::unique_ptr<Remote> host() const { return bucket.open(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(S3Server, RemoteContract, S3Hosts);

}  // namespace
}  // namespace modelfs
