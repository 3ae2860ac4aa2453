#include "engine/s3/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>

namespace modelfs {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{50};
constexpr unsigned kDoublingsMax = 8;

template <std::size_t kCount>
bool is_one_of(std::string_view code, const std::array<std::string_view, kCount>& codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// The server has put it off before it did anything.
bool is_throttled(const HttpAnswer& answer, const S3Error& error) {
  constexpr std::array<std::string_view, 8> kCodes = {
      "SlowDown",   "SlowDownRead", "SlowDownWrite", "TooManyRequests", "RequestLimitExceeded", "ThrottlingException",
      "Throttling", "ServerBusy"};
  return answer.status == 429 || is_one_of(error.code, kCodes);
}

bool is_expired(const HttpAnswer& answer, const S3Error& error) {
  constexpr std::array<std::string_view, 6> kCodes = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired",
                                                      "InvalidToken", "InvalidAccessKeyId",    "InvalidClientTokenId"};
  return (answer.status == 400 || answer.status == 401 || answer.status == 403) && is_one_of(error.code, kCodes);
}

// Another request to the same name was under way, and nothing is decided. Any 409 that we do not know may be that.
bool is_conflict(const HttpAnswer& answer, const S3Error& error) {
  constexpr std::array<std::string_view, 5> kFinal = {"BucketAlreadyExists", "BucketAlreadyOwnedByYou",
                                                      "BucketNotEmpty", "InvalidBucketState",
                                                      "RestoreAlreadyInProgress"};
  return answer.status == 409 && !is_one_of(error.code, kFinal);
}

Verdict judge_fault(const HttpAnswer& answer) {
  switch (answer.fault) {
    case HttpFault::None: break;
    case HttpFault::Untrusted:
    case HttpFault::BadSource:
    case HttpFault::TooMuch: return answer.may_have_arrived ? Verdict::Unknown : Verdict::Failed;
    case HttpFault::UnknownHost:
    case HttpFault::Unreachable:
    case HttpFault::Silent:
    case HttpFault::Cut: return answer.may_have_arrived ? Verdict::Unknown : Verdict::Later;
  }
  return Verdict::Answered;
}

}  // namespace

Verdict judge(const HttpAnswer& answer, const S3Error& error) {
  if (answer.fault != HttpFault::None) return judge_fault(answer);
  if (is_throttled(answer, error) || is_conflict(answer, error)) return Verdict::Later;
  if (is_expired(answer, error)) return Verdict::ExpiredKeys;
  // The server has waited for the body in vain.
  if (answer.status == 408 || error.code == "RequestTimeout") return Verdict::Later;
  if (answer.status == 501 || answer.status == 505) return Verdict::Answered;
  // Why unknown: whoever stands before the server answers these, too, when it has lost the server's own answer.
  return answer.status >= 500 ? Verdict::Unknown : Verdict::Answered;
}

std::optional<milliseconds> retry_after(const HttpAnswer& answer) {
  const std::string text = answer.header("retry-after");
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

bool RetryBudget::spend() {
  const MutexLock lock(mutex_);
  if (tokens_ < kCostOfRetry) return false;
  tokens_ -= kCostOfRetry;
  return true;
}

void RetryBudget::earn() {
  const MutexLock lock(mutex_);
  tokens_ = std::min(kTokensMax, tokens_ + kGainOfSuccess);
}

milliseconds pause_before(unsigned attempt, double fraction) {
  const auto bound = std::min(kFirstPause * (1u << std::min(attempt, kDoublingsMax)), kPauseMax);
  return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(bound.count()) * fraction));
}

double random_fraction() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0.0, 1.0)(generator);
}

}  // namespace modelfs
