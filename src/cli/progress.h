// A progress line on the terminal; nothing where there is none that takes escapes.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace modelfs {

// Used by one thread at a time. Clears its line when it is destroyed.
class Progress {
 public:
  // `verb`: "put", "get", "verify".
  explicit Progress(std::string verb);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // At most ten times a second; `total_bytes` 0: unknown.
  void show(std::uint64_t done_bytes, std::uint64_t total_bytes);

 private:
  const std::string verb_;
  const bool on_terminal_;
  const std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point next_;
  bool shown_ = false;
};

// Whether the descriptor is a terminal that understands escapes, and its user wants them. Source: terminfo(5), whose
// "dumb" terminal has none; no-color.org.
bool takes_escapes(int descriptor);

// "put  42%  1.2G of 2.9G  310M/s"
std::string progress_line(const std::string& verb, std::uint64_t done_bytes, std::uint64_t total_bytes, double seconds);

}  // namespace modelfs
