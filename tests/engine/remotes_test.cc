// Every engine's Remote, against the contract.
#include "engine/memory/memory_remote.h"
#include "store/remote_contract.h"

namespace modelfs {
namespace {

struct MemoryHosts {
  static constexpr int kRaces = 100;
  static constexpr std::size_t kListed = 1'100;
  std::shared_ptr<MemoryBucket> bucket = std::make_shared<MemoryBucket>();
  static std::string why_not() { return ""; }
  std::unique_ptr<Remote> host() const { return std::make_unique<MemoryRemote>(bucket); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, RemoteContract, MemoryHosts);

}  // namespace
}  // namespace modelfs
