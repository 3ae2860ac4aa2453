// Which failures may pass, and when a request is sent again.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "engine/s3/http.h"
#include "engine/s3/s3_xml.h"

namespace modelfs {

enum class Verdict : std::uint8_t {
  Answered,     // what the server says is final, whatever it is
  Later,        // it may pass, and nothing was done
  Unknown,      // it may pass, and whether the request was carried out is not known
  ExpiredKeys,  // the credentials are not taken any more
  Failed,       // there was no answer, and there will be none
};

// `error` is what the body of `answer` says; empty for 2xx.
Verdict judge(const HttpAnswer& answer, const S3Error& error);

// How long the server wants to be left alone; none: it does not say. Only seconds are understood, as S3 sends them.
std::optional<std::chrono::milliseconds> retry_after(const HttpAnswer& answer);

// What keeps many callers from overrunning a server that is in trouble: each success earns, each repetition costs.
// Safe for concurrent use.
class RetryBudget {
 public:
  static constexpr int kTokensMax = 500;
  static constexpr int kCostOfRetry = 5;
  static constexpr int kGainOfSuccess = 1;

  // False: it is used up, and whoever repeats is to take the longest pause.
  bool spend();
  void earn();

 private:
  Mutex mutex_;  // leaf lock
  int tokens_ GUARDED_BY(mutex_) = kTokensMax;
};

// The pause before repetition `attempt` (1, 2, 3, …): random, up to 50 ms × 2^attempt, at most kPauseMax. `fraction` is
// in [0, 1).
inline constexpr std::chrono::milliseconds kPauseMax = std::chrono::seconds(5);
std::chrono::milliseconds pause_before(unsigned attempt, double fraction);

// A random number in [0, 1).
double random_fraction();

}  // namespace modelfs
