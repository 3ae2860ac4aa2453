// What all fetches of a host share.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/digest.h"
#include "base/status.h"
#include "replica/refusals.h"
#include "replica/remote_bytes.h"
#include "store/blob_store.h"
#include "store/key_value_store.h"

namespace modelfs {

struct FetchOptions {
  std::chrono::milliseconds deadline = kFetchDeadline;
  std::function<std::chrono::steady_clock::time_point()> clock = [] { return std::chrono::steady_clock::now(); };
  // Asked before so many bytes come, and where the disk is full: frees some if it can. Any thread.
  std::function<void(std::uint64_t bytes)> make_room = [](std::uint64_t) {};
  // So many bytes have come to stay. Any thread.
  std::function<void(std::uint64_t bytes)> on_cached = [](std::uint64_t) {};
};

struct FetchContext {
  FetchContext(BlobStore& host_blobs, KeyValueStore& host_keys, Remote& remote, int dir, FetchOptions given)
      : options(std::move(given)),
        blobs(host_blobs),
        keys(host_keys),
        incoming(dir),
        bytes(remote, options.deadline),
        refusals(std::make_shared<Refusals>(options.clock)) {}

  const FetchOptions options;
  BlobStore& blobs;     // the files of this host
  KeyValueStore& keys;  // those of this host, not of the log
  const int incoming;   // the directory of what is not complete
  RemoteBytes bytes;
  const std::shared_ptr<Refusals> refusals;
  std::atomic<bool> stopping = false;
  std::atomic<std::uint64_t> blobs_cached = 0;   // since the start
  std::atomic<std::uint64_t> bytes_resumed = 0;  // that an earlier fetch had left, and need not be loaded
};

}  // namespace modelfs
