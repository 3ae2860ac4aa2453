#include "cli/progress.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cli/output.h"

namespace modelfs {
namespace {

constexpr auto kPeriod = std::chrono::milliseconds(100);
// A rate says nothing before that.
constexpr double kRateSecondsMin = 0.5;
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

bool takes_escapes(int descriptor) {
  const auto value_of = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  const std::string_view terminal = value_of("TERM");
  return ::isatty(descriptor) == 1 && !terminal.empty() && terminal != "dumb" && value_of("NO_COLOR").empty();
}

std::string progress_line(const std::string& verb, std::uint64_t done_bytes, std::uint64_t total_bytes,
                          double seconds) {
  std::string line = verb;
  if (total_bytes > 0) {
    const double share = static_cast<double>(done_bytes) / static_cast<double>(total_bytes);
    line += "  " + std::to_string(static_cast<int>(share * 100)) + "%";
  }
  line += "  " + human_size(done_bytes);
  if (total_bytes > 0) line += " of " + human_size(total_bytes);
  if (seconds >= kRateSecondsMin) {
    line += "  " + human_size(static_cast<std::uint64_t>(static_cast<double>(done_bytes) / seconds)) + "/s";
  }
  return line;
}

Progress::Progress(std::string verb)
    : verb_(std::move(verb)),
      on_terminal_(takes_escapes(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now()),
      next_(start_ + kPeriod) {}

Progress::~Progress() {
  if (shown_) std::fputs(kClearLine, stderr);
}

void Progress::show(std::uint64_t done_bytes, std::uint64_t total_bytes) {
  if (!on_terminal_) return;
  const auto moment = std::chrono::steady_clock::now();
  if (moment < next_) return;
  next_ = moment + kPeriod;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(moment - start_).count();
  std::fprintf(stderr, "%s%s", kClearLine, progress_line(verb_, done_bytes, total_bytes, seconds).c_str());
}

}  // namespace modelfs
