// Every engine's Remote, against the contract.
#include "engine/memory/memory_remote.h"
#include "engine/shared_dir/shared_dir_remote.h"
#include "store/remote_contract.h"
#include "store/scratch_directory.h"

namespace modelfs {
namespace {

struct MemoryHosts {
  static constexpr int kRaces = 100;
  static constexpr std::size_t kListed = 1'100;
  std::shared_ptr<MemoryBucket> bucket = std::make_shared<MemoryBucket>();
  static std::string why_not() { return ""; }
  std::unique_ptr<Remote> host() const { return std::make_unique<MemoryRemote>(bucket); }
};

struct SharedDirHosts {
  static constexpr int kRaces = 100;
  static constexpr std::size_t kListed = 200;
  ScratchDirectory directory;
  static std::string why_not() { return ""; }
  std::unique_ptr<Remote> host() const {
    auto opened = open_shared_dir_remote(directory.path());
    EXPECT_TRUE(opened.ok()) << opened.status().str();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, RemoteContract, MemoryHosts);
INSTANTIATE_TYPED_TEST_SUITE_P(SharedDir, RemoteContract, SharedDirHosts);

}  // namespace
}  // namespace modelfs
