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

// MODELFS_TEST_S3 is "http://127.0.0.1:4566/bucket".
class TestBucket {
 public:
  static std::string why_not() { return address().empty() ? "MODELFS_TEST_S3 names no server" : ""; }

  S3Options options() const {
    const std::string url = address();
    const std::size_t slash = url.rfind('/');
    S3Choices choices;
    choices.endpoint = url.substr(0, slash);
    choices.path_style = true;
    if (const char* const ca_file = std::getenv("MODELFS_TEST_S3_CA"); ca_file != nullptr) choices.ca_file = ca_file;
    const auto options =
        S3Options::from_environment("s3://" + url.substr(slash + 1) + "/" + prefix_, "/nowhere", choices);
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
