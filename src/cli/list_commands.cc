// ls, log and show.
#include <CLI/CLI.hpp>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "control/resolve.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;
using Align = Table::Align;

// A number that std::uint64_t holds. Why not CLI11's own message: "Could not convert" says nothing of what there is.
CLI::Validator is_count() {
  constexpr std::size_t kDigitsMax = 18;
  const auto check = [](const std::string& text) {
    const bool is_read = !text.empty() && text.size() <= kDigitsMax && text.front() != '0' &&
                         text.find_first_not_of("0123456789") == std::string::npos;
    return is_read ? std::string() : "'" + printable(text) + "' is not a count; write a number from 1";
  };
  return CLI::Validator(check, "");
}

struct ListOptions : CommonOptions {
  std::string target;
  bool removed = false;
  std::uint64_t count_max = 0;
};

std::string string_in(const Json& document, const char* key) { return document.value(key, std::string()); }
std::uint64_t number_of(const Json& document, const char* key) { return document.value(key, std::uint64_t{0}); }
std::string size_of(const Json& document) { return human_size(number_of(document, "bytes")); }

std::string joined(const Json& names) {
  std::string text;
  for (const Json& name : names) text += (text.empty() ? "" : ",") + name.get<std::string>();
  return text;
}

Status list_domains(const Location& location, bool json) {
  const auto domains = collect(location, "domains", Json::object());
  if (!domains.ok()) return domains.status();
  if (json) return written(print_json(*domains));
  Table table({{"DOMAIN"}, {"RELEASES", Align::Right}, {"LATEST"}, {"OWNER"}, {"MODE"}, {"CHANGED (UTC)"}});
  for (const Json& domain : *domains) {
    const bool readable = domain.value("readable", false);
    table.add({string_in(domain, "domain"), readable ? std::to_string(number_of(domain, "releases")) : "?",
               string_in(domain, "latest"), string_in(domain, "owner"), string_in(domain, "mode"),
               short_time(string_in(domain, "changed"))});
  }
  return written(print(table.text()));
}

Status list_releases(const Location& location, const ListOptions& options) {
  const auto releases = collect(location, options.removed ? "removed" : "releases", {{"path", location.path}});
  if (!releases.ok()) return releases.status();
  if (options.json) return written(print_json(*releases));
  Table table({{"VERSION"},
               {"PUBLISHED (UTC)"},
               {"SIZE", Align::Right},
               {"FILES", Align::Right},
               {"GENERATIONS", Align::Right},
               {"LABELS"},
               {"DIGEST"}});
  for (const Json& release : *releases) {
    std::string labels = joined(release.value("labels", Json::array()));
    if (release.value("latest", false)) labels = labels.empty() ? "latest" : "latest," + labels;
    table.add({string_in(release, options.removed ? "name" : "version"), short_time(string_in(release, "published")),
               size_of(release), std::to_string(number_of(release, "files")),
               std::to_string(number_of(release, "generations")), labels, short_digest(string_in(release, "digest"))});
  }
  return written(print(table.text()));
}

Status print_files(const Json& files) {
  Table table({{"MODE"}, {"SIZE", Align::Right}, {"MODIFIED (UTC)"}, {"PATH"}});
  for (const Json& file : files) {
    const std::string type = string_in(file, "type");
    std::string path = string_in(file, "path");
    if (path.empty()) continue;  // the release itself
    if (type == "directory") path += '/';
    if (type == "symlink") path += " -> " + string_in(file, "target");
    table.add({string_in(file, "mode"), type == "file" ? human_size(number_of(file, "size")) : "",
               short_time(string_in(file, "mtime")), path});
  }
  return written(print(table.text()));
}

Status ls(const ListOptions& options) {
  const auto location = options.target.empty() ? locate_here(options.store) : locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const std::size_t depth = split_path(location->path).size();
  if (depth == 0) return list_domains(*location, options.json);
  if (depth == 1) return list_releases(*location, options);
  const auto files = collect(*location, "files", {{"path", location->path}});
  if (!files.ok()) return files.status();
  return options.json ? written(print_json(*files)) : print_files(*files);
}

