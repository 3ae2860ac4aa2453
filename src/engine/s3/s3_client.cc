#include "engine/s3/s3_client.h"

#include <algorithm>
#include <array>
#include <thread>

#include "engine/s3/s3_failures.h"
#include "engine/s3/server_time.h"

namespace modelfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr milliseconds kLastTry{500};

bool is_answer(const S3Answer& answer) {
  if (answer.is_success() || answer.status == 412 || answer.status == 416) return true;
  // Why not any 404: it may be a proxy's, or there is no such bucket.
  return answer.status == 404 && (answer.error.code == "NoSuchKey" || answer.error.code == "NoSuchUpload");
}

// Waits before repetition `attempt`, the last one at most so long before the deadline. False: it comes first, or the
// server wants to be left alone until then.
bool pause(unsigned attempt, const HttpAnswer& answer, RetryBudget& budget, Deadline deadline) {
  const auto now = steady_clock::now();
  const auto latest = deadline - kLastTry;
  const auto earliest = now + retry_after(answer).value_or(milliseconds(0));
  if (now >= latest || earliest > latest) return false;
  const milliseconds wait = budget.spend() ? pause_before(attempt, random_fraction()) : kPauseMax;
  std::this_thread::sleep_until(std::clamp(now + wait, earliest, latest));
  return true;
}

}  // namespace

S3Client::S3Client(S3Options options)
    : options_(std::move(options)),
      origin_(options_.origin()),
      http_(HttpClient::Settings{options_.ca_file}),
      credentials_(options_.credentials) {}

RemoteFacts S3Client::facts() const {
  const MutexLock lock(mutex_);
  return facts_;
}

void S3Client::note(const HttpAnswer& answer) {
  const auto date = parse_http_date(answer.header("date"));
  if (!date) return;
  const MutexLock lock(mutex_);
  facts_.clock_skew = std::chrono::round<std::chrono::seconds>(*date - system_clock::now());
  facts_.server = one_line(answer.header("server"));
}

S3Answer S3Client::send(const S3Call& call, const AwsCredentials& credentials, Deadline deadline) {
  const std::string date = amz_date(system_clock::now());
  RequestToSign to_sign{call.method, options_.path_of(call.key), call.query, call.headers, call.payload_sha256.hex()};
  to_sign.headers.emplace_back("host", origin_.authority());
  to_sign.headers.emplace_back("x-amz-content-sha256", to_sign.payload_sha256);
  to_sign.headers.emplace_back("x-amz-date", date);
  if (!credentials.session_token.empty()) {
    to_sign.headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  HttpRequest request;
  request.method = call.method;
  request.url = origin_.str() + uri_encode_path(to_sign.path);
  if (!call.query.empty()) request.url += "?" + canonical_query(call.query);
  request.headers = to_sign.headers;
  request.headers.emplace_back("authorization", authorization_of(to_sign, {options_.region, "s3"}, credentials, date));
  request.body = call.body;
  request.into = call.into;
  request.answer_bytes_max = call.answer_bytes_max;
  request.patience = call.patience;
  request.past_proxy = origin_.is_loopback();
  request.deadline = deadline;
  S3Answer answer{http_.perform(request), {}};
  if (answer.fault == HttpFault::None && !answer.is_success()) answer.error = parse_s3_error(answer.body);
  note(answer);
  return answer;
}

Status S3Client::failure(const S3Call& call, const S3Answer& answer, const AwsCredentials& credentials) const {
  return failure_of({options_, call, answer, credentials, facts().clock_skew});
}

Result<S3Answer> S3Client::call(const S3Call& call, Deadline deadline) {
  const std::string address = options_.where.str();
  auto credentials = credentials_.get(deadline);
  bool has_renewed = false;
  for (unsigned attempt = 1;; ++attempt) {
    if (!credentials.ok()) {
      const bool may_pass = credentials.code() == Code::Unavailable && pause(attempt, {}, budget_, deadline);
      if (!may_pass) return Status(credentials.code(), address + ": " + credentials.status().message());
      credentials = credentials_.get(deadline);
      continue;
    }
    S3Answer answer = send(call, **credentials, deadline);
    const Verdict verdict = judge(answer, answer.error);
    if (verdict == Verdict::Answered && is_answer(answer)) {
      budget_.earn();
      return answer;
    }
    const Status failed = failure(call, answer, **credentials);
    if (verdict == Verdict::Answered || verdict == Verdict::Failed) return failed;
    if (verdict == Verdict::Unknown && call.only_once) {
      return Status(Code::Unsettled, failed.message() + "; it may have taken place");
    }
    if (verdict == Verdict::ExpiredKeys) {
      if (has_renewed) return failed;
      has_renewed = true;
      const auto refused = *credentials;
      auto others = credentials_.renew(*refused, deadline);
      if (!others.ok()) return Status(others.code(), failed.message() + "; " + others.status().message());
      if ((*others)->same_keys(*refused)) return failed;
      credentials = std::move(others);
      continue;
    }
    if (!pause(attempt, answer, budget_, deadline)) return failed;
    credentials = credentials_.get(deadline);
  }
}

}  // namespace modelfs
