#include "cli/checks.h"

#include <gtest/gtest.h>

#include "os/open_files.h"
#include "os/subprocess.h"

namespace modelfs {
namespace {

TEST(Kernel, ReleasesAreRead) {
  EXPECT_EQ(parse_kernel_release("6.1.0-28-amd64"), (std::pair{6, 1}));
  EXPECT_EQ(parse_kernel_release("6.18.44-fc-v657"), (std::pair{6, 18}));
  EXPECT_EQ(parse_kernel_release("odd"), (std::pair{0, 0}));
}

TEST(Kernel, IsJudgedByWhatItCanDo) {
  EXPECT_EQ(judge_kernel("6.0.19").health, Health::Fail);
  EXPECT_EQ(judge_kernel("6.1.0-28-amd64").health, Health::Warn);
  EXPECT_EQ(judge_kernel("6.8.12").health, Health::Warn);
  EXPECT_EQ(judge_kernel("6.9.0").health, Health::Ok);
  EXPECT_EQ(judge_kernel("10.0").health, Health::Ok);
}

TEST(Stores, ThatAreNoneFailTheCheckOfTheirFormat) {
  const auto findings = check_store("/etc");

  EXPECT_EQ(findings.front().health, Health::Fail);
  EXPECT_FALSE(findings.front().next_step.empty());
}

TEST(Holders, LieBeneathTheMountPoint) {
  EXPECT_EQ(path_beneath("/m", "/m/churn/1"), "churn/1");
  EXPECT_EQ(path_beneath("/m", "/m"), "/m");
  EXPECT_EQ(path_beneath("/m", "/more"), "");
  EXPECT_EQ(path_beneath("/m", "/"), "");
}

TEST(Programs, AreRunToTheirEnd) {
  const auto ran = run_program({"sh", "-c", "echo out; echo err >&2; exit 3"});

  ASSERT_TRUE(ran.ok());
  EXPECT_EQ(ran->exit_code, 3);
  EXPECT_EQ(ran->output, "out\nerr");
}

TEST(Programs, ThatAreNotThereAreNotFound) { EXPECT_EQ(run_program({"no-such-program-here"}).code(), Code::NotFound); }

TEST(Questions, AreAnsweredOrGivenUp) {
  EXPECT_EQ(ask_in_child([] { return true; }, 5000), Answer::Yes);
  EXPECT_EQ(ask_in_child([] { return false; }, 5000), Answer::No);
  EXPECT_EQ(ask_in_child(
                [] {
                  for (;;) {
                  }
                  return true;
                },
                50),
            Answer::None);
}

}  // namespace
}  // namespace modelfs
