#include "replica/log_pace.h"

namespace modelfs {
namespace {

std::chrono::milliseconds times(std::chrono::milliseconds time, double factor) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(time.count()) * factor));
}

}  // namespace

void LogPace::applied(std::uint64_t writer, Moment now) {
  writers_[writer] = now;
  last_change_ = now;
}

std::chrono::milliseconds LogPace::until_poll(Moment now) {
  const auto since = now - last_change_;
  const auto wait = since < kBusyFor ? times_.busy : since < kCalmFor ? times_.calm : times_.idle;
  return times(wait, between(0.8, 1.0));
}

std::chrono::milliseconds LogPace::after_win(std::chrono::milliseconds slot_time, std::uint64_t own, Moment now) {
  std::erase_if(writers_, [&](const auto& writer) { return now - writer.second > kWritersSeenFor; });
  const std::size_t others = writers_.size() - writers_.count(own);
  return times(slot_time, between(0.5, 1.5) * static_cast<double>(others));
}

}  // namespace modelfs
