// The bucket of a real server, and a prefix in it that nobody else uses.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>

#include "engine/s3/s3_remote.h"

namespace modelfs {

// MODELFS_TEST_S3 is "s3://bucket/prefix", and where that is and who may, the environment says as to every client;
// tests/remote/servers.py sets all of it.
class TestBucket {
 public:
  static std::string why_not() { return address().empty() ? "MODELFS_TEST_S3 names no bucket" : ""; }

  S3Options options() const {
    const auto options = S3Options::from_environment(address() + "/" + prefix_, "/nowhere");
    EXPECT_TRUE(options.ok()) << options.status().str();
    return *options;
  }
  std::unique_ptr<S3Remote> open() const { return std::make_unique<S3Remote>(options()); }

 private:
  static std::string address() {
    const char* const named = std::getenv("MODELFS_TEST_S3");
    return named == nullptr ? "" : named;
  }
  static std::string new_prefix() {
    static std::atomic<int> count{0};
    const auto time = std::chrono::system_clock::now().time_since_epoch().count();
    return "t" + std::to_string(time) + "." + std::to_string(::getpid()) + "." + std::to_string(++count);
  }

  const std::string prefix_ = new_prefix();
};

}  // namespace modelfs
