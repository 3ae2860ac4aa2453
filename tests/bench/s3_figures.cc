// What a bucket costs: latency of small requests, throughput of large ones, connections. Prints one line a figure.
//     tests/remote/servers.py radosgw --venvs build -- build/release/tests/s3_figures
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "engine/s3/s3_remote.h"

namespace modelfs {
namespace {

using std::chrono::steady_clock;

constexpr int kCalls = 100;
constexpr std::size_t kLargeBytes = 64 << 20;
constexpr std::uint64_t kHugeBytes = 1ull << 30;
constexpr std::size_t kRangeBytes = 8 << 20;
constexpr std::size_t kThreads = 8;

Deadline soon() { return steady_clock::now() + std::chrono::minutes(5); }

double seconds_of(const std::function<void()>& work) {
  const auto begin = steady_clock::now();
  work();
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

void require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.str().c_str());
  std::exit(1);
}

void print_latency(const char* what, const std::function<void(int)>& call) {
  std::vector<double> times;
  for (int i = 0; i < kCalls; ++i) times.push_back(seconds_of([&] { call(i); }) * 1000);
  std::sort(times.begin(), times.end());
  std::printf("%-22s p50 %6.2f ms, p99 %6.2f ms\n", what, times[kCalls / 2], times[kCalls - 2]);
}

// The same bytes again and again, so that no file is measured.
class LargeSource final : public RemoteSource {
 public:
  explicit LargeSource(std::uint64_t size_bytes) : size_bytes_(size_bytes) {
    for (std::size_t i = 0; i < piece_.size(); ++i) piece_[i] = static_cast<std::byte>((i * 2654435761u) >> 13);
  }
  std::uint64_t size_bytes() const override { return size_bytes_; }
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const override {
    std::size_t done = 0;
    while (done < into.size() && offset_bytes + done < size_bytes_) {
      const std::size_t at = (offset_bytes + done) % piece_.size();
      const std::uint64_t left = std::min<std::uint64_t>(into.size() - done, size_bytes_ - offset_bytes - done);
      const std::size_t count = std::min<std::uint64_t>(left, piece_.size() - at);
      std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(at), count,
                  into.begin() + static_cast<std::ptrdiff_t>(done));
      done += count;
    }
    return done;
  }
  Digest sha256() const {
    Hasher hasher;
    for (std::uint64_t at = 0; at < size_bytes_; at += piece_.size()) hasher.add(piece_);
    return hasher.finish().digest;
  }

 private:
  const std::uint64_t size_bytes_;
  std::vector<std::byte> piece_ = std::vector<std::byte>(1 << 20);
};

void print_latencies(S3Remote& remote) {
  const std::string bytes(1024, 'x');
  const auto name = [](int i) { return "log/" + std::to_string(i); };
  const auto opened = remote.connections_opened();
  print_latency("put_if_absent of 1 KiB",
                [&](int i) { require(remote.put_if_absent(name(i), bytes_of(bytes), soon()).status()); });
  print_latency("get of 1 KiB", [&](int i) { require(get_whole(remote, name(i), 4096, soon()).status()); });
  print_latency("get of an absent name", [&](int i) {
    const auto got = get_whole(remote, "none/" + std::to_string(i), 4096, soon());
    if (got.code() != Code::NotFound) require(Status(Code::Internal, "it should be absent"));
  });
  std::printf("%-22s %llu\n", "connections opened",
              static_cast<unsigned long long>(remote.connections_opened() - opened));
}

void print_throughput(S3Remote& remote) {
  const LargeSource large(kLargeBytes);
  const Digest large_digest = large.sha256();
  const double put_s = seconds_of([&] { require(remote.put("blobs/large", large, large_digest, soon())); });
  std::printf("%-22s %6.0f MiB/s\n", "put of 64 MiB", static_cast<double>(kLargeBytes >> 20) / put_s);

  const LargeSource huge(kHugeBytes);
  const Digest huge_digest = huge.sha256();
  const double huge_s = seconds_of([&] { require(remote.put("blobs/huge", huge, huge_digest, soon())); });
  std::printf("%-22s %6.0f MiB/s\n", "put of 1 GiB", static_cast<double>(kHugeBytes >> 20) / huge_s);

  const auto opened = remote.connections_opened();
  const double get_s = seconds_of([&] {
    std::atomic<std::uint64_t> next = 0;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        std::vector<std::byte> piece(kRangeBytes);
        for (std::uint64_t at = next.fetch_add(kRangeBytes); at < kHugeBytes; at = next.fetch_add(kRangeBytes)) {
          require(remote.get("blobs/huge", at, piece, soon()).status());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  std::printf("%-22s %6.0f MiB/s, %llu connections opened\n", "get of 1 GiB, 8 threads",
              static_cast<double>(kHugeBytes >> 20) / get_s,
              static_cast<unsigned long long>(remote.connections_opened() - opened));
  require(remote.remove("blobs/huge", soon()));
}

int run() {
  const char* const address = std::getenv("MODELFS_TEST_S3");
  if (address == nullptr) {
    std::fprintf(stderr, "MODELFS_TEST_S3 names no bucket: run it by tests/remote/servers.py\n");
    return 77;
  }
  const auto options = S3Options::from_environment(std::string(address) + "/figures", "/nowhere");
  require(options.status());
  S3Remote remote(*options);
  print_latencies(remote);
  print_throughput(remote);
  return 0;
}

}  // namespace
}  // namespace modelfs

int main() { return modelfs::run(); }
