#include "control/resolve.h"

#include "registry/access.h"

namespace modelfs {
namespace {

constexpr std::string_view kLatest = "latest";

// The release that `name` leads to in `domain`: a version, `latest`, or a label.
Result<ReleaseRecord> follow(const Snapshot& snapshot, const DomainName& domain, const std::string& name) {
  if (name == kLatest) return snapshot.latest_release(domain);
  const auto direct = snapshot.release(domain, name);
  if (direct.code() != Code::NotFound) return direct;
  const auto label = snapshot.label(domain, name);
  if (label.code() == Code::NotFound) {
    return Status(Code::NotFound, "no release or label '" + printable(name) + "' in " + domain.str() +
                                      "; `modelfs ls " + domain.str() + "` lists them");
  }
  if (!label.ok()) return label.status();
  return snapshot.release(domain, label->version);
}

// The generation that `name` leads to in the release, or none when the name is the package's own.
Result<std::optional<GenerationRecord>> follow_generation(const Snapshot& snapshot, const NamedThing& thing,
                                                          const std::string& name) {
  using Found = std::optional<GenerationRecord>;
  const ReleaseRecord& release = *thing.release;
  if (!release.takes_generations) return Found();
  auto number = parse_generation(name);
  if (name == kLatest && release.last_generation != kNoGeneration) {
    const auto package = snapshot.container(release.ino);
    if (!package.ok()) return package.status();
    if (package->manifest->child(Manifest::kRoot, kLatest)) return Found();
    number = release.last_generation;
  }
  if (!number.ok()) return Found();
  const auto generation = snapshot.generation(thing.domain, release.sequence, *number);
  if (generation.code() == Code::NotFound) {
    const auto last = raw(release.last_generation);
    return Status(Code::NotFound, "no generation " + name + " in " + thing.str() + "; it has " +
                                      (last == 0   ? "none yet"
                                       : last == 1 ? "1 only"
                                                   : "1 to " + std::to_string(last)));
  }
  if (!generation.ok()) return generation.status();
  return Found(*generation);
}

}  // namespace

Status authorise_reading(const Credentials& who, const Ownership& owner, std::string_view what) {
  if (Status status = authorise(who, owner, Right::Read, what); !status.ok()) return status;
  return authorise(who, owner, Right::Search, what);
}

std::string NamedThing::str() const {
  std::string text = domain.str();
  if (release) text += "/" + release->version;
  if (generation) text += "/" + std::to_string(raw(generation->number));
  return text;
}

Result<NamedThing> resolve(const Snapshot& snapshot, const Credentials& who, std::string_view path) {
  const std::vector<std::string> components = split_path(path);
  if (components.empty()) return Status(Code::InvalidArgument, "the domain is missing; write DOMAIN/VERSION");
  const auto domain = DomainName::parse(components[0]);
  if (!domain.ok()) return domain.status();
  const auto head = snapshot.domain(*domain);
  if (!head.ok()) return head.status();
  if (Status status = authorise_reading(who, head->owner, domain->str()); !status.ok()) return status;

  NamedThing thing{*domain, *head, {}, {}, {}};
  if (components.size() == 1) return thing;
  const auto release = follow(snapshot, *domain, components[1]);
  if (!release.ok()) return release.status();
  thing.release = *release;
  std::size_t next = 2;
  if (components.size() > next) {
    auto generation = follow_generation(snapshot, thing, components[next]);
    if (!generation.ok()) return generation.status();
    thing.generation = *std::move(generation);
    if (thing.generation) ++next;
  }
  for (; next < components.size(); ++next) {
    if (!thing.inside.empty()) thing.inside += '/';
    thing.inside += components[next];
  }
  return thing;
}

Result<NamedThing> resolve_package(const Snapshot& snapshot, const Credentials& who, std::string_view path) {
  auto thing = resolve(snapshot, who, path);
  if (!thing.ok()) return thing;
  if (!thing->release) {
    return Status(Code::InvalidArgument,
                  thing->str() + " is a domain; name a release of it, such as " + thing->str() + "/latest");
  }
  if (!thing->inside.empty()) {
    return Status(Code::InvalidArgument, thing->str() + "/" + printable(thing->inside) +
                                             " lies inside a release; name the whole release, " + thing->str());
  }
  return thing;
}

}  // namespace modelfs
