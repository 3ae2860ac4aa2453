#include "engine/s3/retry.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

using namespace std::chrono_literals;

Verdict verdict_of(int status, const std::string& code = "") {
  HttpAnswer answer;
  answer.status = status;
  S3Error error;
  error.code = code;
  return judge(answer, error);
}

Verdict verdict_of(HttpFault fault, bool may_have_arrived) {
  HttpAnswer answer;
  answer.fault = fault;
  answer.may_have_arrived = may_have_arrived;
  return judge(answer, {});
}

TEST(Verdict, OfWhatTheServerHasDecidedIsFinal) {
  for (const int status : {200, 204, 206, 301, 400, 404, 412, 416, 501}) {
    EXPECT_EQ(verdict_of(status), Verdict::Answered) << status;
  }
  EXPECT_EQ(verdict_of(403, "AccessDenied"), Verdict::Answered);
  EXPECT_EQ(verdict_of(403, "SignatureDoesNotMatch"), Verdict::Answered);
  EXPECT_EQ(verdict_of(409, "BucketNotEmpty"), Verdict::Answered);
}

TEST(Verdict, OfAConflictIsThatNothingIsDecided) {
  EXPECT_EQ(verdict_of(409, "ConditionalRequestConflict"), Verdict::Later);
  EXPECT_EQ(verdict_of(409, "OperationAborted"), Verdict::Later);
  EXPECT_EQ(verdict_of(409), Verdict::Later);
}

TEST(Verdict, OfAServerThatPutsOffIsThatNothingWasDone) {
  EXPECT_EQ(verdict_of(429), Verdict::Later);
  EXPECT_EQ(verdict_of(503, "SlowDown"), Verdict::Later);
  EXPECT_EQ(verdict_of(400, "RequestTimeout"), Verdict::Later);
}

TEST(Verdict, OfOtherFailuresOfTheServerIsThatNobodyKnows) {
  for (const int status : {500, 502, 503, 504}) EXPECT_EQ(verdict_of(status), Verdict::Unknown) << status;
}

TEST(Verdict, OfExpiredKeysIsThatOthersMayBeTaken) {
  EXPECT_EQ(verdict_of(403, "ExpiredToken"), Verdict::ExpiredKeys);
  EXPECT_EQ(verdict_of(400, "ExpiredToken"), Verdict::ExpiredKeys);
  EXPECT_EQ(verdict_of(403, "InvalidAccessKeyId"), Verdict::ExpiredKeys);
}

TEST(Verdict, OfALostAnswerTurnsOnWhetherTheRequestMayHaveArrived) {
  for (const HttpFault fault : {HttpFault::Cut, HttpFault::Silent}) {
    EXPECT_EQ(verdict_of(fault, true), Verdict::Unknown);
    EXPECT_EQ(verdict_of(fault, false), Verdict::Later);
  }
  EXPECT_EQ(verdict_of(HttpFault::UnknownHost, false), Verdict::Later);
  EXPECT_EQ(verdict_of(HttpFault::Unreachable, false), Verdict::Later);
  EXPECT_EQ(verdict_of(HttpFault::Untrusted, false), Verdict::Failed);
  EXPECT_EQ(verdict_of(HttpFault::BadSource, false), Verdict::Failed);
}

TEST(RetryAfter, IsReadInSeconds) {
  HttpAnswer answer;
  EXPECT_EQ(retry_after(answer), std::nullopt);
  answer.headers["retry-after"] = "7";
  EXPECT_EQ(retry_after(answer), 7s);
  answer.headers["retry-after"] = "Tue, 01 Dec 2026 14:20:41 GMT";
  EXPECT_EQ(retry_after(answer), std::nullopt);
}

TEST(Pauses, GrowUpToABoundAndAreRandom) {
  EXPECT_EQ(pause_before(1, 0.0), 0ms);
  EXPECT_EQ(pause_before(1, 0.5), 50ms);
  EXPECT_EQ(pause_before(2, 0.5), 100ms);
  EXPECT_LE(pause_before(40, 0.999), kPauseMax);
  EXPECT_GE(pause_before(40, 0.999), kPauseMax * 9 / 10);
  for (int i = 0; i < 100; ++i) {
    const double fraction = random_fraction();
    EXPECT_GE(fraction, 0.0);
    EXPECT_LT(fraction, 1.0);
  }
}

TEST(RetryBudget, IsSpentByRepetitionsAndEarnedBySuccess) {
  RetryBudget budget;
  for (int i = 0; i < RetryBudget::kTokensMax / RetryBudget::kCostOfRetry; ++i) EXPECT_TRUE(budget.spend());
  EXPECT_FALSE(budget.spend());

  for (int i = 0; i < RetryBudget::kCostOfRetry; ++i) budget.earn();

  EXPECT_TRUE(budget.spend());
  EXPECT_FALSE(budget.spend());
}

}  // namespace
}  // namespace modelfs
