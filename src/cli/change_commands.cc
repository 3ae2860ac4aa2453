// label, rm and restore.
#include <CLI/CLI.hpp>
#include <vector>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "control/resolve.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

struct LabelOptions : CommonOptions {
  std::string target;
  std::string version;
  std::string reason;
  bool remove = false;
};

struct RemoveOptions : CommonOptions {
  std::vector<std::string> targets;
  bool purge = false;
};

struct TargetOptions : CommonOptions {
  std::string target;
};

Result<Message> ask(const Location& location, const std::string& verb, Json fields) {
  const auto connection = connect_to_change(location);
  if (!connection.ok()) return connection.status();
  return (*connection)->channel().call(Channel::request(verb, std::move(fields)));
}

Status list_labels(const Location& location, bool json) {
  const auto labels = collect(location, "labels", {{"path", location.path}});
  if (!labels.ok()) return labels.status();
  if (json) return written(print_json(*labels));
  Table table({{"LABEL"}, {"VERSION"}, {"SINCE (UTC)"}, {"BY"}});
  for (const Json& label : *labels) {
    table.add({label.at("label").get<std::string>(), label.at("version").get<std::string>(),
               short_time(label.at("changed").get<std::string>()), label.at("by").get<std::string>()});
  }
  return written(print(table.text()));
}

// What a label names now.
Status say_label(const std::string& domain, Json label, bool json) {
  if (json) {
    label["domain"] = domain;
    return written(print_json(label));
  }
  return written(print(printable(domain + "/" + label.at("label").get<std::string>()) + " -> " +
                       printable(label.at("version").get<std::string>()) + "\n"));
}

Status label(const LabelOptions& options) {
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const std::vector<std::string> parts = split_path(location->path);
  if (parts.size() == 1 && options.version.empty() && !options.remove) return list_labels(*location, options.json);
  if (parts.size() != 2 || options.version.empty() != options.remove) {
    return {Code::InvalidArgument,
            printable(options.target) +
                ": write `label DOMAIN/LABEL VERSION`, `label --remove DOMAIN/LABEL` or `label DOMAIN`"};
  }
  if (options.remove) {
    const auto answer =
        ask(*location, "label.remove", {{"domain", parts[0]}, {"label", parts[1]}, {"reason", options.reason}});
    if (!answer.ok()) return answer.status();
    if (options.json) return written(print_json({{"domain", parts[0]}, {"label", parts[1]}, {"removed", true}}));
    return {};
  }
  const auto answer =
      ask(*location, "label.set",
          {{"domain", parts[0]}, {"label", parts[1]}, {"version", options.version}, {"reason", options.reason}});
  return answer.ok() ? say_label(parts[0], answer->body.at("label"), options.json) : answer.status();
}

Status rollback(const LabelOptions& options) {
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const std::vector<std::string> parts = split_path(location->path);
  if (parts.size() != 2) return {Code::InvalidArgument, printable(options.target) + ": write `rollback DOMAIN/LABEL`"};
  const auto answer =
      ask(*location, "label.rollback", {{"domain", parts[0]}, {"label", parts[1]}, {"reason", options.reason}});
  return answer.ok() ? say_label(parts[0], answer->body.at("label"), options.json) : answer.status();
}

struct StateOptions : CommonOptions {
  std::string target;
  std::vector<std::string> set;
  std::vector<std::string> unset;
};

Status state(const StateOptions& options) {
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const bool is_domain = split_path(location->path).size() == 1;
  if (is_domain && (!options.set.empty() || !options.unset.empty())) {
    return {Code::InvalidArgument, printable(options.target) + ": a release is in a state; write DOMAIN/VERSION"};
  }
  for (const auto& [verb, names] : {std::pair("state.set", options.set), std::pair("state.clear", options.unset)}) {
    for (const std::string& name : names) {
      const auto answer = ask(*location, verb, {{"path", location->path}, {"state", name}});
      if (!answer.ok()) return answer.status();
    }
  }
  if (!options.json && (!options.set.empty() || !options.unset.empty())) return {};
  const auto states = collect(*location, "states", {{"path", location->path}});
  if (!states.ok()) return states.status();
  if (options.json) return written(print_json(*states));
  std::string text;
  Table table({{"STATE"}, {"VERSION"}});
  for (const Json& item : *states) {
    const std::string name = item.at("state").get<std::string>();
    text += printable(name) + "\n";
    table.add({name, item.at("version").get<std::string>()});
  }
  return written(print(is_domain ? table.text() : text));
}

