// Commits of which nobody knows whether they took place, because the disk failed and could not be read again.
#include <algorithm>

#include "base/log.h"
#include "registry/registry.h"

namespace modelfs {
namespace {

Events::Fields fields_of(const DomainName& domain, const Batch::Put& telling) {
  Events::Fields fields{{"domain", domain.str()}};
  const auto history = HistoryRecord::decode(telling.value);
  if (!history.ok()) return fields;
  fields.emplace_back("sequence", std::to_string(raw(history->sequence)));
  if (!history->version.empty()) fields.emplace_back("version", history->version);
  if (!history->label.empty()) fields.emplace_back("label", history->label);
  return fields;
}

}  // namespace

Status Registry::check_certain() { return engine_.keys->commit(Batch(), Durability::Buffered); }

void Registry::doubt(const DomainName& domain, const Batch& batch, const std::function<void(bool)>& when_known) {
  const auto telling = std::find_if(batch.puts.begin(), batch.puts.end(),
                                    [](const Batch::Put& put) { return put.key.starts_with("h/"); });
  if (telling == batch.puts.end()) return;  // it changes no content: whoever reads next sees what became of it
  events_.append("uncertain", fields_of(domain, *telling));
  const MutexLock lock(doubts_mutex_);
  doubts_.push_back({domain, *telling, when_known});
  ask_at_ = raw(now());
}

void Registry::resolve_doubts() {
  std::vector<Doubt> open;
  {
    const MutexLock lock(doubts_mutex_);
    open.swap(doubts_);
  }
  while (!open.empty() && resolve(open.back())) open.pop_back();
  const MutexLock lock(doubts_mutex_);
  doubts_.insert(doubts_.end(), open.begin(), open.end());
  if (!doubts_.empty()) ask_at_ = raw(now()) + kAskAgainNs;
}

bool Registry::resolve(const Doubt& doubt) {
  Batch asks;
  asks.expect(doubt.telling.key, doubt.telling.value);
  const Status answer = engine_.keys->commit(asks, Durability::Buffered);
  const bool took_place = answer.ok();
  if (!took_place && answer.code() != Code::Conflict) return false;
  auto fields = fields_of(doubt.domain, doubt.telling);
  fields.emplace_back("took_place", took_place ? "yes" : "no");
  events_.append("resolved", fields);
  log::info("a commit to {} that was uncertain {}", doubt.domain.str(),
            took_place ? "took place" : "did not take place");
  if (doubt.when_known) doubt.when_known(took_place);
  if (const auto head = domain(doubt.domain); took_place && head.ok()) {
    tell_changed(head->ino);
    tell_changed(stage_of(*head));
  }
  return true;
}

}  // namespace modelfs
