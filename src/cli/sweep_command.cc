// sweep: frees what a registry's bucket holds and nobody refers to.
#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace modelfs {
namespace {

struct SweepCommand : CommonOptions {
  std::string target;
  bool dry_run = false;
};

Status sweep_bucket(const SweepCommand& options) {
  const auto location = locate_store(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto connection = connect_to_change(*location);
  if (!connection.ok()) return connection.status();
  const auto answer = (*connection)->channel().call(Channel::request("sweep", {{"dry_run", options.dry_run}}));
  if (!answer.ok()) return answer.status();
  const nlohmann::json& report = answer->body;
  if (options.json) return written(print_json(report));
  const auto number = [&report](const char* key) { return report.at(key).get<std::uint64_t>(); };
  const std::string would = options.dry_run ? " would be" : "";
  return written(print(counted(number("objects"), "object") + ", " + human_size(number("bytes")) + "; " +
                       std::to_string(number("removed")) + would + " removed (" + human_size(number("removed_bytes")) +
                       "), " + std::to_string(number("condemned")) + would + " condemned (" +
                       human_size(number("condemned_bytes")) + ") and removed by a sweep after a day, " +
                       std::to_string(number("waiting")) + " waiting for that\n"));
}

}  // namespace

void add_sweep(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<SweepCommand>();
  CLI::App* const command =
      add_command(app, chosen, "sweep", "Free what the bucket of a registry holds and nobody refers to",
                  [options] { return sweep_bucket(*options); });
  command->add_option("STORE|MOUNT", options->target, "Default: the mount of the working directory, or the only one");
  command->add_flag("--dry-run", options->dry_run, "Change nothing, and say what would be done");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
