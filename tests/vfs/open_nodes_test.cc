#include "vfs/open_nodes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace modelfs {
namespace {

constexpr Ino kNode{7};
constexpr int kDescriptor = 3;

// Lends everything, each time under another number, and knows what is lent.
class GenerousKernel final : public KernelReads {
 public:
  Backing register_backing(int) override {
    const MutexLock lock(mutex_);
    const Backing backing{++last_};
    lent_.insert(backing);
    return backing;
  }
  void unregister_backing(Backing backing) override {
    const MutexLock lock(mutex_);
    EXPECT_EQ(lent_.erase(backing), 1u) << "given back twice, or never lent";
  }
  ReadMode mode() const override { return {.by_kernel = true, .reason = ""}; }
  bool maps_direct_files() const override { return maps_direct; }
  bool maps_direct = true;
  std::size_t lent() const {
    const MutexLock lock(mutex_);
    return lent_.size();
  }

 private:
  mutable Mutex mutex_;
  std::int32_t last_ GUARDED_BY(mutex_) = 0;
  std::set<Backing> lent_ GUARDED_BY(mutex_);
};

TEST(OpenNodes, AllOpensOfANodeHaveOneBacking) {
  GenerousKernel kernel;
  OpenNodes nodes(&kernel);

  const auto first = nodes.open(kNode, kDescriptor);
  const auto second = nodes.open(kNode, kDescriptor);

  EXPECT_NE(first->backing(), kNoBacking);
  EXPECT_EQ(second->backing(), first->backing());
  EXPECT_EQ(kernel.lent(), 1u);
}

TEST(OpenNodes, ABackingIsGivenBackAtTheLastCloseAndNotBefore) {
  GenerousKernel kernel;
  OpenNodes nodes(&kernel);
  auto first = nodes.open(kNode, kDescriptor);
  auto second = nodes.open(kNode, kDescriptor);

  first.reset();
  EXPECT_EQ(nodes.find(kNode), second->backing());
  EXPECT_EQ(kernel.lent(), 1u);

  second.reset();
  EXPECT_EQ(nodes.find(kNode), std::nullopt);
  EXPECT_EQ(kernel.lent(), 0u);
}

TEST(OpenNodes, ANodeThatTheDaemonServesStaysItsUntilTheLastClose) {
  GenerousKernel kernel;
  OpenNodes nodes(&kernel);
  auto draft = nodes.open(kNode, std::nullopt);
  auto published = nodes.open(kNode, kDescriptor);
  EXPECT_EQ(published->backing(), kNoBacking);

  draft.reset();
  EXPECT_EQ(nodes.open(kNode, kDescriptor)->backing(), kNoBacking);
  published.reset();

  EXPECT_NE(nodes.open(kNode, kDescriptor)->backing(), kNoBacking);
}

TEST(OpenNodes, WithoutAKernelTheDaemonServesAll) {
  OpenNodes nodes(nullptr);

  EXPECT_EQ(nodes.open(kNode, kDescriptor)->backing(), kNoBacking);
  EXPECT_FALSE(nodes.mode().by_kernel);
}

TEST(OpenNodes, OpensOfOneNodeAtOnceAgreeAndLoseNothing) {
  GenerousKernel kernel;
  OpenNodes nodes(&kernel);
  std::atomic<int> differ = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const auto one = nodes.open(kNode, kDescriptor);
        const auto other = nodes.open(kNode, kDescriptor);
        if (one->backing() != other->backing()) ++differ;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(differ, 0);
  EXPECT_EQ(kernel.lent(), 0u);
  EXPECT_EQ(nodes.figures().lent, 0u);
  EXPECT_EQ(nodes.figures().by_kernel, 16'000u);
}

TEST(OpenNodes, ANodeThatIsOpenedOnlyToWriteItIsDirectForAllUntilTheLastClose) {
  GenerousKernel kernel;
  OpenNodes nodes(&kernel);

  auto writer = nodes.open(kNode, std::nullopt, true);
  auto reader = nodes.open(kNode, std::nullopt);
  EXPECT_TRUE(writer->is_direct());
  EXPECT_TRUE(reader->is_direct());
  writer.reset();
  EXPECT_TRUE(nodes.open(kNode, kDescriptor)->is_direct()) << "published meanwhile";
  reader.reset();

  reader = nodes.open(kNode, std::nullopt);
  EXPECT_FALSE(reader->is_direct());
  EXPECT_FALSE(nodes.open(kNode, std::nullopt, true)->is_direct()) << "the reader may have pages of it";
}

TEST(OpenNodes, NoNodeIsDirectWhereSuchFilesCannotBeMapped) {
  GenerousKernel kernel;
  kernel.maps_direct = false;
  OpenNodes nodes(&kernel);

  EXPECT_FALSE(nodes.open(kNode, std::nullopt, true)->is_direct());
}

}  // namespace
}  // namespace modelfs
