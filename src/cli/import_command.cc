// import: publishes the content of another system's directory as releases and generations.
#include <CLI/CLI.hpp>
#include <set>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/plan_import.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

struct ImportOptions : CommonOptions {
  std::string source;
  std::string target;
  std::vector<std::string> artifact_roots;
};

// What became of a plan.
struct Imported {
  std::size_t published = 0;
  std::size_t already = 0;
  std::size_t labelled = 0;
  std::size_t states = 0;
  std::set<std::string> refused;  // targets: what has their names here, if anything, is something else
  std::vector<ImportLeft> left;
};

// True: the next one would fail for the same reason.
bool ends_all(Code code) {
  return code == Code::NoSpace || code == Code::Denied || code == Code::Interrupted || code == Code::IoError;
}

// The version that a label of the registry names; empty: there is no such label yet.
Result<std::string> version_of_label(Channel& channel, const ImportLabel& label) {
  std::string version;
  const auto answer = channel.call(Channel::request("labels", {{"path", label.domain}}), [&](Message part) {
    for (const Json& item : part.body.at("items")) {
      if (item.at("label") == label.label) version = item.at("version").get<std::string>();
    }
    return Status();
  });
  if (!answer.ok()) return answer.status();
  return version;
}

// A label that was set to another version meanwhile was set on purpose, and stays.
Status set_label(Channel& channel, const ImportLabel& label, Imported& imported) {
  const auto present = version_of_label(channel, label);
  if (!present.ok()) return present.status();
  if (*present == label.version) return {};
  if (!present->empty()) return {Code::AlreadyExists, "the label names " + *present + " here, not " + label.version};
  const auto set = channel.call(
      Channel::request("label.set", {{"domain", label.domain}, {"label", label.label}, {"version", label.version}}));
  if (set.ok()) ++imported.labelled;
  return set.status();
}

Status set_labels(const ImportPlan& plan, Channel& channel, Imported& imported) {
  for (const ImportLabel& label : plan.labels) {
    const bool is_refused = imported.refused.contains(label.domain + "/" + label.version);
    const Status status = is_refused ? Status(Code::NotFound, "its version " + label.version + " was not imported")
                                     : set_label(channel, label, imported);
    if (status.ok()) continue;
    const std::string name = label.domain + "/" + label.label;
    if (ends_all(status.code())) return {status.code(), name + ": " + status.message()};
    imported.left.push_back({name, status.message()});
  }
  return {};
}

Status set_states(const ImportPlan& plan, Channel& channel, Imported& imported) {
  for (const ImportState& each : plan.states) {
    if (imported.refused.contains(each.target)) {
      imported.left.push_back({each.path, "a state of a model that is not imported"});
      continue;
    }
    const auto set = channel.call(Channel::request("state.set", {{"path", each.target}, {"state", each.state}}));
    if (set.ok()) ++imported.states;
    if (set.ok()) continue;
    if (ends_all(set.code())) return {set.code(), each.path + ": " + set.status().message()};
    imported.left.push_back({each.path, set.status().message()});
  }
  return {};
}

Result<Imported> carry_out(ImportPlan& plan, Channel& channel) {
  Imported imported;
  imported.left = std::move(plan.left);
  for (const ImportItem& item : plan.items) {
    if (Status status = check_interrupt(); !status.ok()) return status;
    const auto published = send_put(channel, item.source, item.target);
    if (published.ok()) {
      ++(published->at("already_published").get<bool>() ? imported.already : imported.published);
      continue;
    }
    if (ends_all(published.code())) {
      return Status(published.code(), item.target + ": " + published.status().message());
    }
    imported.left.push_back({item.source.path, published.status().message()});
    imported.refused.insert(item.target);
  }
  if (Status status = set_labels(plan, channel, imported); !status.ok()) return status;
  if (Status status = set_states(plan, channel, imported); !status.ok()) return status;
  return imported;
}

Status report(const ImportPlan& plan, const Imported& imported, bool json) {
  if (json) {
    Json left = Json::array();
    for (const ImportLeft& each : imported.left) left.push_back({{"path", each.path}, {"reason", each.reason}});
    return written(print_json({{"layout", plan.layout},
                               {"published", imported.published},
                               {"already_published", imported.already},
                               {"labels", imported.labelled},
                               {"states", imported.states},
                               {"left", std::move(left)}}));
  }
  Table table({{"NOT IMPORTED"}, {"WHY"}});
  for (const ImportLeft& each : imported.left) table.add({each.path, each.reason});
  return written(print(table.text() + plan.layout + ": " + counted(imported.published, "commit") + ", " +
                       std::to_string(imported.already) + " published already, " +
                       (plan.labels.empty() ? "" : counted(imported.labelled, "label") + ", ") +
                       (plan.states.empty() ? "" : counted(imported.states, "state") + ", ") +
                       std::to_string(imported.left.size()) + " not imported\n"));
}

Status check_source(const std::string& source) {
  // Its last component may be a symlink to a mount.
  const auto path = absolute_path(source + "/.");
  const auto table = read_mounts();
  return path.ok() && table.ok() ? check_not_ours(*table, *path) : Status();  // what is wrong there is said later
}

Status import(const ImportOptions& options) {
  const auto location = locate_store(options.target, options.store);
  if (!location.ok()) return location.status();
  if (Status status = check_source(options.source); !status.ok()) return status;
  auto plan = plan_import(options.source, options.artifact_roots);
  if (!plan.ok()) return plan.status();
  const auto connection = connect_to_change(*location);
  if (!connection.ok()) return connection.status();
  catch_interrupts();
  const auto imported = carry_out(*plan, (*connection)->channel());
  if (!imported.ok()) return {imported.code(), imported.status().message() + "; import again to go on"};
  if (Status status = report(*plan, *imported, options.json); !status.ok()) return status;
  if (plan->items.empty() || imported->published + imported->already > 0) return {};
  return {Code::Conflict, "nothing was imported: each of the " + counted(plan->items.size(), "model") +
                              " was refused, as the report says"};
}

}  // namespace

void add_import(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ImportOptions>();
  CLI::App* const command =
      add_command(app, chosen, "import", "Import a modelstore, a ForML registry or an MLflow store; can be repeated",
                  [options] { return import(*options); });
  command
      ->add_option("SRC", options->source,
                   "A directory that holds operatorai-model-store/, PROJECT/VERSION/package.4ml, or mlruns/")
      ->required();
  command->add_option("MOUNT", options->target,
                      "The mount to import into; default: the mount of the working directory, or the only one");
  command
      ->add_option("--artifact-root", options->artifact_roots,
                   "A further directory that may be read, where documents or symlinks of SRC lead to it; may be "
                   "repeated")
      ->option_text("DIR")
      ->allow_extra_args(false);
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
