// status, verify, gc and version.
#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <ctime>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

struct CareOptions : CommonOptions {
  std::string target;
};

Json mount_points_of(const std::string& store) {
  Json points = Json::array();
  const auto table = read_mounts();
  if (!table.ok()) return points;
  for (const Mount& mount : *table) {
    if (mount.is_ours() && mount.source == store) points.push_back(mount.mount_point);
  }
  return points;
}

// What a host that follows a registry of many hosts knows of it.
std::string registry_text(const Json& registry) {
  std::string text = registry.at("address").get<std::string>() + ", followed up to record " +
                     std::to_string(registry.at("next_record").get<std::uint64_t>() - 1);
  if (!registry.at("publishes").get<bool>()) {
    text += "; nothing is published any more: " + registry.value("failure", "");
  } else if (!registry.at("reachable").get<bool>()) {
    text +=
        "; not reached since " + short_time(registry.value("last_answer", "")) + ": " + registry.value("failure", "");
  }
  if (registry.at("unsettled").get<bool>()) text += "; what became of the last commit is not known yet";
  return text;
}

std::string status_text(const Json& status) {
  std::string text;
  const auto line = [&](const std::string& title, const std::string& value) {
    text += title + std::string(10 - title.size(), ' ') + printable(value) + "\n";
  };
  const auto number = [](const Json& document, const char* key) { return document.at(key).get<std::uint64_t>(); };
  line("store", status.at("store").get<std::string>() + " (" + status.at("engine").get<std::string>() + ")");
  std::string mounts;
  for (const Json& point : status.at("mount_points")) mounts += (mounts.empty() ? "" : ", ") + point.get<std::string>();
  const bool has_daemon = status.at("daemon").get<bool>();
  if (mounts.empty()) {
    line("mounted", has_daemon ? "not in this mount namespace, but a daemon runs" : "no");
  } else {
    line("mounted", "at " + mounts + (has_daemon ? "" : ", but its daemon is gone: `modelfs umount` unmounts it"));
  }
  if (status.contains("registry")) line("registry", registry_text(status.at("registry")));
  const Json& space = status.at("space");
  line("space", human_size(number(space, "free_bytes")) + " free of " + human_size(number(space, "size_bytes")));
  const Json& counts = status.at("counts");
  line("content", counted(number(counts, "domains"), "domain") + ", " + counted(number(counts, "releases"), "release") +
                      ", " + counted(number(counts, "generations"), "generation") + ", " +
                      std::to_string(number(counts, "removed")) + " in the trash");
  if (const Json& archives = status.at("archives");
      number(archives, "recipes") + number(archives, "unsuited") + number(archives, "waiting") > 0) {
    line("archives", std::to_string(number(archives, "recipes")) + " by recipe, " +
                         std::to_string(number(archives, "unsuited") + number(archives, "waiting")) +
                         " stored as uploaded (" + human_size(number(archives, "kept_bytes")) + "), " +
                         std::to_string(number(archives, "waiting")) + " not examined yet");
  }
  line("packages", counted(number(counts, "files"), "file") + ", " + human_size(number(counts, "bytes")));
  line("drafts", std::to_string(number(status, "draft_count")));

  Table drafts({{"DRAFT"},
                {"FILES", Table::Align::Right},
                {"SIZE", Table::Align::Right},
                {"AGE", Table::Align::Right},
                {"OWNER"},
                {""}});
  const std::int64_t now_seconds = std::time(nullptr);
  for (const Json& draft : status.at("drafts")) {
    drafts.add({draft.at("path").get<std::string>(), std::to_string(number(draft, "files")),
                human_size(number(draft, "bytes")),
                human_age(now_seconds - parse_time(draft.at("changed").get<std::string>())),
                draft.at("owner").get<std::string>(),
                draft.at("under_version").get<bool>() ? "under a version's name: `modelfs commit` publishes it" : ""});
  }
  return drafts.empty() ? text : text + "\n" + drafts.text();
}

