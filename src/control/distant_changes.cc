#include "control/distant_changes.h"

#include <set>

#include "base/codec.h"
#include "base/log.h"
#include "base/names.h"
#include "catalog/keys.h"
#include "registry/deed_events.h"

namespace modelfs {
namespace {

// Names that are tried for a draft that makes way.
constexpr int kNamesTriedMax = 1000;

// The parts of a key of a domain: "r/<domain>\0<rest>".
struct KeyOfDomain {
  keys::Kind kind;
  DomainName domain;
  std::string rest;
};

std::optional<KeyOfDomain> parse_key(std::string_view key) {
  if (key.size() < 3) return std::nullopt;
  const auto kind = keys::Kind{key.front()};
  switch (kind) {
    case keys::Kind::Domain:
    case keys::Kind::Release:
    case keys::Kind::Generation:
    case keys::Kind::Label:
    case keys::Kind::Removed:
    case keys::Kind::History: break;
    default: return std::nullopt;
  }
  const std::string_view path = key.substr(2);
  const std::size_t end = std::min(path.find('\0'), path.size());
  auto domain = DomainName::parse(std::string(path.substr(0, end)));
  if (!domain.ok()) return std::nullopt;
  return KeyOfDomain{kind, *std::move(domain), std::string(path.substr(std::min(end + 1, path.size())))};
}

}  // namespace

// All on one thread.
class DistantChanges::Teller {
 public:
  Teller(Registry& registry, Hooks hooks, std::function<void(Ino)> on_changed)
      : registry_(registry), hooks_(std::move(hooks)), on_changed_(std::move(on_changed)) {}

  void tell(const std::vector<Batch>& changes) {
    for (const Batch& batch : changes) tell(batch);
  }

  // Drafts whose names are taken by now.
  void move_aside_all() {
    std::vector<std::pair<DomainName, DomainRecord>> domains;
    {
      const auto stored = registry_.snapshot();
      if (!stored.ok()) return;
      const Status walked = stored->for_each_domain([&](const DomainName& name, const DomainRecord& head) {
        domains.emplace_back(name, head);
        return true;
      });
      if (!walked.ok()) log::warn("{}", walked.message());
    }
    for (const auto& [domain, head] : domains) {
      const auto drafts = registry_.drafts().tree().list(head.ino);
      if (!drafts.ok()) continue;
      for (const DraftName& draft : *drafts) move_aside(domain, head, draft.name);
    }
  }

 private:
  void tell(const Batch& batch) {
    std::set<std::string> domains;
    for (const std::string& key : batch.erases) tell_erased(key, domains);
    for (const Batch::Put& put : batch.puts) tell_put(put, domains);
    for (const std::string& name : domains) {
      const auto domain = DomainName::parse(name);
      if (!domain.ok()) continue;
      const auto head = head_of(*domain);
      if (head.ok()) {
        on_changed_(head->ino);
        on_changed_(stage_of(*head));
      }
      if (hooks_.on_domain_changed) hooks_.on_domain_changed(*domain);
    }
  }

  void tell_erased(const std::string& key, std::set<std::string>& domains) {
    const auto parsed = parse_key(key);
    if (!parsed) return;
    domains.insert(parsed->domain.str());
    if (parsed->kind == keys::Kind::Domain) {
      root_changed();
      moved_away(kRootIno, parsed->domain.str());
    } else if (parsed->kind == keys::Kind::Release || parsed->kind == keys::Kind::Label) {
      const auto head = head_of(parsed->domain);
      if (head.ok()) moved_away(head->ino, parsed->rest);
    }
  }

  void tell_put(const Batch::Put& put, std::set<std::string>& domains) {
    const auto parsed = parse_key(put.key);
    if (!parsed) return;
    domains.insert(parsed->domain.str());
    switch (parsed->kind) {
      case keys::Kind::Domain: root_changed(); break;
      case keys::Kind::Release:
        if (const auto release = ReleaseRecord::decode(put.value); release.ok()) on_changed_(release->ino);
        [[fallthrough]];
      case keys::Kind::Label:
        if (const auto head = head_of(parsed->domain); head.ok()) move_aside(parsed->domain, *head, parsed->rest);
        break;
      case keys::Kind::History:
        if (const auto deed = HistoryRecord::decode(put.value); deed.ok()) {
          tell_deed(registry_.events(), parsed->domain, *deed);
        }
        break;
      default: break;
    }
  }

  Result<DomainRecord> head_of(const DomainName& domain) const { return registry_.domains().find(domain); }

  void root_changed() {
    registry_.drafts().tree().touch_place(kRootIno);
    on_changed_(kRootIno);
  }

  void moved_away(Ino directory, const std::string& name) {
    if (hooks_.on_moved_away) hooks_.on_moved_away(directory, name);
  }

  // What is committed has the name; a draft of this host that lay there is found in `.stage`.
  void move_aside(const DomainName& domain, const DomainRecord& head, const std::string& name) {
    DraftTree& drafts = registry_.drafts().tree();
    if (!drafts.lookup(head.ino, name).ok() || !is_committed(domain, name)) return;
    for (int i = 1; i <= kNamesTriedMax; ++i) {
      const std::string aside = name + "~" + std::to_string(i);
      moved_away(head.ino, name);
      const Status moved = drafts.rename(head.ino, name, stage_of(head), aside, false);
      if (moved.code() == Code::AlreadyExists) continue;
      if (!moved.ok()) return log::warn("the draft {}/{} stays where it is: {}", domain.str(), name, moved.message());
      moved_away(head.ino, name);
      registry_.events().append("moved_aside", {{"domain", domain.str()}, {"name", name}, {"to", ".stage/" + aside}});
      return log::warn("another host took the name {}/{}; the draft that lay there is now {}/.stage/{}", domain.str(),
                       name, domain.str(), aside);
    }
  }

  bool is_committed(const DomainName& domain, const std::string& name) const {
    const auto stored = registry_.snapshot();
    return stored.ok() && (stored->release(domain, name).ok() || stored->label(domain, name).ok());
  }

  Registry& registry_;
  const Hooks hooks_;
  const std::function<void(Ino)> on_changed_;
};

void DistantChanges::connect(Registry& registry, Hooks hooks, std::function<void(Ino)> on_changed) {
  const MutexLock lock(mutex_);
  teller_ = std::make_shared<Teller>(registry, std::move(hooks), std::move(on_changed));
  thread_ = std::make_unique<ThreadPool>("distant", 1);
  thread_->submit([teller = teller_] { teller->move_aside_all(); });
}

void DistantChanges::disconnect() {
  std::unique_ptr<ThreadPool> ended;
  const MutexLock lock(mutex_);
  ended = std::move(thread_);
  teller_.reset();
}

void DistantChanges::add(std::vector<Batch> changes) {
  const MutexLock lock(mutex_);
  if (!thread_) return;
  thread_->submit([teller = teller_, changes = std::move(changes)] { teller->tell(changes); });
}

}  // namespace modelfs
