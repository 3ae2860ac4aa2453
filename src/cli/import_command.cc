// import: what another system's directory holds becomes releases and generations.
#include <CLI/CLI.hpp>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/import_plan.h"
#include "cli/interrupt.h"
#include "cli/output.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

struct ImportOptions : CommonOptions {
  std::string source;
  std::string target;
};

// What became of a plan.
struct Imported {
  std::size_t published = 0;
  std::size_t already = 0;
  std::vector<ImportLeft> left;
};

Result<Imported> carry_out(ImportPlan& plan, Channel& channel) {
  Imported imported;
  imported.left = std::move(plan.left);
  for (const ImportItem& item : plan.items) {
    if (Status status = check_interrupt(); !status.ok()) return status;
    const auto published = send_put(channel, item.source, item.target);
    if (published.ok()) {
      ++(published->at("already_published").get<bool>() ? imported.already : imported.published);
      continue;
    }
    const Code code = published.code();
    // The next one would fail for the same reason.
    if (code == Code::NoSpace || code == Code::Denied || code == Code::Interrupted || code == Code::IoError) {
      return Status(code, item.target + ": " + published.status().message());
    }
    imported.left.push_back({item.source.path, published.status().message()});
  }
  return imported;
}

Status report(const ImportPlan& plan, const Imported& imported, bool json) {
  if (json) {
    Json left = Json::array();
    for (const ImportLeft& each : imported.left) left.push_back({{"path", each.path}, {"reason", each.reason}});
    return written(print_json({{"layout", plan.layout},
                               {"published", imported.published},
                               {"already_published", imported.already},
                               {"left", std::move(left)}}));
  }
  Table table({{"NOT TAKEN"}, {"WHY"}});
  for (const ImportLeft& each : imported.left) table.add({each.path, each.reason});
  return written(print(table.text() + plan.layout + ": " + counted(imported.published, "commit") + ", " +
                       std::to_string(imported.already) + " published already, " +
                       std::to_string(imported.left.size()) + " not taken\n"));
}

Status import(const ImportOptions& options) {
  const auto location = locate_store(options.target, options.store);
  if (!location.ok()) return location.status();
  auto plan = plan_import(options.source);
  if (!plan.ok()) return plan.status();
  catch_interrupts();
  const auto connection = connect_to(*location);
  if (!connection.ok()) return connection.status();
  const auto imported = carry_out(*plan, (*connection)->channel());
  if (!imported.ok()) return {imported.code(), imported.status().message() + "; import again to go on"};
  return report(*plan, *imported, options.json);
}

}  // namespace

void add_import(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<ImportOptions>();
  CLI::App* const command =
      add_command(app, chosen, "import", "Take over a modelstore or a registry of ForML; may be repeated",
                  [options] { return import(*options); });
  command
      ->add_option("SRC", options->source,
                   "A directory that holds operatorai-model-store/, or PROJECT/VERSION/package.4ml")
      ->required();
  command->add_option("MOUNT", options->target, "The mount that takes it; by default the one around, or the only one");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