Status status(const CareOptions& options) {
  const auto location = locate_store(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto connection = connect_to(*location);
  if (!connection.ok()) return connection.status();
  const auto answer = (*connection)->channel().call(Channel::request("status"));
  if (!answer.ok()) return answer.status();
  Json document = answer->body;
  document["store"] = location->store;
  document["daemon"] = (*connection)->has_daemon();
  document["mount_points"] = mount_points_of(location->store);
  return written(options.json ? print_json(document) : print(status_text(document)));
}

Result<Location> verify_location(const CareOptions& options) {
  if (options.target.empty()) return locate_store("", options.store);
  auto target = locate(options.target, options.store);
  return target.ok() || !options.store.empty() ? target : locate_store(options.target, "");
}

Status verify(const CareOptions& options) {
  const auto location = verify_location(options);
  if (!location.ok()) return location.status();
  const auto connection = connect_to(*location);
  if (!connection.ok()) return connection.status();
  Result<Message> answer = Message();
  {
    Progress progress("verify");
    Json fields = Json::object();
    if (!location->path.empty()) fields["path"] = location->path;
    answer = (*connection)->channel().call(Channel::request("verify", std::move(fields)), [&](Message part) {
      const Json& at = part.body.at("progress");
      progress.show(at.at("done_bytes").get<std::uint64_t>(), at.at("total_bytes").get<std::uint64_t>());
      return Status();
    });
  }
  if (!answer.ok()) return answer.status();
  const Json& report = answer->body;
  const auto problems = report.at("problem_count").get<std::uint64_t>();
  if (options.json) {
    if (Status status = written(print_json(report)); !status.ok()) return status;
  } else {
    std::string text = counted(report.at("blobs").get<std::uint64_t>(), "blob") + ", " +
                       counted(report.at("bytes").get<std::uint64_t>(), "byte") + " read, " +
                       counted(problems, "problem") + "\n";
    for (const Json& problem : report.at("problems")) text += printable(problem.get<std::string>()) + "\n";
    if (Status status = written(print(text)); !status.ok()) return status;
  }
  if (problems == 0) return {};
  return {Code::Corrupt, counted(problems, "file") + " damaged; publish them again, or restore a backup of the store"};
}

struct GcOptions : CareOptions {
  bool trash = false;
  std::string older_than;
};

Status gc(const GcOptions& options) {
  if (!options.older_than.empty() && !options.trash) {
    return {Code::InvalidArgument, "--older-than says what of the trash goes; write `gc --trash --older-than TIME`"};
  }
  const auto location = locate_store(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto connection = connect_to_change(*location);
  if (!connection.ok()) return connection.status();
  Json purged;
  if (options.trash) {
    const auto seconds = options.older_than.empty() ? Result<std::uint64_t>(0) : seconds_of(options.older_than);
    if (!seconds.ok()) return seconds.status();
    const auto emptied =
        (*connection)->channel().call(Channel::request("trash.empty", {{"older_than_seconds", *seconds}}));
    if (!emptied.ok()) return emptied.status();
    purged = emptied->body;
  }
  const auto answer = (*connection)->channel().call(Channel::request("gc"));
  if (!answer.ok()) return answer.status();
  Json report = answer->body;
  if (options.trash) {
    for (const char* key : {"blobs_removed", "bytes_freed"}) {
      report[key] = report.at(key).get<std::uint64_t>() + purged.at(key).get<std::uint64_t>();
    }
    report["releases_purged"] = purged.at("releases_purged");
    const std::string text = counted(report["releases_purged"].get<std::uint64_t>(), "release") + " purged\n";
    if (Status status = options.json ? Status() : written(print(text)); !status.ok()) return status;
  }
  if (options.json) return written(print_json(report));
  return written(print(counted(report.at("blobs_removed").get<std::uint64_t>(), "blob") + " removed, " +
                       human_size(report.at("bytes_freed").get<std::uint64_t>()) + " freed; " +
                       counted(report.at("draft_files_removed").get<std::uint64_t>(), "leftover draft file") +
                       " removed\n"));
}

Status version(const CommonOptions& options) {
  utsname system{};
  ::uname(&system);
  if (options.json) return written(print_json({{"version", MODELFS_VERSION}, {"kernel", system.release}}));
  return written(print("modelfs " MODELFS_VERSION "\n"));
}

}  // namespace

void add_status(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<CareOptions>();
  CLI::App* const command = add_command(app, chosen, "status", "Show the state of a store, and its drafts",
                                        [options] { return status(*options); });
  command->add_option("STORE|MOUNT", options->target, "Default: the mount of the working directory, or the only one");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_verify(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<CareOptions>();
  CLI::App* const command = add_command(app, chosen, "verify", "Read every blob and check its digest",
                                        [options] { return verify(*options); });
  command->add_option("TARGET", options->target, "A domain, release, mount or store; default: the whole store");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_gc(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<GcOptions>();
  CLI::App* const command =
      add_command(app, chosen, "gc", "Free unreferenced blobs", [options] { return gc(*options); });
  command->add_option("STORE|MOUNT", options->target, "Default: the mount of the working directory, or the only one");
  command->add_flag("--trash", options->trash, "Purge what is in the trash of all domains first");
  command->add_option("--older-than", options->older_than, "Of that only what was removed that long ago: 30d, 12h");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_version(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<CommonOptions>();
  CLI::App* const command =
      add_command(app, chosen, "version", "Print the version", [options] { return version(*options); });
  add_json_flag(*command, *options);
}

}  // namespace modelfs
