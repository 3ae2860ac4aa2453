#include "registry/commit_doubts.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/types.h"
#include "catalog/records.h"
#include "registry/deed_events.h"

namespace modelfs {
namespace {

Events::Fields fields_of(const DomainName& domain, const Batch::Put& telling) {
  const auto history = HistoryRecord::decode(telling.value);
  if (!history.ok()) return {{"domain", domain.str()}};
  Events::Fields fields = fields_of_deed(domain, *history);
  fields.emplace_back("deed", std::string(operation_name(history->operation)));
  return fields;
}

}  // namespace

Status CommitDoubts::check_certain() const { return keys_.commit(Batch(), Durability::Buffered); }

void CommitDoubts::add(const DomainName& domain, const Batch& batch, const std::function<void(bool)>& when_known) {
  const auto telling = std::find_if(batch.puts.begin(), batch.puts.end(),
                                    [](const Batch::Put& put) { return put.key.starts_with("h/"); });
  if (telling == batch.puts.end()) return;  // it changes no content: whoever reads next sees what became of it
  events_.append("uncertain", fields_of(domain, *telling));
  const MutexLock lock(mutex_);
  doubts_.push_back({domain, *telling, when_known});
  ask_at_ = raw(now());
}

void CommitDoubts::ask_if_due() {
  if (auto due = ask_at_.load(); due != kNever && raw(now()) >= due && ask_at_.compare_exchange_strong(due, kNever)) {
    resolve_later_();
  }
}

void CommitDoubts::resolve() {
  std::vector<Doubt> open;
  {
    const MutexLock lock(mutex_);
    if (is_stopped_) return;
    is_resolving_ = true;
    open.swap(doubts_);
  }
  while (!open.empty() && resolve_one(open.back())) open.pop_back();
  const MutexLock lock(mutex_);
  doubts_.insert(doubts_.end(), open.begin(), open.end());
  if (!doubts_.empty()) ask_at_ = raw(now()) + kAskAgainNs;
  is_resolving_ = false;
  resolved_.notify_all();
}

void CommitDoubts::stop() {
  const MutexLock lock(mutex_);
  is_stopped_ = true;
  while (is_resolving_) resolved_.wait(mutex_);
}

void CommitDoubts::forget() {
  std::vector<Doubt> forgotten;
  const MutexLock lock(mutex_);
  forgotten.swap(doubts_);
}

bool CommitDoubts::resolve_one(const Doubt& doubt) {
  Batch asks;
  asks.expect(doubt.telling.key, doubt.telling.value);
  const Status answer = keys_.commit(asks, Durability::Buffered);
  const bool took_place = answer.ok();
  if (!took_place && answer.code() != Code::Conflict) return false;
  auto fields = fields_of(doubt.domain, doubt.telling);
  fields.emplace_back("took_place", took_place);
  events_.append("resolved", fields);
  log::info("a commit to {} that was uncertain {}", doubt.domain.str(),
            took_place ? "took place" : "did not take place");
  if (doubt.when_known) doubt.when_known(took_place);
  if (took_place) on_took_place_(doubt.domain);
  return true;
}

}  // namespace modelfs
