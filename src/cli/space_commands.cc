// du and prune.
#include <CLI/CLI.hpp>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/duration.h"
#include "cli/output.h"
#include "control/resolve.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;
using Align = Table::Align;

struct UseOptions : CommonOptions {
  std::string target;
};

struct PruneOptions : CommonOptions {
  std::string target;
  std::string keep_last;
  std::string keep_within;
  bool dry_run = false;
};

std::string size_in(const Json& document, const char* key) { return human_size(document.at(key).get<std::uint64_t>()); }

// "churn", "churn/1.2.0", "churn/1.2.0 (trash)".
std::string what_of(const Json& row) {
  if (!row.contains("version")) return row.value("domain", std::string());
  if (row.contains("name")) return row.at("name").get<std::string>() + " (trash)";
  return row.at("version").get<std::string>();
}

Status du(const UseOptions& options) {
  const auto location =
      options.target.empty() ? locate_store("", options.store) : locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto connection = connect_to(*location);
  if (!connection.ok()) return connection.status();
  Json rows = Json::array();
  const auto answer =
      (*connection)->channel().call(Channel::request("du", {{"path", location->path}}), [&rows](Message part) {
        for (Json& item : part.body.at("items")) rows.push_back(std::move(item));
        return Status();
      });
  if (!answer.ok()) return answer.status();
  const Json& total = answer->body.at("total");
  if (options.json) return written(print_json({{"items", rows}, {"total", total}}));
  Table table({{split_path(location->path).empty() ? "DOMAIN" : "VERSION"},
               {"SIZE", Align::Right},
               {"OWN", Align::Right},
               {"SHARED", Align::Right},
               {"FREED BY PURGE", Align::Right}});
  const auto add = [&table](const std::string& title, const Json& row) {
    table.add({title, size_in(row, "bytes"), size_in(row, "own_bytes"), size_in(row, "shared_bytes"),
               size_in(row, "freeable_bytes")});
  };
  for (const Json& row : rows) add(what_of(row), row);
  if (rows.size() != 1) add("all of these", total);
  return written(print(table.text()));
}

Status prune(const PruneOptions& options) {
  const auto location = locate(options.target, options.store);
  if (!location.ok()) return location.status();
  const auto parts = split_path(location->path);
  if (parts.size() != 1) return {Code::InvalidArgument, printable(options.target) + ": name a domain"};
  Json fields{{"domain", parts[0]}, {"dry_run", options.dry_run}};
  if (!options.keep_last.empty()) fields["keep_last"] = std::stoull(options.keep_last);
  if (!options.keep_within.empty()) {
    const auto seconds = seconds_of(options.keep_within);
    if (!seconds.ok()) return seconds.status();
    fields["keep_within_seconds"] = *seconds;
  }
  const auto connection = connect_to_change(*location);
  if (!connection.ok()) return connection.status();
  Json verdicts = Json::array();
  const auto answer =
      (*connection)->channel().call(Channel::request("prune", std::move(fields)), [&verdicts](Message part) {
        for (Json& item : part.body.at("items")) verdicts.push_back(std::move(item));
        return Status();
      });
  if (!answer.ok()) return answer.status();
  if (options.json) return written(print_json(verdicts));
  Table table({{"VERSION"}, {"PUBLISHED (UTC)"}, {"SIZE", Align::Right}, {"WHAT"}});
  for (const Json& verdict : verdicts) {
    std::string what;
    for (const Json& keeper : verdict.at("kept_by")) what += (what.empty() ? "" : ", ") + keeper.get<std::string>();
    const std::string goes = options.dry_run ? "would go to the trash" : "is in the trash now";
    table.add({verdict.at("version").get<std::string>(), short_time(verdict.at("published").get<std::string>()),
               size_in(verdict, "bytes"), what.empty() ? goes : "kept: " + what});
  }
  return written(print(table.text()));
}

CLI::Validator is_number_from_one() {
  constexpr std::size_t kDigitsMax = 18;
  return CLI::Validator(
      [](const std::string& text) {
        const bool is_read = !text.empty() && text.size() <= kDigitsMax && text.front() != '0' &&
                             text.find_first_not_of("0123456789") == std::string::npos;
        return is_read ? std::string() : "'" + printable(text) + "' is not a count; write a number from 1";
      },
      "");
}

}  // namespace

void add_du(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<UseOptions>();
  CLI::App* const command = add_command(app, chosen, "du", "Show what domains or releases take, and what purging frees",
                                        [options] { return du(*options); });
  command->add_option("TARGET", options->target, "A domain or release; default: all domains of the store");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

void add_prune(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<PruneOptions>();
  CLI::App* const command = add_command(
      app, chosen, "prune", "Move old releases to the trash that nothing holds: no label, state or open file",
      [options] { return prune(*options); });
  command->add_option("DOMAIN", options->target, "The domain")->required();
  command->add_option("--keep-last", options->keep_last, "Keep so many of the newest")
      ->type_name("COUNT")
      ->check(is_number_from_one());
  command->add_option("--keep-within", options->keep_within, "Keep what was published since: 90d, 12h")
      ->type_name("TIME");
  command->add_flag("--dry-run", options->dry_run, "Only say what would go, and what keeps the others");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
