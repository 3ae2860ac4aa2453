#include "registry/pruner.h"

#include <algorithm>
#include <map>

#include "registry/access.h"

namespace modelfs {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// Whether somebody has a file of the release open, or of one of its generations.
Result<bool> is_release_open(const Snapshot& stored, const DomainName& domain, const ReleaseRecord& release,
                             const Pruner::IsOpen& is_open) {
  if (!is_open) return false;
  bool found = is_open(release.ino);
  const Status walked = stored.for_each_generation(domain, release.sequence, [&](const GenerationRecord& generation) {
    found = found || is_open(generation.ino);
    return !found;
  });
  if (!walked.ok()) return walked;
  return found;
}

// Adds what keeps the release that is number `place` of the newest, from 0.
void add_rule(const PruneRule& rule, std::uint64_t place, TimeNs since, PruneVerdict& verdict) {
  if (place == 0) verdict.kept_by.emplace_back("latest");
  if (rule.keep_last && place < *rule.keep_last) verdict.kept_by.emplace_back("keep-last");
  if (rule.keep_within_seconds && raw(verdict.published) >= raw(since)) verdict.kept_by.emplace_back("keep-within");
}

}  // namespace

Result<std::vector<PruneVerdict>> Pruner::judge(const DomainName& domain, const PruneRule& rule, const IsOpen& is_open,
                                                const Credentials& who) {
  const auto states = states_.list(domain);
  if (!states.ok()) return states.status();
  const auto stored = core_.snapshot();
  if (!stored.ok()) return stored.status();
  const auto head = stored->domain(domain);
  if (!head.ok()) return head.status();
  if (Status status = authorise(who, head->owner, Right::Publish, domain.str()); !status.ok()) return status;
  std::multimap<std::string, std::string> holders;
  for (const auto& [state, version] : *states) holders.emplace(version, "state " + state);
  Status status = stored->for_each_label(domain, [&](std::string_view name, const LabelRecord& label) {
    holders.emplace(label.version, "label " + std::string(name));
    return true;
  });
  std::vector<ReleaseRecord> releases;
  if (status.ok()) {
    status = stored->for_each_release(domain, [&](const ReleaseRecord& release) {
      releases.push_back(release);
      return true;
    });
  }
  if (!status.ok()) return status;
  std::sort(releases.begin(), releases.end(),
            [](const ReleaseRecord& a, const ReleaseRecord& b) { return raw(a.sequence) > raw(b.sequence); });
  const auto within = static_cast<std::int64_t>(
      std::min<std::uint64_t>(rule.keep_within_seconds.value_or(0), raw(now()) / kNsPerSecond));
  const TimeNs since{raw(now()) - within * kNsPerSecond};
  std::vector<PruneVerdict> verdicts;
  for (const ReleaseRecord& release : releases) {
    PruneVerdict verdict{release.version, release.published, release.total_bytes, {}};
    add_rule(rule, verdicts.size(), since, verdict);
    const auto [begin, end] = holders.equal_range(release.version);
    for (auto holder = begin; holder != end; ++holder) verdict.kept_by.push_back(holder->second);
    const auto open = is_release_open(*stored, domain, release, is_open);
    if (!open.ok()) return open.status();
    if (*open) verdict.kept_by.emplace_back("open");
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

Result<std::vector<PruneVerdict>> Pruner::prune(const DomainName& domain, const PruneRule& rule, const IsOpen& is_open,
                                                const Credentials& who) {
  if (!rule.keep_last && !rule.keep_within_seconds) {
    return Status(Code::InvalidArgument, "say what is to be kept: --keep-last N, --keep-within TIME, or both");
  }
  auto verdicts = judge(domain, rule, is_open, who);
  if (!verdicts.ok() || rule.is_dry_run) return verdicts;
  for (PruneVerdict& verdict : *verdicts) {
    if (!verdict.kept_by.empty()) continue;
    const Status removed = trash_.remove_unheld(domain, verdict.version, who);
    // Something holds it since, or somebody else has removed it.
    if (removed.code() == Code::Busy) verdict.kept_by.push_back(removed.message());
    if (!removed.ok() && removed.code() != Code::Busy && removed.code() != Code::NotFound) return removed;
  }
  return verdicts;
}

}  // namespace modelfs
