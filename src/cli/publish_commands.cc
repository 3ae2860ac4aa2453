// put, commit and get.
#include <CLI/CLI.hpp>
#include <filesystem>

#include "archive/archive_format.h"
#include "base/names.h"
#include "base/path.h"
#include "cli/commands.h"
#include "cli/commit_through_mount.h"
#include "cli/destination.h"
#include "cli/fetch.h"
#include "cli/fetch_archive.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/send_put.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

struct PutOptions : CommonOptions {
  std::string source;
  std::string target;
  std::string metadata;
};

struct CommitOptions : CommonOptions {
  std::string draft;
  std::string target;
};

struct GetOptions : CommonOptions {
  std::string target;
  std::string destination;
  bool without_generations = false;
};

// "churn/1.2.0/4".
std::string name_of(const Json& thing) {
  std::string name = thing.at("domain").get<std::string>() + "/" + thing.at("version").get<std::string>();
  if (thing.contains("generation")) name += "/" + std::to_string(thing.at("generation").get<std::uint64_t>());
  return name;
}

std::string files_and_bytes(const Json& thing) {
  return counted(thing.at("files").get<std::uint64_t>(), "file") + ", " +
         counted(thing.at("bytes").get<std::uint64_t>(), "byte");
}

Status report_published(const Json& published, bool json) {
  if (json) return written(print_json(published));
  std::string line = printable(name_of(published)) + "  " + published.at("digest").get<std::string>() + "  " +
                     files_and_bytes(published);
  if (const auto generations = published.value("generations", std::uint64_t{0}); generations > 0) {
    line += ", with " + counted(generations, "generation");
  }
  if (published.at("already_published").get<bool>()) line += "  already published";
  return written(print(line + "\n"));
}

Status put(const PutOptions& options) {
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  std::error_code ignored;
  PutSource source{options.source, std::string(face_suffix(options.source)), std::nullopt};
  const bool is_file = std::filesystem::is_regular_file(options.source, ignored);
  const bool is_archive = is_file && format_of_suffix(source.suffix).has_value();
  if (const std::string why = is_archive || !is_file ? "" : why_not_taken(options.source); !why.empty()) {
    return {Code::InvalidArgument,
            printable(options.source) + ": " + why + "; to publish the file as it is, put a directory that holds it"};
  }
  if (!is_archive) source.suffix.clear();
  if (!options.metadata.empty()) {
    auto document = read_metadata_file(options.metadata);
    if (!document.ok()) return document.status();
    source.metadata = std::move(*document);
  }
  const auto connection = connect_to_change(*location);
  if (!connection.ok()) return connection.status();
  catch_interrupts();
  const auto published = send_put((*connection)->channel(), source, location->path);
  if (!published.ok()) return published.status();
  return report_published(*published, options.json);
}

// A draft on a mount whose daemon cannot be asked: the mount itself commits it.
Status commit_there(const Location& draft, const CommitOptions& options) {
  Location target = draft;
  if (!options.target.empty()) {
    const auto named = locate(options.target, options.store);
    if (!named.ok()) return named.status();
    target = *named;
  }
  const auto done = commit_through_mount(draft.host_path, options.target.empty() ? "" : target.host_path);
  if (!done.ok()) return done.status();
  const std::string path = target.path.substr(0, target.path.rfind('/') + 1) + done->name;
  if (options.json) {
    const std::vector<std::string> parts = split_path(path);
    Json published{{"domain", parts.front()}, {"version", parts.at(1)}, {"digest", done->digest}};
    if (parts.size() > 2) published["generation"] = std::stoull(done->name);
    published["already_published"] = done->already;
    return written(print_json(published));
  }
  return written(print(printable(path) + "  " + done->digest + (done->already ? "  already published\n" : "\n")));
}

Status commit(const CommitOptions& options) {
  const auto draft = locate(options.draft, options.store);
  if (!draft.ok()) return draft.status();
  Json fields{{"draft", draft->path}};
  if (!options.target.empty()) {
    const auto target = locate(options.target, options.store);
    if (!target.ok()) return target.status();
    fields["target"] = target->path;
  }
  const auto connection = connect_to_change(*draft);
  if (connection.code() == Code::Denied && !draft->host_path.empty()) return commit_there(*draft, options);
  if (!connection.ok()) return connection.status();
  const auto answer = (*connection)->channel().call(Channel::request("commit", std::move(fields)));
  if (!answer.ok()) return answer.status();
  return report_published(answer->body.at("published"), options.json);
}

