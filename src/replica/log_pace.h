// How often a host asks for the log's next record, and how long it leaves the next slot to others.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <random>

namespace modelfs {

struct PollTimes {
  std::chrono::milliseconds busy{500};  // as long as something happens, and a minute beyond
  std::chrono::milliseconds calm{5'000};
  std::chrono::milliseconds idle{30'000};
};

// Used by one thread. Times are given, so that tests need no clock.
class LogPace {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kBusyFor{60};
  static constexpr std::chrono::seconds kCalmFor{600};
  // Who has written in so long counts as a writer who waits.
  static constexpr std::chrono::seconds kWritersSeenFor{2};

  LogPace(const PollTimes& times, std::uint64_t seed) : times_(times), random_(seed) {}

  // A record was applied that `writer` has put.
  void applied(std::uint64_t writer, Moment now);
  // Somebody here uses the registry: polls come as often as in busy times.
  void used(Moment now) { last_change_ = now; }
  // Until the next poll, up to a fifth less, so that hosts do not ask in step.
  std::chrono::milliseconds until_poll(Moment now);
  // After a slot that this host has won, in `slot_time`: it leaves the next ones to the others who write, so that each
  // gets its turn (0.5 to 1.5 slots for each of them).
  std::chrono::milliseconds after_win(std::chrono::milliseconds slot_time, std::uint64_t own, Moment now);

 private:
  double between(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }

  const PollTimes times_;
  std::mt19937_64 random_;
  std::map<std::uint64_t, Moment> writers_;
  Moment last_change_{};
};

}  // namespace modelfs