// "publish 1.2.0", "set_label prod: 1.1.0 -> 1.2.0 (why)", "set_state 1.2.0 production".
std::string deed_of(const Json& record) {
  const std::string operation = string_in(record, "deed");
  if (record.contains("generation")) {
    return operation + " " + string_in(record, "version") + "/" + std::to_string(number_of(record, "generation"));
  }
  std::string deed = operation;
  if (record.contains("label")) deed += " " + string_in(record, "label") + ":";
  if (record.contains("previous")) deed += " " + string_in(record, "previous") + " ->";
  if (record.contains("version")) deed += " " + string_in(record, "version");
  if (record.contains("state")) deed += " " + string_in(record, "state");
  if (record.contains("reason")) deed += " (" + string_in(record, "reason") + ")";
  return deed;
}

Status log_of(const ListOptions& options) {
  const auto location =
      options.target.empty() ? locate_store("", options.store) : locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const bool is_of_all = split_path(location->path).empty();
  Json fields{{"path", location->path}};
  if (options.count_max > 0) fields["count_max"] = options.count_max;
  const auto records = collect(*location, "history", std::move(fields));
  if (!records.ok()) return records.status();
  if (options.json) return written(print_json(*records));
  std::vector<Table::Column> columns{{"SEQUENCE", Align::Right}, {"WHEN (UTC)"}, {"WHO"}, {"WHAT"}, {"DIGEST"}};
  if (is_of_all) columns.insert(columns.begin(), {"DOMAIN"});
  Table table(columns);
  for (const Json& record : *records) {
    std::vector<std::string> cells{std::to_string(number_of(record, "sequence")), short_time(string_in(record, "when")),
                                   string_in(record, "who"), deed_of(record),
                                   short_digest(string_in(record, "digest"))};
    if (is_of_all) cells.insert(cells.begin(), string_in(record, "domain"));
    table.add(std::move(cells));
  }
  return written(print(table.text()));
}

// The metadata as JSON where it is valid; it may contain NaN, which Python writes and JSON does not allow: then as
// text.
Json metadata_json(const std::string& text) {
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_discarded() ? Json(text) : parsed;
}

Status show(const ListOptions& options) {
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto connection = connect_to(*location);
  if (!connection.ok()) return connection.status();
  const auto answer = (*connection)->channel().call(Channel::request("show", {{"path", location->path}}));
  if (!answer.ok()) return answer.status();
  const Json& package = answer->body.at("package");
  if (options.json) {
    Json document = package;
    document["metadata"] = metadata_json(answer->bytes);
    return written(print_json(document));
  }
  std::string text;
  const auto line = [&](const std::string& title, const std::string& value) {
    if (!value.empty()) text += title + std::string(16 - title.size(), ' ') + printable(value) + "\n";
  };
  line("domain", string_in(package, "domain"));
  line("version", string_in(package, "version"));
  if (package.contains("generation")) line("generation", std::to_string(number_of(package, "generation")));
  line("labels", joined(package.value("labels", Json::array())));
  line("model id", string_in(package, "model_id"));
  line("digest", string_in(package, "digest"));
  line("sequence", std::to_string(number_of(package, "sequence")));
  line("published", short_time(string_in(package, "published")) + " UTC by " + string_in(package, "published_by"));
  line("program", string_in(package, "program"));
  line("content", counted(number_of(package, "files"), "file") + ", " + counted(number_of(package, "bytes"), "byte"));
  if (package.contains("generations")) line("generations", std::to_string(number_of(package, "generations")));
  text += "\n" + answer->bytes;
  if (!text.ends_with('\n')) text += '\n';
  return written(print(text));
}

}  // namespace

void add_ls(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* const command =
      add_command(app, chosen, "ls", "List domains, a domain's releases (newest first), or a release's files",
                  [options] { return ls(*options); });
  command->add_option("TARGET", options->target,
                      "A domain or release; default: that of the working directory, or all domains");
  command->add_flag("--removed", options->removed, "List a domain's removed releases, which `restore` brings back");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_log(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* const command =
      add_command(app, chosen, "log", "Show the history of a domain, release or label, newest first",
                  [options] { return log_of(*options); });
  command->add_option("TARGET", options->target, "A domain, release or label; default: the whole store");
  command->add_option("-n,--max-count", options->count_max, "Show at most COUNT entries")
      ->type_name("COUNT")
      ->check(is_count());
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_show(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ListOptions>();
  CLI::App* const command = add_command(app, chosen, "show", "Show a release or generation with its metadata",
                                        [options] { return show(*options); });
  command->add_option("TARGET", options->target, "A release or generation")->required();
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
