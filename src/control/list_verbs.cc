// The requests that list. Everything is collected first and sent afterwards: a client that reads slowly holds no
// snapshot.
#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "control/documents.h"
#include "control/fields.h"
#include "control/lists.h"
#include "control/resolve.h"
#include "registry/access.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

// The domain that the request's path names.
Result<NamedThing> domain_of(const Snapshot& snapshot, const Credentials& who, const Message& request) {
  auto thing = resolve(snapshot, who, text_field(request.body, "path"));
  if (thing.ok() && thing->release) {
    return Status(Code::InvalidArgument, thing->str() + " is a release; name its domain, " + thing->domain.str());
  }
  return thing;
}

Result<Json> describe_domain(const Snapshot& snapshot, const Credentials& who, const DomainName& name,
                             const DomainRecord& head) {
  Json document = domain_document(name, head);
  // Every user may list the names of domains, as in the root of a mount, but not what is in them.
  const bool readable = authorise_reading(who, head.owner, name.str()).ok();
  document["readable"] = readable;
  if (!readable) return document;
  const auto latest = snapshot.latest_release(name);
  if (latest.ok()) document["latest"] = latest->version;
  if (!latest.ok() && latest.code() != Code::NotFound) return latest.status();
  std::uint64_t count = 0;
  const Status counted = snapshot.for_each_release(name, [&](const ReleaseRecord&) { return ++count > 0; });
  if (!counted.ok()) return counted;
  document["releases"] = count;
  return document;
}

// A record of the history, and whose it is.
using Told = std::pair<std::string, HistoryRecord>;

// Of all domains that `who` may read, those that were removed included. By time, since each domain counts for itself.
Result<std::vector<Told>> history_of_all(const Snapshot& snapshot, const Credentials& who, std::uint64_t count_max) {
  std::vector<Told> found;
  Status inner;
  const auto add = [&](const DomainName& name, const DomainRecord& head) {
    if (!authorise_reading(who, head.owner, name.str()).ok()) return true;
    std::uint64_t count = 0;
    inner = snapshot.for_each_history(name, [&](const HistoryRecord& record) {
      if (count++ >= count_max) return false;
      found.emplace_back(name.str(), record);
      return true;
    });
    return inner.ok();
  };
  Status walked = snapshot.for_each_domain(add);
  if (walked.ok() && inner.ok()) walked = snapshot.for_each_removed_domain(add);
  if (!walked.ok() || !inner.ok()) return walked.ok() ? inner : walked;
  std::stable_sort(found.begin(), found.end(),
                   [](const Told& a, const Told& b) { return raw(a.second.when) > raw(b.second.when); });
  if (found.size() > count_max) found.resize(count_max);
  return found;
}

// Of a domain; of a release, also one that was removed; or the moves of a label, also one that was removed.
Result<std::vector<Told>> history_of(const Snapshot& snapshot, const Credentials& who, const std::string& path,
                                     std::uint64_t count_max) {
  const auto parts = split_path(path);
  const auto domain = resolve(snapshot, who, parts[0]);
  if (!domain.ok()) return domain.status();
  const auto thing = resolve(snapshot, who, path);
  std::string version = thing.ok() && thing->release ? thing->release->version : "";
  std::string label;
  if (parts.size() == 2 && parts[1] != version && (!thing.ok() || snapshot.label(domain->domain, parts[1]).ok())) {
    label = parts[1];
    version = thing.ok() ? "" : label;  // nothing that is there has the name
  }
  std::vector<Told> found;
  const Status walked = snapshot.for_each_history(domain->domain, [&](const HistoryRecord& record) {
    if (found.size() >= count_max) return false;
    const bool is_meant = (version.empty() && label.empty()) || (!version.empty() && record.version == version) ||
                          (!label.empty() && record.label == label);
    if (is_meant) found.emplace_back(domain->domain.str(), record);
    return true;
  });
  if (!walked.ok()) return walked;
  if (found.empty() && !thing.ok()) return thing.status();
  return found;
}

}  // namespace

Result<LabelsByVersion> labels_by_version(const Snapshot& snapshot, const DomainName& domain) {
  LabelsByVersion labels;
  const Status status = snapshot.for_each_label(domain, [&](std::string_view name, const LabelRecord& label) {
    labels.emplace(label.version, name);
    return true;
  });
  if (!status.ok()) return status;
  return labels;
}

Json labels_of(const LabelsByVersion& labels, const std::string& version) {
  Json names = Json::array();
  const auto [begin, end] = labels.equal_range(version);
  for (auto label = begin; label != end; ++label) names.push_back(label->second);
  return names;
}

