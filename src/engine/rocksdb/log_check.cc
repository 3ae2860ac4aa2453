#include "engine/rocksdb/log_check.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "base/log.h"
#include "engine/rocksdb/log_scan.h"

namespace modelfs {
namespace {

// What all write-ahead logs of a catalog hold.
struct Logs {
  std::uint64_t last_sequence = 0;  // before any damage
  std::string damage;               // where the first is; empty: none
  bool has_more_behind = false;     // in the same log
};

Result<std::vector<std::filesystem::path>> list_logs(const std::string& path) {
  std::error_code error;
  std::vector<std::filesystem::path> logs;
  std::filesystem::directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".log") logs.push_back(entry->path());
  }
  if (error) return Status::from_errno(error.value(), "list " + path);
  std::sort(logs.begin(), logs.end());  // their names are numbers of one width
  return logs;
}

Result<Logs> scan_logs(const std::string& path) {
  const auto paths = list_logs(path);
  if (!paths.ok()) return paths.status();
  Logs logs;
  for (const auto& log : *paths) {
    const auto scan = scan_log(log);
    if (!scan.ok()) return scan.status();
    if (logs.damage.empty()) logs.last_sequence = std::max(logs.last_sequence, scan->last_sequence.value_or(0));
    if (!scan->damaged_at) continue;
    if (logs.damage.empty()) logs.damage = log.filename().string() + " at byte " + std::to_string(*scan->damaged_at);
    logs.has_more_behind = logs.has_more_behind || scan->has_more_behind;
  }
  return logs;
}

// The last change that an opening would find. Nothing: it would fail, and say why.
std::optional<std::uint64_t> last_readable(const std::string& path, const rocksdb::Options& options) {
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::OpenForReadOnly(options, path, &opened).ok()) return std::nullopt;
  const std::unique_ptr<rocksdb::DB> database(opened);
  return database->GetLatestSequenceNumber();
}

Status lost(const std::string& path, const std::string& what) {
  const std::string mark = std::filesystem::path(path).parent_path() / kNewestName;
  return {Code::Corrupt,
          "the catalog in " + path + " is damaged: " + what +
              "; nothing was changed. Restore the store from a copy. To go on without what is lost, copy "
              "the store first, and remove " +
              mark};
}

}  // namespace

Status check_logs(const std::string& path, const rocksdb::Options& options, const NewestMark& mark) {
  const auto logs = scan_logs(path);
  if (!logs.ok()) return logs.status();
  const std::string where = logs->damage.empty() ? "" : " (" + logs->damage + " is not a complete record)";
  // A kill leaves the start of what was being written, and nothing behind it. So do the words of one run of a machine.
  if (logs->has_more_behind && mark.is_of_this_boot()) {
    return lost(path, logs->damage + " is not a complete record, and complete ones follow it");
  }
  const auto newest = mark.last();
  if (newest && logs->last_sequence < newest->sequence) {
    const auto readable = last_readable(path, options);
    if (readable && *readable < newest->sequence) {
      return lost(path, "it ends at change " + std::to_string(*readable) + where + ", and change " +
                            std::to_string(newest->sequence) + " was acknowledged");
    }
  }
  // Power loss may keep later pages of what was not synced, and not earlier ones.
  if (logs->has_more_behind) {
    log::warn("the catalog in {}: {} is not a complete record; what follows is ignored, as after power loss", path,
              logs->damage);
  }
  return {};
}

}  // namespace modelfs
