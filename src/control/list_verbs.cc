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

// Newest first; of one release, when the path names one.
Dispatcher::Answer Dispatcher::history(Message& request, const Emit& emit) {
  const std::uint64_t count_max = request.body.contains("count_max") ? number_field(request.body, "count_max")
                                                                     : std::numeric_limits<std::uint64_t>::max();
  std::vector<HistoryRecord> found;
  {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = resolve(*snapshot, who_, text_field(request.body, "path"));
    if (!thing.ok()) return thing.status();
    const Status walked = snapshot->for_each_history(thing->domain, [&](const HistoryRecord& record) {
      if (found.size() >= count_max) return false;
      if (!thing->release || record.version == thing->release->version) found.push_back(record);
      return true;
    });
    if (!walked.ok()) return walked;
  }
  const Status sent = emit_list(found.size(), emit, [&](std::size_t i) { return history_document(found[i]); });
  if (!sent.ok()) return sent;
  return Message();
}

}  // namespace modelfs