Status get_archive(const GetOptions& options, const Location& location, Channel& channel) {
  Result<std::uint64_t> size_bytes = 0;
  {
    Progress progress("get");
    size_bytes = fetch_archive(channel, location.path, options.destination,
                               [&](std::uint64_t done_bytes, std::uint64_t total_bytes) {
                                 progress.show(done_bytes, total_bytes);
                                 return check_interrupt();
                               });
  }
  if (!size_bytes.ok()) return size_bytes.status();
  if (options.json) return written(print_json({{"archive", options.destination}, {"bytes", *size_bytes}}));
  return written(print(printable(location.path) + "  " + counted(*size_bytes, "byte") + "  -> " +
                       printable(options.destination) + "\n"));
}

Status get(const GetOptions& options) {
  const auto kind = destination_of(options.destination);
  if (!kind.ok()) return kind.status();
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto connection = connect_to(*location);
  if (!connection.ok()) return connection.status();
  catch_interrupts();
  if (*kind == Destination::Archive) return get_archive(options, *location, (*connection)->channel());
  Result<Json> answer = Json();
  {
    Progress progress("get");
    const Fetch::OnProgress on_progress = [&](std::uint64_t done_bytes, std::uint64_t total_bytes) {
      progress.show(done_bytes, total_bytes);
      return check_interrupt();
    };
    Fetch fetch((*connection)->channel(), on_progress);
    answer = fetch.run(location->path, !options.without_generations, options.destination);
  }
  if (!answer.ok()) return answer.status();
  if (options.json) return written(print_json(*answer));
  const Json& packages = answer->at("packages");
  Json all{{"files", 0}, {"bytes", 0}};
  for (const Json& package : packages) {
    for (const char* figure : {"files", "bytes"}) {
      all[figure] = all[figure].get<std::uint64_t>() + package.at(figure).get<std::uint64_t>();
    }
  }
  std::string line = printable(name_of(packages.front())) + "  " + packages.front().at("digest").get<std::string>() +
                     "  " + files_and_bytes(all);
  if (packages.size() > 1) line += ", with " + counted(packages.size() - 1, "generation");
  return written(print(line + "  -> " + printable(options.destination) + "\n"));
}

}  // namespace

void add_put(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<PutOptions>();
  CLI::App* const command =
      add_command(app, chosen, "put", "Publish a directory or an archive as a release or generation",
                  [options] { return put(*options); });
  command->add_option("SRC", options->source, "A directory; or an archive: .tar .tar.gz .tgz .tar.zst .zip .4ml")
      ->required();
  command->add_option("TARGET", options->target, "DOMAIN/VERSION, DOMAIN/VERSION/next or DOMAIN/VERSION/NUMBER")
      ->required();
  command->add_option("--metadata", options->metadata, "A JSON file to store as its metadata document, byte for byte");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_commit(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<CommitOptions>();
  CLI::App* const command = add_command(app, chosen, "commit", "Publish a draft in place, or as TARGET",
                                        [options] { return commit(*options); });
  command->add_option("DIR", options->draft, "The draft, e.g. /m/churn/1.2.0 or /m/churn/.stage/x")->required();
  command->add_option("TARGET", options->target,
                      "The version or generation to publish it as; default: the one whose name it has");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_get(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<GetOptions>();
  CLI::App* const command =
      add_command(app, chosen, "get", "Copy a release to a directory or an archive; never leaves half a copy",
                  [options] { return get(*options); });
  command->add_option("TARGET", options->target, "A release or generation")->required();
  command
      ->add_option("DEST", options->destination,
                   "A directory that does not exist or is empty; or a file x.tar, x.tar.gz, x.tgz, x.tar.zst or x.zip")
      ->required();
  command->add_flag("--no-generations", options->without_generations, "Leave out the release's generations");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
