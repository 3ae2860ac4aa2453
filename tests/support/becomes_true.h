// Waiting for what others do.
#pragma once
#include <chrono>
#include <functional>
#include <thread>

namespace modelfs {

// Until `holds()`; false when that took longer than any machine should need.
inline bool becomes_true(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace modelfs