Dispatcher::Answer Dispatcher::domains(Message&, const Emit& emit) {
  std::vector<Json> found;
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    Status inner;
    const Status walked = snapshot->for_each_domain([&](const DomainName& name, const DomainRecord& head) {
      auto document = describe_domain(*snapshot, who_, name, head);
      if (document.ok()) found.push_back(*std::move(document));
      inner = document.status();
      return inner.ok();
    });
    if (!walked.ok()) return walked;
    if (!inner.ok()) return inner;
  }
  if (Status sent = emit_list(found.size(), emit, [&](std::size_t i) { return found[i]; }); !sent.ok()) return sent;
  return Message();
}

Dispatcher::Answer Dispatcher::releases(Message& request, const Emit& emit) {
  std::vector<ReleaseRecord> found;
  Result<LabelsByVersion> labels = LabelsByVersion();
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = domain_of(*snapshot, who_, request);
    if (!thing.ok()) return thing.status();
    labels = labels_by_version(*snapshot, thing->domain);
    if (!labels.ok()) return labels.status();
    const Status walked = snapshot->for_each_release(thing->domain, [&](const ReleaseRecord& release) {
      found.push_back(release);
      return true;
    });
    if (!walked.ok()) return walked;
  }
  std::sort(found.begin(), found.end(),
            [](const ReleaseRecord& a, const ReleaseRecord& b) { return raw(a.sequence) > raw(b.sequence); });
  const Status sent = emit_list(found.size(), emit, [&](std::size_t i) {
    Json document = release_document(found[i]);
    document["latest"] = i == 0;
    document["labels"] = labels_of(*labels, found[i].version);
    return document;
  });
  if (!sent.ok()) return sent;
  return Message();
}

Dispatcher::Answer Dispatcher::removed(Message& request, const Emit& emit) {
  std::vector<std::pair<std::string, ReleaseRecord>> found;
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = domain_of(*snapshot, who_, request);
    if (!thing.ok()) return thing.status();
    const Status walked =
        snapshot->for_each_removed(thing->domain, [&](std::string_view name, const ReleaseRecord& release) {
          found.emplace_back(name, release);
          return true;
        });
    if (!walked.ok()) return walked;
  }
  const Status sent = emit_list(found.size(), emit, [&](std::size_t i) {
    Json document = release_document(found[i].second);
    document["name"] = found[i].first;
    return document;
  });
  if (!sent.ok()) return sent;
  return Message();
}

Dispatcher::Answer Dispatcher::states(Message& request, const Emit& emit) {
  std::vector<Json> found;
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = resolve(*snapshot, who_, text_field(request.body, "path"));
    if (!thing.ok()) return thing.status();
    const auto states = context_.registry.model_states().list(thing->domain);
    if (!states.ok()) return states.status();
    for (const auto& [state, version] : *states) {
      if (!thing->release || thing->release->version == version) {
        found.push_back({{"state", state}, {"version", version}});
      }
    }
  }
  if (Status sent = emit_list(found.size(), emit, [&](std::size_t i) { return found[i]; }); !sent.ok()) return sent;
  return Message();
}

Dispatcher::Answer Dispatcher::labels(Message& request, const Emit& emit) {
  std::vector<std::pair<std::string, LabelRecord>> found;
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = domain_of(*snapshot, who_, request);
    if (!thing.ok()) return thing.status();
    const Status walked = snapshot->for_each_label(thing->domain, [&](std::string_view name, const LabelRecord& label) {
      found.emplace_back(name, label);
      return true;
    });
    if (!walked.ok()) return walked;
  }
  const Status sent =
      emit_list(found.size(), emit, [&](std::size_t i) { return label_document(found[i].first, found[i].second); });
  if (!sent.ok()) return sent;
  return Message();
}

Dispatcher::Answer Dispatcher::history(Message& request, const Emit& emit) {
  const std::uint64_t count_max = request.body.contains("count_max") ? number_field(request.body, "count_max")
                                                                     : std::numeric_limits<std::uint64_t>::max();
  const std::string path = text_or(request.body, "path", "");
  Result<std::vector<Told>> found = std::vector<Told>();
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    found = split_path(path).empty() ? history_of_all(*snapshot, who_, count_max)
                                     : history_of(*snapshot, who_, path, count_max);
  }
  if (!found.ok()) return found.status();
  const Status sent = emit_list(found->size(), emit, [&](std::size_t i) {
    Json document = history_document((*found)[i].second);
    document["domain"] = (*found)[i].first;
    return document;
  });
  if (!sent.ok()) return sent;
  return Message();
}

}  // namespace modelfs
