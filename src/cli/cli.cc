#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <system_error>

#include "base/log.h"
#include "base/names.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace modelfs {
namespace {

constexpr const char* kDescription =
    "modelfs - a model registry that is a directory\n\n"
    "A TARGET is a path on a mount, such as /m/churn/1.2.0, or, with --store STORE, a path in that store, such as "
    "churn/1.2.0.\n"
    "A command talks to the store's daemon if one runs; otherwise it opens the store itself.";
constexpr const char* kFooter =
    "Exit codes: 0 done; 1 refused or failed, with a message on stderr; 2 wrong command line; 3 not found;\n"
    "130 interrupted.";

// A message without control characters, which could move a terminal's cursor. Names in it were escaped where it was
// made; this is for the rest.
std::string harmless(const std::string& message) {
  std::string text;
  for (const char byte : message) {
    const auto code = static_cast<unsigned char>(byte);
    text += (code < 0x20 && byte != '\n') || code == 0x7f ? '?' : byte;
  }
  return text;
}

void add_all(CLI::App& app, Action& chosen, const MountRunner& mount) {
  add_mount(app, chosen, mount);
  add_umount(app, chosen);
  add_init(app, chosen);
  add_push(app, chosen);
  add_put(app, chosen);
  add_import(app, chosen);
  add_export(app, chosen);
  add_commit(app, chosen);
  add_get(app, chosen);
  add_ls(app, chosen);
  add_log(app, chosen);
  add_show(app, chosen);
  add_status(app, chosen);
  add_label(app, chosen);
  add_rollback(app, chosen);
  add_state(app, chosen);
  add_rm(app, chosen);
  add_restore(app, chosen);
  add_prune(app, chosen);
  add_verify(app, chosen);
  add_gc(app, chosen);
  add_sweep(app, chosen);
  add_du(app, chosen);
  add_doctor(app, chosen);
  add_version(app, chosen);
}

// The exit code of parsing: CLI11 reports help, versions and usage errors by exceptions.
int parse(CLI::App& app, int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "-";
  const auto is_first = [&first](const CLI::App* command) { return command->get_name() == first; };
  if (!first.starts_with('-') && app.get_subcommands(is_first).empty()) {
    std::fprintf(stderr, "modelfs: unknown command '%s'.\nTry 'modelfs --help'.\n", printable(first).c_str());
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
    return kExitOk;
  } catch (const CLI::Success& asked) {  // --help
    app.exit(asked);
    return -1;
  } catch (const CLI::ParseError& problem) {
    std::fprintf(stderr, "modelfs: %s\nTry 'modelfs --help'.\n", harmless(problem.what()).c_str());
    return kExitUsage;
  }
}

}  // namespace

int exit_code_of(const Status& status) {
  if (status.ok()) return kExitOk;
  std::fprintf(stderr, "modelfs: %s\n", harmless(status.message()).c_str());
  if (status.code() == Code::NotFound) return kExitNotFound;
  return status.code() == Code::Interrupted ? kExitInterrupted : kExitFailure;
}

CLI::App* add_command(CLI::App& app, Action& chosen, const std::string& name, const std::string& description,
                      Work work) {
  CLI::App* const command = app.add_subcommand(name, description);
  command->callback([&chosen, work = std::move(work)] { chosen = [work] { return exit_code_of(work()); }; });
  return command;
}

void add_store_option(CLI::App& command, CommonOptions& common) {
  command.add_option("--store", common.store, "The store's directory; targets are then paths inside it")
      ->type_name("STORE")
      ->envname("MODELFS_STORE");
}

void add_json_flag(CLI::App& command, CommonOptions& common) { command.add_flag("--json", common.json, "Print JSON"); }

Result<std::unique_ptr<Connection>> connect_to(const Location& location) {
  return Connection::open(location.store, location.device);
}

// Why here too, where the daemon refuses what its own options forbid: a bind mount, or one that was remounted, has
// rights of its own, which the daemon does not know.
Result<std::unique_ptr<Connection>> connect_to_change(const Location& location) {
  if (location.is_read_only) {
    return Status(Code::Immutable, printable(location.mount_point) +
                                       " is mounted read-only (`-o ro`); a command changes nothing through it");
  }
  return connect_to(location);
}

Result<nlohmann::json> collect(const Location& location, const std::string& verb, nlohmann::json fields) {
  const auto connection = connect_to(location);
  if (!connection.ok()) return connection.status();
  nlohmann::json items = nlohmann::json::array();
  const auto answer = (*connection)->channel().call(Channel::request(verb, std::move(fields)), [&](Message part) {
    for (nlohmann::json& item : part.body.at("items")) items.push_back(std::move(item));
    return Status();
  });
  if (!answer.ok()) return answer.status();
  return items;
}

Status written(bool ok) {
  return ok ? Status() : Status(Code::IoError, "it was done, but the output could not be written");
}

int run_cli(int argc, char** argv, const MountRunner& mount) {
  log::set_level(log::level::warn);
  CLI::App app(kDescription, "modelfs");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", "modelfs " MODELFS_VERSION);
  app.get_formatter()->column_width(34);
  app.get_formatter()->label("TEXT", "");
  app.get_formatter()->label("REQUIRED", "");
  Action chosen;
  add_all(app, chosen, mount);
  if (const int code = parse(app, argc, argv); code != kExitOk) return code < 0 ? kExitOk : code;
  try {
    return chosen();
  } catch (const nlohmann::json::exception& problem) {
    return exit_code_of({Code::Internal, std::string("the daemon's answer is malformed: ") + problem.what() +
                                             "; use the same version of modelfs for both"});
  } catch (const std::system_error& problem) {
    const bool is_thread = problem.code() == std::errc::resource_unavailable_try_again;
    const char* const what =
        is_thread ? "cannot start a thread; look at `ulimit -u`, or the container's limit: " : "failed: ";
    return exit_code_of({Code::Internal, std::string(what) + problem.what()});
  } catch (const std::exception& problem) {
    return exit_code_of({Code::Internal, std::string("failed: ") + problem.what()});
  }
}

}  // namespace modelfs
