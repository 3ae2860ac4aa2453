#include "mount/fuse_log.h"

#define FUSE_USE_VERSION 312
#include <fuse3/fuse_log.h>

#include <array>
#include <cstdarg>
#include <cstdio>

#include "base/log.h"
#include "base/mutex.h"
#include "base/names.h"

namespace modelfs {
namespace {

// Why static: libfuse's log function is given no context.
struct Complaint {
  Mutex mutex;  // leaf lock
  std::string text GUARDED_BY(mutex);
};

Complaint& complaint() {
  static Complaint last;
  return last;
}

log::level::level_enum to_level(fuse_log_level level) {
  switch (level) {
    case FUSE_LOG_EMERG:
    case FUSE_LOG_ALERT:
    case FUSE_LOG_CRIT:
    case FUSE_LOG_ERR: return log::level::err;
    case FUSE_LOG_WARNING: return log::level::warn;
    case FUSE_LOG_NOTICE:
    case FUSE_LOG_INFO: return log::level::info;
    case FUSE_LOG_DEBUG: return log::level::debug;
  }
  return log::level::info;
}

void receive(fuse_log_level level, const char* format, std::va_list arguments) {
  std::array<char, 1024> buffer{};
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  std::string text = buffer.data();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  text = printable(text);
  log::log(to_level(level), "libfuse: {}", text);
  if (level > FUSE_LOG_WARNING) return;
  Complaint& last = complaint();
  const MutexLock lock(last.mutex);
  last.text = std::move(text);
}

}  // namespace

void route_fuse_log() { fuse_set_log_func(receive); }

std::string last_fuse_complaint() {
  Complaint& last = complaint();
  const MutexLock lock(last.mutex);
  return last.text;
}

}  // namespace modelfs