constexpr std::string_view kTrash = ".modelfs/trash/";

// A path in the trash is accepted as well: /m/.modelfs/trash/churn/1.2.0.
std::string without_trash(const std::string& path) {
  return path.starts_with(kTrash) ? path.substr(kTrash.size()) : path;
}

Result<Message> purge(const Location& location) {
  return ask(location, "purge",
             {{"path", without_trash(location.path)}, {"in_trash", location.path.starts_with(kTrash)}});
}

Status rm(const RemoveOptions& options) {
  Json removed = Json::array();
  Status first_failure;
  for (const std::string& target : options.targets) {
    const auto location = locate(target, options.store);
    if (!location.ok()) return location.status();
    const auto answer = options.purge ? purge(*location) : ask(*location, "remove", {{"path", location->path}});
    if (answer.ok()) {
      removed.push_back(answer->body);
      continue;
    }
    // As rm(1) does: removes all that can be removed, and names the others.
    if (!first_failure.ok()) (void)exit_code_of(answer.status());
    if (first_failure.ok()) first_failure = answer.status();
  }
  if (options.json) {
    if (Status status = written(print_json(removed)); !status.ok()) return status;
  }
  return first_failure;
}

Status restore(const TargetOptions& options) {
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto answer = ask(*location, "restore", {{"path", without_trash(location->path)}});
  if (!answer.ok()) return answer.status();
  return options.json ? written(print_json(answer->body)) : Status();
}

void add_reason_option(CLI::App& command, LabelOptions& options) {
  command.add_option("-m,--message", options.reason, "Why: `log` shows it");
}

}  // namespace

void add_label(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<LabelOptions>();
  CLI::App* const command =
      add_command(app, chosen, "label", "Set, remove or list labels: names that can be moved from version to version",
                  [options] { return label(*options); });
  command->add_option("TARGET", options->target, "DOMAIN/LABEL to set or remove, DOMAIN to list")->required();
  command->add_option("VERSION", options->version, "The version that the label is to name");
  command->add_flag("--remove", options->remove, "Remove the label; the version stays");
  add_reason_option(*command, *options);
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_rollback(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<LabelOptions>();
  CLI::App* const command = add_command(app, chosen, "rollback", "Set a label back to the version that it named before",
                                        [options] { return rollback(*options); });
  command->add_option("DOMAIN/LABEL", options->target, "The label")->required();
  add_reason_option(*command, *options);
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_state(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<StateOptions>();
  CLI::App* const command =
      add_command(app, chosen, "state", "Set and list states: named sets of releases, as in modelstore",
                  [options] { return state(*options); });
  command->add_option("TARGET", options->target, "DOMAIN/VERSION, or DOMAIN to list all")->required();
  command->add_option("--set", options->set, "Add the release to this state")->allow_extra_args(false);
  command->add_option("--unset", options->unset, "Remove the release from this state")->allow_extra_args(false);
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_rm(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<RemoveOptions>();
  CLI::App* const command =
      add_command(app, chosen, "rm", "Move releases to the trash of their domain", [options] { return rm(*options); });
  command->add_option("TARGET", options->targets, "Releases; a domain that has none any more goes itself")->required();
  command->add_flag("--purge", options->purge, "For good, out of the trash as well: nothing brings them back");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_restore(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<TargetOptions>();
  CLI::App* const command = add_command(app, chosen, "restore", "Restore a removed release from the trash",
                                        [options] { return restore(*options); });
  command->add_option("TARGET", options->target, "DOMAIN/VERSION; `ls --removed DOMAIN` lists removed releases")
      ->required();
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
