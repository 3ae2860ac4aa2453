// Requests over HTTP/1.1 on connections that are kept. Knows nothing of S3, and repeats nothing.
#pragma once
#include <curl/curl.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/s3/http_message.h"

namespace modelfs {

// Safe for concurrent use.
class HttpClient {
 public:
  struct Settings {
    std::string ca_file;  // who is trusted; empty: whom the machine trusts
  };
  // So many requests at the same time; further ones wait. Those that move much leave some for those that move little.
  static constexpr std::size_t kRequestsMax = 16;
  static constexpr std::size_t kLargeRequestsMax = 12;

  explicit HttpClient(Settings settings);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  HttpAnswer perform(const HttpRequest& request) EXCLUDES(mutex_);
  std::uint64_t connections_opened() const { return connections_opened_; }

 private:
  class Lease;
  const Settings settings_;
  std::atomic<std::uint64_t> connections_opened_{0};
  Mutex mutex_;  // leaf lock
  Condition wake_;
  std::vector<CURL*> idle_ GUARDED_BY(mutex_);  // each with the connections that it keeps; the latest is last
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  std::size_t running_large_ GUARDED_BY(mutex_) = 0;
};

}  // namespace modelfs
