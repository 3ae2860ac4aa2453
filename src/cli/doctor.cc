// doctor: runs the checks and says what to do.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace modelfs {
namespace {

struct DoctorOptions : CommonOptions {
  std::string target;
};

const char* name_of(Health health) {
  switch (health) {
    case Health::Ok: return "ok";
    case Health::Warn: return "warn";
    case Health::Fail: return "fail";
  }
  return "fail";
}

// The stores to check: the one named, or all that are mounted.
Result<std::set<std::string>> stores_of(const DoctorOptions& options) {
  if (!options.target.empty() || !options.store.empty()) {
    const auto location = locate_store(options.target, options.store);
    if (!location.ok()) return location.status();
    return std::set<std::string>{location->store};
  }
  std::set<std::string> stores;
  const auto table = read_mounts();
  for (const Mount& mount : table.ok() ? *table : std::vector<Mount>()) {
    if (mount.is_ours()) stores.insert(mount.source);
  }
  return stores;
}

Status doctor(const DoctorOptions& options) {
  const auto stores = stores_of(options);
  if (!stores.ok()) return stores.status();
  std::vector<Finding> findings = check_machine();
  for (const Finding& finding : check_mounts()) findings.push_back(finding);
  for (const std::string& store : *stores) {
    for (Finding finding : check_store(store)) {
      finding.about = store + " " + finding.about;
      findings.push_back(std::move(finding));
    }
  }
  nlohmann::json document = nlohmann::json::array();
  std::string text;
  for (const Finding& finding : findings) {
    document.push_back({{"health", name_of(finding.health)},
                        {"about", finding.about},
                        {"message", finding.message},
                        {"next_step", finding.next_step}});
    const std::string health = name_of(finding.health);
    text += health + std::string(6 - health.size(), ' ') + finding.about + ": " + finding.message + "\n";
    if (!finding.next_step.empty()) text += "      next: " + finding.next_step + "\n";
  }
  if (Status status = written(options.json ? print_json(document) : print(text)); !status.ok()) return status;
  const auto failed =
      std::count_if(findings.begin(), findings.end(), [](const Finding& f) { return f.health == Health::Fail; });
  if (failed == 0) return {};
  return {Code::Unsupported, std::to_string(failed) + " of " + std::to_string(findings.size()) + " checks failed"};
}

}  // namespace

void add_doctor(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<DoctorOptions>();
  CLI::App* const command =
      add_command(app, chosen, "doctor", "Check the machine, the mounts and their stores for problems",
                  [options] { return doctor(*options); });
  command->add_option("STORE|MOUNT", options->target, "The store to check; default: all that are mounted");
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
