// mount: parses its options and runs the mount.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/names.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/mount_options.h"
#include "cli/remote_address.h"

namespace modelfs {
namespace {

struct MountOptions {
  std::string first;   // the store, or the registry's remote; with --volatile the mount point
  std::string store;   // --store: of a host of that registry
  std::string second;  // the mount point
  std::vector<std::string> lists;
  MountRequest request;
};

Result<std::string> absolute(const std::string& path) {
  std::error_code error;
  const auto full = std::filesystem::absolute(path, error).lexically_normal();
  if (path.empty() || error) return Status(Code::InvalidArgument, "'" + printable(path) + "' is not a path");
  std::string text = full.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

Result<MountRequest> request_of(const MountOptions& options) {
  MountRequest request = options.request;
  if (Status status = parse_mount_options(options.lists, request); !status.ok()) return status;
  if (options.second.empty() != request.volatile_store) {
    return Status(Code::InvalidArgument, request.volatile_store
                                             ? "--volatile has no store: write `modelfs mount --volatile MOUNTPOINT`"
                                             : "write `modelfs mount STORE MOUNTPOINT`");
  }
  auto mount_point = absolute(request.volatile_store ? options.first : options.second);
  if (!mount_point.ok()) return mount_point.status();
  request.mount_point = *std::move(mount_point);
  const bool is_remote = !request.volatile_store && is_remote_url(options.first);
  if (is_remote) request.remote = options.first;
  if (!is_remote && !options.store.empty()) {
    return Status(Code::InvalidArgument,
                  "--store is for a registry in a bucket: write `modelfs mount s3://bucket/prefix MOUNTPOINT --store "
                  "DIRECTORY`, or `modelfs mount STORE MOUNTPOINT`");
  }
  if (!is_remote && !request.remote_options.empty()) {
    return Status(Code::InvalidArgument,
                  "-o " + printable(request.remote_options) + " is for a registry in a bucket, and a store was given");
  }
  if (request.volatile_store) return request;
  auto store = absolute(!is_remote              ? options.first
                        : options.store.empty() ? default_store_of(options.first)
                                                : options.store);
  if (!store.ok()) return store.status();
  request.store = *std::move(store);
  return request;
}

}  // namespace

void add_mount(CLI::App& app, Action& chosen, const MountRunner& mount) {
  const auto options = std::make_shared<MountOptions>();
  CLI::App* const command =
      app.add_subcommand("mount", "Mount a store at a directory; creates the store if it does not exist");
  command
      ->add_option("STORE", options->first,
                   "The store's directory; or a registry that many hosts share: s3://bucket/prefix or "
                   "file:///shared/directory (`modelfs init` makes one); omit it with --volatile")
      ->required();
  command
      ->add_option("--store", options->store,
                   "With s3:// or file://: this host's own directory for drafts and what it has read; below ~/.cache "
                   "(root: /var/cache) unless given")
      ->type_name("DIRECTORY");
  command->add_option("MOUNTPOINT", options->second, "The directory to mount it at");
  command
      ->add_option(
          "-o", options->lists,
          "ro, allow_other, no_passthrough, reserve=SIZE (free space to keep), cache=SIZE, poll=MICROSECONDS, "
          "client_root=PATH, recipes=off, archive_members=COUNT and other limits of archives; of a registry in "
          "a bucket: endpoint=URL, region=NAME, profile=NAME, ca=FILE, path_style, insecure, "
          "follow=MILLISECONDS, publish_deadline=SECONDS")
      ->type_name("OPTIONS")
      ->allow_extra_args(false);  // -o LIST may be repeated, but takes no path with it
  command->add_flag("-f", options->request.foreground, "Stay in the foreground");
  command->add_flag("-d", options->request.debug, "Log every request to stderr; stays in the foreground");
  command->add_flag("--volatile", options->request.volatile_store,
                    "Keep the store in memory until it is unmounted; takes no STORE");
  command->callback([&chosen, options, &mount] {
    chosen = [options, &mount] {
      const auto request = request_of(*options);
      if (request.ok()) return mount(*request);
      (void)exit_code_of(request.status());
      return kExitUsage;
    };
  });
}

}  // namespace modelfs
