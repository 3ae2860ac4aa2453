// What put_if_absent says holds, whatever a network does to requests and answers: run behind
// tests/remote/fault_proxy.py.
#include <array>
#include <barrier>
#include <string>
#include <thread>
#include <vector>

#include "engine/s3/s3_remote.h"
#include "s3/test_bucket.h"

namespace modelfs {
namespace {

using Created = Remote::Created;

constexpr std::size_t kHosts = 8;
constexpr int kSlots = 60;

Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

std::string bytes_by(int slot, std::size_t host) {
  return "slot " + std::to_string(slot) + " by " + std::to_string(host);
}

// The first answer, and the one that decides: until then the same bytes are put again.
struct Answers {
  Code first = Code::Ok;
  Result<Created> last = Created::Already;
  bool is_winner() const { return last.ok() && *last == Created::Now; }
  bool is_failure() const { return first != Code::Ok && first != Code::Unsettled; }
};

Answers fill(Remote& remote, const std::string& name, const std::string& bytes) {
  Answers answers;
  const Deadline deadline = soon();
  answers.last = remote.put_if_absent(name, bytes_of(bytes), deadline);
  answers.first = answers.last.code();
  while (answers.last.code() == Code::Unsettled && std::chrono::steady_clock::now() < deadline) {
    answers.last = remote.put_if_absent(name, bytes_of(bytes), deadline);
  }
  return answers;
}

TEST(S3ServerLostAnswers, OfEightThatFillASlotUntilTheyAreToldOneHasItsBytesInIt) {
  if (const std::string reason = TestBucket::why_not(); !reason.empty()) GTEST_SKIP() << reason;
  const TestBucket bucket;
  std::array<std::unique_ptr<Remote>, kHosts> hosts;
  for (auto& host : hosts) host = bucket.open();
  std::barrier line(kHosts);
  std::array<std::array<Answers, kHosts>, kSlots> told;
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me < kHosts; ++me) {
    threads.emplace_back([&, me] {
      for (int slot = 0; slot < kSlots; ++slot) {
        line.arrive_and_wait();
        told[static_cast<std::size_t>(slot)][me] = fill(*hosts[me], "log/" + std::to_string(slot), bytes_by(slot, me));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  int unsettled = 0;
  for (int slot = 0; slot < kSlots; ++slot) {
    const auto stored = get_whole(*hosts[0], "log/" + std::to_string(slot), 1024, soon());
    ASSERT_TRUE(stored.ok()) << stored.status().str();
    int winners = 0;
    bool is_of_one = false;
    for (std::size_t me = 0; me < kHosts; ++me) {
      const Answers& answers = told[static_cast<std::size_t>(slot)][me];
      const bool is_mine = *stored == bytes_by(slot, me);
      is_of_one = is_of_one || is_mine;
      winners += answers.is_winner() ? 1 : 0;
      unsettled += answers.first == Code::Unsettled ? 1 : 0;
      EXPECT_TRUE(is_mine || !answers.is_winner()) << "slot " << slot << ": won by " << me << ", has " << *stored;
      EXPECT_FALSE(is_mine && answers.is_failure()) << "slot " << slot << ": told " << code_name(answers.first);
      EXPECT_TRUE(answers.last.ok()) << "slot " << slot << ": " << answers.last.status().str();
      // Who hears Already at once has lost.
      EXPECT_FALSE(is_mine && answers.first == Code::Ok && !answers.is_winner()) << "slot " << slot << " by " << me;
    }
    EXPECT_TRUE(is_of_one) << "slot " << slot << " has " << *stored;
    EXPECT_LE(winners, 1) << "slot " << slot;
  }
  std::printf("%d of %d first answers were unsettled\n", unsettled, kSlots * static_cast<int>(kHosts));
}

}  // namespace
}  // namespace modelfs
