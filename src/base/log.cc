#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace modelfs {

void log_to_stderr(log::level::level_enum level) {
  auto logger = std::make_shared<spdlog::logger>("modelfs", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->set_level(level);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace modelfs
