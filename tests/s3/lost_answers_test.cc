// What put_if_absent says holds, whatever happens to requests and answers: run behind tests/remote/fault_proxy.py, and
// by tests/remote/killed_server.py.
#include <array>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "engine/s3/s3_remote.h"
#include "s3/test_bucket.h"

namespace modelfs {
namespace {

using Created = Remote::Created;

constexpr std::size_t kHosts = 8;
constexpr std::size_t kSlots = 60;

// A server that was killed comes back in that time.
Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(120); }

// MODELFS_TEST_UNTIL names a file: slots are filled until it is there.
bool is_over(std::size_t slots) {
  const char* const until = std::getenv("MODELFS_TEST_UNTIL");
  return slots >= kSlots && (until == nullptr || std::filesystem::exists(until));
}

std::string name_of(std::size_t slot) { return "log/" + std::to_string(slot); }

std::string bytes_by(std::size_t slot, std::size_t host) {
  return "slot " + std::to_string(slot) + " by " + std::to_string(host);
}

// The first answer, and the one that decides: until then the same bytes are put again.
struct Answers {
  Code first = Code::Ok;
  Result<Created> last = Created::Already;
  bool is_winner() const { return last.ok() && *last == Created::Now; }
  bool is_failure() const { return first != Code::Ok && first != Code::Unsettled; }
};
using Told = std::array<Answers, kHosts>;

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

void check(std::size_t slot, const Told& told, const std::string& stored) {
  int winners = 0;
  int authors = 0;
  for (std::size_t me = 0; me < kHosts; ++me) {
    const Answers& answers = told[me];
    const bool is_mine = stored == bytes_by(slot, me);
    authors += is_mine ? 1 : 0;
    winners += answers.is_winner() ? 1 : 0;
    EXPECT_TRUE(answers.last.ok()) << "slot " << slot << ": " << answers.last.status().str();
    EXPECT_TRUE(is_mine || !answers.is_winner()) << "slot " << slot << ": won by " << me << ", has " << stored;
    EXPECT_FALSE(is_mine && answers.is_failure()) << "slot " << slot << ": told " << code_name(answers.first);
    // Who hears Already at once has lost.
    EXPECT_FALSE(is_mine && answers.first == Code::Ok && !answers.is_winner()) << "slot " << slot << " by " << me;
  }
  EXPECT_EQ(authors, 1) << "slot " << slot << " has " << stored;
  EXPECT_LE(winners, 1) << "slot " << slot;
}

TEST(S3ServerLostAnswers, OfEightThatFillASlotUntilTheyAreToldOneHasItsBytesInIt) {
  if (const std::string reason = TestBucket::why_not(); !reason.empty()) GTEST_SKIP() << reason;
  const TestBucket bucket;
  std::array<std::unique_ptr<Remote>, kHosts> hosts;
  for (auto& host : hosts) host = bucket.open();
  std::vector<Told> told;
  bool over = false;
  std::barrier line(static_cast<std::ptrdiff_t>(kHosts), [&]() noexcept {
    over = is_over(told.size());
    if (!over) told.emplace_back();
  });
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me < kHosts; ++me) {
    threads.emplace_back([&, me] {
      for (std::size_t slot = 0;; ++slot) {
        line.arrive_and_wait();
        if (over) return;
        told[slot][me] = fill(*hosts[me], name_of(slot), bytes_by(slot, me));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  std::size_t unsettled = 0;
  for (std::size_t slot = 0; slot < told.size(); ++slot) {
    const auto stored = get_whole(*hosts[0], name_of(slot), 1024, soon());
    ASSERT_TRUE(stored.ok()) << stored.status().str();
    check(slot, told[slot], *stored);
    for (const Answers& answers : told[slot]) unsettled += answers.first == Code::Unsettled ? 1 : 0;
  }
  std::printf("%zu slots; %zu of %zu first answers were unsettled\n", told.size(), unsettled, told.size() * kHosts);
}

}  // namespace
}  // namespace modelfs
