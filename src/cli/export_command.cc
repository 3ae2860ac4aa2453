// export: writes the content of a store in another system's layout.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/export_job.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "control/resolve.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

constexpr const char* kModelstore = "modelstore";
constexpr const char* kForml = "forml";

struct ExportOptions : CommonOptions {
  std::string layout;
  std::vector<std::string> paths;  // targets, then the directory
};

// The store, and the domains of it that were named; none: all.
struct Chosen {
  Location location;
  std::vector<std::string> domains;
};

Result<Chosen> choose(const ExportOptions& options) {
  const std::vector<std::string> targets(options.paths.begin(), options.paths.end() - 1);
  Chosen chosen;
  if (targets.empty()) {
    const auto location = locate_store("", options.store);
    if (!location.ok()) return location.status();
    chosen.location = *location;
  }
  bool wants_all = targets.empty();
  for (const std::string& target : targets) {
    const auto location = locate(target, options.store);
    if (!location.ok()) return location.status();
    if (!chosen.location.store.empty() && chosen.location.store != location->store) {
      return Status(Code::InvalidArgument, printable(target) + " lies in another store; export one at a time");
    }
    chosen.location = *location;
    const auto path = split_path(location->path);
    if (path.size() > 1) {
      return Status(Code::InvalidArgument, printable(target) + " is not a domain; name a mount, or domains on it");
    }
    wants_all = wants_all || path.empty();
    if (!path.empty()) chosen.domains.push_back(path.front());
  }
  if (wants_all) chosen.domains.clear();
  return chosen;
}

// What is written there would be published.
Status check_destination(const std::string& directory) {
  const auto path = absolute_path(directory);
  if (!path.ok()) return path.status();
  const auto table = read_mounts();
  if (!table.ok()) return table.status();
  if (!locate_on(*table, *path)) return {};
  return {Code::InvalidArgument,
          printable(directory) + ": lies on a modelfs mount; export to another directory, or use `modelfs import`"};
}

Status write_domains(ExportJob& job, const Chosen& chosen, const std::string& layout) {
  const auto domains = job.list("domains", "");
  if (!domains.ok()) return domains.status();
  for (const std::string& name : chosen.domains) {
    const auto is_it = [&](const Json& domain) { return domain.at("domain") == name; };
    if (std::none_of(domains->begin(), domains->end(), is_it)) {
      return {Code::NotFound, "no domain '" + printable(name) + "'; `modelfs ls` lists what there is"};
    }
  }
  for (const Json& domain : *domains) {
    const auto name = domain.at("domain").get<std::string>();
    const auto& only = chosen.domains;
    if (!only.empty() && std::find(only.begin(), only.end(), name) == only.end()) continue;
    if (!domain.at("readable").get<bool>()) {
      job.leave(name, "you may not read it");
      continue;
    }
    const Status status = layout == kForml ? export_forml(job, name) : export_modelstore(job, name);
    if (!status.ok()) return status;
  }
  return job.into().sync();
}

Status report(const ExportJob& job, const ExportDirectory& into, const ExportOptions& options) {
  const auto is_new = [](const ExportJob::Done& each) { return each.is_new; };
  const auto written_count = std::count_if(job.done().begin(), job.done().end(), is_new);
  const auto there_count = job.done().size() - static_cast<std::size_t>(written_count);
  if (options.json) {
    Json done = Json::array();
    for (const auto& each : job.done())
      done.push_back({{"path", each.path}, {"file", each.file}, {"new", each.is_new}});
    Json left = Json::array();
    for (const auto& each : job.left()) left.push_back({{"path", each.path}, {"reason", each.reason}});
    return written(print_json({{"layout", options.layout},
                               {"directory", into.path()},
                               {"written", written_count},
                               {"already_there", there_count},
                               {"exported", std::move(done)},
                               {"left", std::move(left)}}));
  }
  Table table({{"NOT WRITTEN"}, {"WHY"}});
  for (const auto& each : job.left()) table.add({each.path, each.reason});
  return written(print(table.text() + options.layout + " in " + printable(into.path()) + ": " +
                       std::to_string(written_count) + " written, " + std::to_string(there_count) + " there already, " +
                       std::to_string(job.left().size()) + " not written\n"));
}

Status run_export(const ExportOptions& options) {
  const auto chosen = choose(options);
  if (!chosen.ok()) return chosen.status();
  if (Status status = check_destination(options.paths.back()); !status.ok()) return status;
  // Before the store is opened here, which narrows the umask.
  const auto into = ExportDirectory::open(options.paths.back());
  if (!into.ok()) return into.status();
  const auto connection = connect_to(chosen->location);
  if (!connection.ok()) return connection.status();
  catch_interrupts();
  Status status;
  {
    ExportJob job((*connection)->channel(), **into);
    status = write_domains(job, *chosen, options.layout);
    if (status.ok()) return report(job, **into, options);
  }
  return {status.code(), status.message() + "; export again to go on"};
}

}  // namespace

void add_export(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ExportOptions>();
  CLI::App* const command =
      add_command(app, chosen, "export", "Export to a modelstore or a ForML registry; can be repeated",
                  [options] { return run_export(*options); });
  command->add_option("--layout", options->layout, "modelstore or forml")
      ->required()
      ->check(CLI::IsMember({kModelstore, kForml}));
  command
      ->add_option("TARGETS", options->paths,
                   "A mount, or domains on it (default: the mount of the working directory, or the only one); last, "
                   "the directory to "
                   "write to")
      ->required()
      ->option_text("[TARGET...] DIRECTORY");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
