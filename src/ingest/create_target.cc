#include "ingest/create_target.h"

#include <string>
#include <utility>

namespace modelfs {

Result<Target> create_target(const LayoutMount& mount, const Node& parent, const CreateRule& rule, bool is_generation,
                             std::string_view version) {
  std::string release(version);
  if (is_generation) {
    const auto container = mount.containers(parent.container);
    if (!container.ok()) return container.status();
    release = (*container)->version;
  }
  auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return domain.status();
  auto name = VersionName::parse(release);
  if (!name.ok()) return name.status();
  return Target{std::move(*domain), std::move(*name), is_generation, rule.number};
}

}  // namespace modelfs
