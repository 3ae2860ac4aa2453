// push: a store on one disk becomes a registry that many hosts share.
#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/open_store.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "replica/push.h"

namespace modelfs {
namespace {

constexpr std::chrono::minutes kPushPatience{10};  // for a group of blobs

struct PushOptions : CommonOptions {
  std::string from;
  std::string url;
  std::vector<std::string> options;
};

Status push(const PushOptions& options) {
  if (!is_remote_url(options.url)) {
    return {Code::InvalidArgument,
            "'" + printable(options.url) + "' is no bucket; write s3://bucket/prefix or file:///shared/directory"};
  }
  const auto path = absolute_path(options.from);
  if (!path.ok()) return path.status();
  auto opened = open_store({.path = *path, .engine = {.ballast_bytes = kBallastBytes}});
  if (!opened.ok()) return opened.status();
  if (opened->replica) {
    return {Code::InvalidArgument, printable(*path) + " follows " + opened->replica->remote().address() +
                                       " already, so it is no registry of its own"};
  }
  const auto remote = open_remote({options.url, joined_options(options.options)}, own_home());
  if (!remote.ok()) return remote.status();
  const auto facts = (*remote)->probe(std::chrono::steady_clock::now() + kPushPatience);
  if (!facts.ok()) return facts.status();
  catch_interrupts();
  PushProgress last;
  {
    Progress progress("push");
    const Status status = push_store(*opened->engine.keys, *opened->engine.blobs, **remote, opened->lock.id(),
                                     kPushPatience, [&](const PushProgress& now) {
                                       last = now;
                                       progress.show(now.blobs_done, now.blobs_total);
                                       return check_interrupt().ok();
                                     });
    if (!status.ok()) return status;
  }
  if (options.json) {
    return written(print_json({{"address", (*remote)->address()},
                               {"id", opened->lock.id()},
                               {"blobs", last.blobs_total},
                               {"bytes_uploaded", last.bytes_done}}));
  }
  return written(print((*remote)->address() + " has all that " + printable(*path) + " has published (" +
                       counted(last.blobs_total, "blob") + ", " + human_size(last.bytes_done) +
                       " uploaded now).\nMount it on each host: modelfs mount " + options.url +
                       " MOUNTPOINT\nFrom now on publish there: what is published into the old store stays there.\n"));
}

}  // namespace

void add_push(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<PushOptions>();
  CLI::App* const command =
      add_command(app, chosen, "push", "Make a bucket of a store: a registry that many hosts share",
                  [options] { return push(*options); });
  command->add_option("STORE", options->from, "The store's directory; no daemon may serve it")->required();
  command->add_option("REMOTE", options->url, "s3://bucket/prefix, or file:///shared/directory")->required();
  command->add_option("-o", options->options, "endpoint=URL, region=NAME, profile=NAME, ca=FILE, path_style, insecure")
      ->type_name("OPTIONS")
      ->allow_extra_args(false);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
