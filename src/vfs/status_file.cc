#include "vfs/status_file.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

namespace modelfs {

Result<SpaceFigures> store_space(const Registry& registry) {
  struct statvfs figures {};
  if (::fstatvfs(registry.store_dir(), &figures) != 0) return Status::from_errno(errno, "statvfs of the store");
  return SpaceFigures{figures.f_frsize, figures.f_blocks, figures.f_bfree,
                      figures.f_bavail, figures.f_files,  figures.f_ffree};
}

namespace {

nlohmann::ordered_json describe_reads(const OpenNodes& nodes) {
  nlohmann::ordered_json text;
  const ReadMode mode = nodes.mode();
  const OpenNodes::Figures opens = nodes.figures();
  text["mode"] = mode.name();
  if (!mode.by_kernel) text["reason"] = mode.reason;
  text["opens_by_kernel"] = opens.by_kernel;
  text["opens_by_daemon"] = opens.by_daemon;
  text["files_lent"] = opens.lent;
  return text;
}

Status describe_drafts(Registry& registry, nlohmann::ordered_json& text) {
  const auto drafts = registry.draft_list().list(std::nullopt);
  if (!drafts.ok()) return drafts.status();
  text["drafts"] = nlohmann::ordered_json::array();
  for (const DraftSummary& draft : *drafts) {
    text["drafts"].push_back({{"path", draft.path},
                              {"under_version", draft.under_version},
                              {"files", draft.files},
                              {"bytes", draft.bytes},
                              {"changed", iso_time(draft.changed)},
                              {"owner", user_name(draft.owner.uid)}});
  }
  return {};
}

}  // namespace

Result<std::string> StatusFile::status() const {
  nlohmann::ordered_json text;
  text["version"] = MODELFS_VERSION;
  text["store"] = from_.options.store_path;
  text["mount_point"] = from_.options.mount_point;
  text["pid"] = ::getpid();
  text["mounted"] = iso_time(from_.mounted);
  text["read_only"] = from_.options.read_only;
  if (from_.options.describe_registry) {
    text["registry"] = nlohmann::ordered_json::parse(from_.options.describe_registry());
  }
  text["reads"] = describe_reads(from_.open_nodes);
  if (from_.options.request_counts) {
    text["requests"] = nlohmann::ordered_json::object();
    for (const auto& [kind, count] : from_.options.request_counts()) text["requests"][kind] = count;
  }
  text["known_nodes"] = from_.nodes.size();
  text["open_handles"] = from_.handles.size();
  const auto stored = from_.registry.snapshot();
  if (!stored.ok()) return stored.status();
  std::size_t domains = 0;
  if (Status status = stored->for_each_domain([&](const DomainName&, const DomainRecord&) { return ++domains > 0; });
      !status.ok()) {
    return status;
  }
  text["domains"] = domains;
  if (Status status = describe_drafts(from_.registry, text); !status.ok()) return status;
  return text.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace modelfs
