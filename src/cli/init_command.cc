// init: makes a registry that many hosts share.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/names.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote_address.h"
#include "replica/registry_format.h"

namespace modelfs {
namespace {

// For all that it asks, and for the making itself.
constexpr std::chrono::seconds kPatience{30};

struct InitOptions {
  std::string url;
  std::vector<std::string> options;
  CommonOptions common;
};

Status init(const InitOptions& options) {
  if (!is_remote_url(options.url)) {
    return {Code::InvalidArgument, "'" + printable(options.url) +
                                       "' is no bucket; write s3://bucket/prefix or file:///shared/directory. A store "
                                       "on one disk is made by `modelfs mount STORE MOUNTPOINT`"};
  }
  const auto remote = open_remote({options.url, joined_options(options.options)}, own_home());
  if (!remote.ok()) return remote.status();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  // Why before anything is made: a server that ignores conditions would let two hosts win.
  const auto facts = (*remote)->probe(deadline);
  if (!facts.ok()) return facts.status();
  bool is_new = false;
  const auto format = init_registry(**remote, deadline, &is_new);
  if (!format.ok()) return format.status();
  if (options.common.json) {
    const nlohmann::json answer{{"address", (*remote)->address()}, {"id", format->id}, {"new_registry", is_new}};
    return written(print_json(answer));
  }
  return written(print((is_new ? "A registry was made at " : "There is a registry already at ") + (*remote)->address() +
                       ".\nMount it on each host: modelfs mount " + options.url + " MOUNTPOINT\n"));
}

}  // namespace

void add_init(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<InitOptions>();
  CLI::App* const command =
      add_command(app, chosen, "init", "Make a registry that many hosts share, in a bucket or a shared directory",
                  [options] { return init(*options); });
  command->add_option("REMOTE", options->url, "s3://bucket/prefix, or file:///shared/directory")->required();
  command->add_option("-o", options->options, "endpoint=URL, region=NAME, profile=NAME, ca=FILE, path_style, insecure")
      ->type_name("OPTIONS")
      ->allow_extra_args(false);
  add_json_flag(*command, options->common);
}

}  // namespace modelfs
