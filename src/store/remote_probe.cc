#include "store/remote_probe.h"

#include <algorithm>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace modelfs {
namespace {

constexpr std::size_t kAtOnce = 8;
// Races that an answer lost by the network may spoil.
constexpr int kTries = 3;

std::string new_nonce() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string nonce(16, '0');
  for (char& digit : nonce) digit = kDigits[random() % kDigits.size()];
  return nonce;
}

// One run of the probe, and what it has put.
class Probe {
 public:
  Probe(Remote& remote, Deadline deadline) : remote_(remote), deadline_(deadline) {}

  Status run() {
    for (const auto step : {&Probe::one_after_the_other, &Probe::at_once, &Probe::ranges, &Probe::listing}) {
      if (Status status = (this->*step)(); !status.ok()) return status;
    }
    return {};
  }

  // Ok also where it may not remove.
  Status clean_up() {
    for (const std::string& name : put_) {
      const Status status = remote_.remove(name, deadline_);
      if (status.code() == Code::Denied || status.code() == Code::NotPermitted) return {};
      if (!status.ok()) return status;
      const auto got = read(name);
      if (got.ok()) return broken("an object that was removed is still there");
      if (got.code() != Code::NotFound) return got.status();
    }
    return {};
  }

 private:
  Status broken(const std::string& what) const {
    return {Code::Unsupported, remote_.address() + " cannot hold a registry: " + what +
                                   ". Use a server that honours If-None-Match (most do, in a current version)"};
  }
  std::string prefix() const { return "probe/" + nonce_ + "."; }
  std::string new_name() {
    std::string digits = std::to_string(put_.size());
    digits.insert(0, 4 - std::min<std::size_t>(digits.size(), 4), '0');
    return put_.emplace_back(prefix() + digits);
  }
  Result<std::string> read(const std::string& name) { return get_whole(remote_, name, 1024, deadline_); }
  bool is_in_time() const { return std::chrono::steady_clock::now() < deadline_; }

  // The first answer that decides. A put of ours that was lost may be the one that Already tells of.
  Result<Remote::Created> put_until_decided(const std::string& name, std::string_view bytes) {
    while (true) {
      auto created = remote_.put_if_absent(name, bytes_of(bytes), deadline_);
      if (created.code() != Code::Unsettled || !is_in_time()) return created;
    }
  }

  Status one_after_the_other() {
    const std::string name = new_name();
    if (const auto got = read(name); got.code() != Code::NotFound) {
      return got.ok() ? broken("it has an object that nobody has put") : got.status();
    }
    if (const auto first = put_until_decided(name, "first"); !first.ok()) return first.status();
    const auto second = put_until_decided(name, "second");
    if (!second.ok()) return second.status();
    if (*second == Remote::Created::Now) return broken("it took a second put of a name that was only to be made");
    const auto got = read(name);
    if (!got.ok()) return got.status();
    if (*got != "first") return broken("it refused the second put of a name, and stored its bytes all the same");
    return {};
  }

  // Unsettled: an answer was lost, so nobody can say who won.
  Status race() {
    const std::string name = new_name();
    std::vector<Result<Remote::Created>> answers(kAtOnce, Status(Code::Unsettled, "not tried"));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      threads.emplace_back([&, i] {
        const std::string bytes = "by " + std::to_string(i);
        answers[i] = remote_.put_if_absent(name, bytes_of(bytes), deadline_);
      });
    }
    for (std::thread& thread : threads) thread.join();
    std::size_t winner = kAtOnce;
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      if (!answers[i].ok()) return answers[i].status();
      if (*answers[i] != Remote::Created::Now) continue;
      if (winner != kAtOnce) return broken("of eight puts of one name at the same time, more than one was taken");
      winner = i;
    }
    if (winner == kAtOnce) return broken("of eight puts of one name at the same time, none was taken");
    const auto got = read(name);
    if (!got.ok()) return got.status();
    if (*got != "by " + std::to_string(winner)) {
      return broken("of eight puts of one name at the same time, it stored another's bytes than it said");
    }
    return {};
  }

  Status at_once() {
    Status status;
    for (int i = 0; i < kTries; ++i) {
      status = race();
      if (status.code() != Code::Unsettled || !is_in_time()) break;
    }
    return status;
  }

  Status ranges() {
    const std::string name = new_name();
    const std::string_view bytes = "0123456789";
    const Digest digest = hash_of(bytes_of(bytes)).digest;
    if (Status status = remote_.put(name, BytesSource(bytes_of(bytes)), digest, deadline_); !status.ok()) return status;
    for (const auto& [offset, expected] :
         {std::pair<std::uint64_t, std::string_view>{3, "3456"}, {8, "89"}, {20, ""}}) {
      std::string into(4, '?');
      const auto got = remote_.get(name, offset, std::as_writable_bytes(std::span(into)), deadline_);
      if (!got.ok()) return got.status();
      if (into.substr(0, *got) != expected) return broken("a part of an object is not the part that was asked for");
    }
    return {};
  }

  Status listing() {
    std::vector<std::string> found;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    const Status status = remote_.list(
        prefix(), put_.front(),
        [&found](const RemoteObject& object) {
          found.push_back(object.name);
          return found.size() < 100;
        },
        left);
    if (!status.ok()) return status;
    const std::vector<std::string> expected(put_.begin() + 1, put_.end());
    if (found != expected)
      return broken("a list of objects is not that of those that were put, in the order of their names");
    return {};
  }

  Remote& remote_;
  const Deadline deadline_;
  const std::string nonce_ = new_nonce();
  std::vector<std::string> put_;
};

}  // namespace

Status probe_conditions(Remote& remote, Deadline deadline) {
  Probe probe(remote, deadline);
  Status status = probe.run();
  // What was put is nobody's: nothing is left to be settled.
  if (status.code() == Code::Unsettled) status = Status(Code::Unavailable, status.message());
  // What is found first counts more than what was left.
  const Status cleaned = probe.clean_up();
  return status.ok() ? cleaned : status;
}

}  // namespace modelfs
