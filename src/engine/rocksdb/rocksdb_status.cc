#include "engine/rocksdb/rocksdb_status.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "base/log.h"

namespace modelfs {
namespace {

// A full disk refuses the bytes themselves, or later the fsync of bytes that it had taken. Only in the first case is it
// certain that the commit will not be found after the next opening.
Code code_of_io_error(const rocksdb::Status& status) {
  const bool while_syncing = status.ToString().find("sync") != std::string::npos;
  return status.IsNoSpace() && !while_syncing ? Code::NoSpace : Code::IoError;
}

Code code_of(const rocksdb::Status& status) {
  switch (status.code()) {
    case rocksdb::Status::kOk: return Code::Ok;
    case rocksdb::Status::kNotFound: return Code::NotFound;
    case rocksdb::Status::kCorruption: return Code::Corrupt;
    case rocksdb::Status::kIOError: return code_of_io_error(status);
    case rocksdb::Status::kBusy: return Code::Busy;
    case rocksdb::Status::kInvalidArgument:
    case rocksdb::Status::kNotSupported: return Code::Internal;
    default: return Code::IoError;
  }
}

class ForwardingLogger final : public rocksdb::Logger {
 public:
  ForwardingLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::WARN_LEVEL || level >= rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, 1024> line{};  // what is longer is cut
                                    // The format is RocksDB's own literal.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    std::vsnprintf(line.data(), line.size(), format, arguments);
#pragma GCC diagnostic pop
    std::string_view text(line.data());
    while (text.ends_with('\n') || text.ends_with(' ')) text.remove_suffix(1);
    log::log(level == rocksdb::InfoLogLevel::WARN_LEVEL ? log::level::warn : log::level::err, "rocksdb: {}", text);
  }
  // RocksDB prints all its options as a "header": not for our log.
  void LogHeader(const char*, va_list) override {}
};

}  // namespace

Status status_of(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return {};
  return Status(code_of(status), std::string(what) + ": " + status.ToString());
}

std::shared_ptr<rocksdb::Logger> make_rocksdb_logger() { return std::make_shared<ForwardingLogger>(); }

}  // namespace modelfs
