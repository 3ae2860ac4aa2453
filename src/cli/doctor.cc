// doctor: runs the checks and says what to do.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "cli/checks.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/remote_address.h"
#include "replica/registry_format.h"

namespace modelfs {
namespace {

// For all that a bucket is asked.
constexpr std::chrono::seconds kRemotePatience{30};

struct DoctorOptions : CommonOptions {
  std::string target;
  std::vector<std::string> options;
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

Result<std::vector<Finding>> check_here(const DoctorOptions& options) {
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
  return findings;
}

// Whether a registry that many hosts share can be reached, keeps its promises, and is there.
std::vector<Finding> check_remote(const DoctorOptions& options) {
  const auto remote = open_remote({options.target, joined_options(options.options)}, own_home());
  if (!remote.ok()) return {{Health::Fail, options.target, remote.status().message(), ""}};
  const std::string about = (*remote)->address();
  const auto deadline = std::chrono::steady_clock::now() + kRemotePatience;
  const auto facts = (*remote)->probe(deadline);
  if (!facts.ok()) return {{Health::Fail, about, facts.status().message(), ""}};
  std::string said = "it keeps what a registry needs";
  if (!facts->server.empty()) said += "; the server calls itself " + printable(facts->server);
  if (facts->clock_skew.count() != 0) {
    said += "; its clock is " + std::to_string(facts->clock_skew.count()) + " s ahead of this one";
  }
  std::vector<Finding> findings{{Health::Ok, about, said, ""}};
  const auto format = read_registry_format(**remote, deadline);
  if (format.ok()) {
    findings.push_back({Health::Ok, about, "registry " + format->id, ""});
  } else {
    const Health health = format.code() == Code::NotFound ? Health::Warn : Health::Fail;
    findings.push_back({health, about, format.status().message(), ""});
  }
  return findings;
}

Status doctor(const DoctorOptions& options) {
  const auto checked =
      is_remote_url(options.target) ? Result<std::vector<Finding>>(check_remote(options)) : check_here(options);
  if (!checked.ok()) return checked.status();
  const std::vector<Finding>& findings = *checked;
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
  command->add_option("STORE|MOUNT|REMOTE", options->target,
                      "The store to check, or s3://bucket/prefix; default: all that are mounted");
  command
      ->add_option("-o", options->options,
                   "Of s3://: endpoint=URL, region=NAME, profile=NAME, ca=FILE, path_style, insecure")
      ->type_name("OPTIONS")
      ->allow_extra_args(false);
  add_store_option(*command, *options);
  add_json_flag(*command, *options);
}

}  // namespace modelfs
