// The subcommands of `modelfs`. Each add_…() describes one to the parser, and names the action that carries it out.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/status.h"
#include "cli/connection.h"
#include "cli/location.h"
#include "cli/mount_request.h"

namespace CLI {
class App;
}

namespace modelfs {

// The chosen subcommand; run after parsing, so that nothing is done on a wrong command line. Returns the process's exit
// code.
using Action = std::function<int()>;
// The same as a Status.
using Work = std::function<Status()>;

// What many commands share.
struct CommonOptions {
  std::string store;  // --store; empty: targets are paths on a mount
  bool json = false;  // --json
};

// Prints an error to stderr, and returns the exit code for it.
int exit_code_of(const Status& status);

// A subcommand whose `work` becomes `chosen`.
CLI::App* add_command(CLI::App& app, Action& chosen, const std::string& name, const std::string& description,
                      Work work);
void add_store_option(CLI::App& command, CommonOptions& common);
void add_json_flag(CLI::App& command, CommonOptions& common);

// A connection to the store of `location`. Messages name the target.
Result<std::unique_ptr<Connection>> connect_to(const Location& location);
// The same, to change something in it. Immutable: the target lies on a mount that is read-only.
Result<std::unique_ptr<Connection>> connect_to_change(const Location& location);
// All items of the list that it answers to `verb`.
Result<nlohmann::json> collect(const Location& location, const std::string& verb, nlohmann::json fields);
// Ok, unless the output could not be written.
Status written(bool ok);

void add_mount(CLI::App& app, Action& chosen, const MountRunner& mount);
void add_umount(CLI::App& app, Action& chosen);
void add_init(CLI::App& app, Action& chosen);
void add_push(CLI::App& app, Action& chosen);
void add_sweep(CLI::App& app, Action& chosen);
void add_put(CLI::App& app, Action& chosen);
void add_import(CLI::App& app, Action& chosen);
void add_export(CLI::App& app, Action& chosen);
void add_get(CLI::App& app, Action& chosen);
void add_commit(CLI::App& app, Action& chosen);
void add_ls(CLI::App& app, Action& chosen);
void add_log(CLI::App& app, Action& chosen);
void add_show(CLI::App& app, Action& chosen);
void add_status(CLI::App& app, Action& chosen);
void add_label(CLI::App& app, Action& chosen);
void add_rollback(CLI::App& app, Action& chosen);
void add_state(CLI::App& app, Action& chosen);
void add_rm(CLI::App& app, Action& chosen);
void add_restore(CLI::App& app, Action& chosen);
void add_verify(CLI::App& app, Action& chosen);
void add_gc(CLI::App& app, Action& chosen);
void add_du(CLI::App& app, Action& chosen);
void add_prune(CLI::App& app, Action& chosen);
void add_doctor(CLI::App& app, Action& chosen);
void add_version(CLI::App& app, Action& chosen);

}  // namespace modelfs
